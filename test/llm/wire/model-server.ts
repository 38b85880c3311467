import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { messages } from "./anthropic.ts";
import { completions, embeddings, responses, tokensIn } from "./openai.ts";
import type { Answer, Body, Protocol } from "./protocol.ts";

/** What becomes of a request instead of a good answer. Plain data: it goes over HTTP too. */
type Plan =
  | {
      readonly kind: "refuse";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly message?: string;
    }
  /** It is never answered. */
  | { readonly kind: "hang" }
  /** The answer ends after so many words: the connection breaks, or (clean) as if that were all. */
  | { readonly kind: "cut"; readonly after: number; readonly isClean?: boolean }
  /** The provider says in the midst of the stream that it failed. */
  | { readonly kind: "fail"; readonly after: number; readonly message: string }
  /** A good status, and a body that is none. */
  | { readonly kind: "garbage"; readonly body: string; readonly type?: string }
  /** A good status, and a body that does not end. */
  | { readonly kind: "flood" }
  /** A wait before each word. */
  | { readonly kind: "slow"; readonly everyMs: number };

interface Received {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ModelServer {
  /** For `baseURL`. */
  readonly url: string;
  readonly requests: readonly Received[];
  /** Requests whose client went away before it had its answer. */
  readonly left: number;
  /** What becomes of the next requests, in order; those behind them get good answers. */
  plan(...plans: readonly Plan[]): void;
  /** Forgets requests and plans. */
  reset(): void;
  close(): Promise<void>;
}

export interface ModelServerInit {
  readonly port?: number;
  /** What is answered to a prompt. */
  readonly answer?: (prompt: string) => string;
  /** The only key that is let in; default: any. */
  readonly key?: string;
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  "/v1/messages": messages,
  "/v1/responses": responses,
  "/v1/chat/completions": completions,
};

/** Words of the prompt, so that a test sees that it arrived. */
const echo = (prompt: string): string => `You said: ${prompt.slice(0, 2_000)}`;

/**
 * A server that speaks what Anthropic's and OpenAI's do: messages, responses, chat completions and embeddings, whole and
 * as streams. It invents no answers: it repeats.
 *
 * `POST /plan` with a list of plans does what {@link ModelServer.plan} does, for a server in another process.
 */
export async function startModelServer({ port = 0, answer = echo, key }: ModelServerInit = {}): Promise<ModelServer> {
  const requests: Received[] = [];
  const plans: Plan[] = [];
  let left = 0;

  const serve = async (request: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const path = request.url ?? "";
    const body = JSON.parse((await textOf(request)) || "{}") as Body;
    if (path === "/plan") {
      plans.push(...(body as unknown as readonly Plan[]));
      reply.end();
      return;
    }
    requests.push({ path, headers: request.headers, body });
    reply.on("close", () => {
      if (!reply.writableFinished) left++;
    });
    const protocol = PROTOCOLS[path];
    const plan = plans.shift();
    const refuse = (status: number, message: string, headers: Readonly<Record<string, string>> = {}) => {
      for (const [name, value] of Object.entries(headers)) reply.setHeader(name, value);
      send(reply, status, (protocol ?? responses).refusal(status, message));
    };
    if (plan?.kind === "hang") return;
    if (plan?.kind === "refuse") return refuse(plan.status, plan.message ?? "not now", plan.headers);
    if (plan?.kind === "garbage") {
      reply.writeHead(200, { "content-type": plan.type ?? "application/json" }).end(plan.body);
      return;
    }
    if (plan?.kind === "flood") return flood(reply);
    const given = request.headers["x-api-key"] ?? request.headers.authorization?.replace(/^Bearer /, "");
    if (!given || (key !== undefined && given !== key)) return refuse(401, `invalid key: ${given}`);
    if (path === "/v1/embeddings") return send(reply, 200, embeddings(body));
    if (protocol === undefined) return refuse(404, `no such path: ${path}`);

    const prompt = protocol.promptOf(body);
    const text = answer(prompt);
    const whole: Answer = { text, inputTokens: tokensIn(prompt), outputTokens: tokensIn(text) };
    if ((body as { stream?: boolean }).stream !== true) {
      if (plan?.kind === "slow") await pause(plan.everyMs);
      if (plan?.kind === "cut") {
        reply.writeHead(200, { "content-type": "application/json", "content-length": 1_000 }).write('{"id": "msg');
        reply.socket?.destroySoon();
        return;
      }
      return send(reply, 200, protocol.whole(body, whole));
    }
    await stream(reply, protocol, body, whole, plan);
  };

  const server = createServer((request, reply) => {
    serve(request, reply).catch(() => reply.destroy());
  });
  server.listen(port, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    get left() {
      return left;
    },
    plan: (...more) => {
      plans.push(...more);
    },
    reset: () => {
      requests.length = 0;
      plans.length = 0;
      left = 0;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function stream(reply: ServerResponse, protocol: Protocol, body: Body, answer: Answer, plan: Plan | undefined) {
  reply.writeHead(200, { "content-type": "text/event-stream" });
  let words = 0;
  for (const { text, isWords } of protocol.frames(body, answer)) {
    if (isWords) words++;
    if (plan?.kind === "cut" && words > plan.after) {
      // Its words go out first: a connection that is destroyed at once may take them with it.
      await pause(10);
      if (plan.isClean) reply.end();
      else reply.destroy();
      return;
    }
    if (plan?.kind === "fail" && words > plan.after) {
      reply.end(protocol.failure(plan.message).text);
      return;
    }
    if (plan?.kind === "slow" && isWords) await pause(plan.everyMs);
    if (reply.destroyed) return;
    reply.write(text);
  }
  reply.end();
}

function flood(reply: ServerResponse): void {
  const blanks = Buffer.alloc(1 << 20, " ");
  const pour = (): void => {
    while (!reply.destroyed && reply.write(blanks));
  };
  reply.writeHead(200, { "content-type": "application/json" }).on("drain", pour);
  pour();
}

function send(reply: ServerResponse, status: number, body: unknown): void {
  reply.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  request.setEncoding("utf8");
  for await (const chunk of request) text += chunk;
  return text;
}
