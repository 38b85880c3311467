import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createAnthropic } from "@ai-sdk/anthropic";
import { generateText, streamText } from "ai";
import { LLM } from "rapidai";
import { background, InMemoryQueue } from "rapidai/background";
import { ms, spread, table } from "./report.ts";
import { byTurns, type Contender, type Spread } from "./rounds.ts";

const CALLS = 200;
const ROUNDS = 7;
const MODEL = "claude-haiku-4-5";
const PROMPT = "Say something of some length about queues, please.";

/**
 * The overhead of LLM over the AI SDK, for sequential calls to a server in another process. Elapsed time mostly depends
 * on the server and the machine, so that this process's CPU time is measured too.
 */
export async function llm(): Promise<void> {
  const { server, url } = await startServer();
  const bare = createAnthropic({ baseURL: url, apiKey: "any" })(MODEL);
  const ours = new LLM(MODEL, { baseURL: url, apiKey: "any" });
  const queue = new InMemoryQueue();
  const work = background({ queue, maxRetries: 0 }, async function work() {
    return perCall(() => ours.complete(PROMPT))();
  });
  const contenders = {
    bare: perCall(() => generateText({ model: bare, prompt: PROMPT, maxRetries: 0 })),
    ours: perCall(() => ours.complete(PROMPT)),
    inJob: async () => Number((await work.wait(await work.enqueue())).result),
    bareStream: perCall(() => read(streamText({ model: bare, prompt: PROMPT, maxRetries: 0 }).textStream)),
    ourStream: perCall(() => read(ours.stream(PROMPT))),
  };
  const times = await byTurns(contenders, ROUNDS);
  measure = () => process.cpuUsage().user / 1_000;
  const computed = await byTurns(contenders, ROUNDS);
  await queue.close();
  server.kill();

  console.log(`\n## ${CALLS} calls of a model on this machine, ${ROUNDS} rounds\n`);
  type Name = keyof typeof contenders;
  const row = (title: string, name: Name, peer?: Name) => {
    const more = (of: Readonly<Record<Name, Spread>>) => (peer ? ms(of[name].median - of[peer].median) : "");
    return [title, spread(times[name], ms), more(times), spread(computed[name], ms), more(computed)];
  };
  table(
    ["", "a call takes", "more than bare", "of which computing here", "more than bare"],
    [
      row("AI SDK, generateText", "bare"),
      row("LLM.complete", "ours", "bare"),
      row("LLM.complete in a job", "inJob", "bare"),
      row("AI SDK, streamText", "bareStream"),
      row("LLM.stream", "ourStream", "bareStream"),
    ],
  );
}

/** Elapsed time or this process's CPU time, in milliseconds. */
let measure: () => number = () => performance.now();

function perCall(call: () => Promise<unknown>): Contender {
  return async () => {
    const startedAt = measure();
    for (let count = 0; count < CALLS; count++) await call();
    return (measure() - startedAt) / CALLS;
  };
}

async function read(pieces: AsyncIterable<string>): Promise<void> {
  for await (const _ of pieces);
}

async function startServer(): Promise<{ server: ChildProcess; url: string }> {
  const program = fileURLToPath(new URL("../test/llm/wire/program.ts", import.meta.url));
  const server = spawn(process.execPath, [...process.execArgv, program], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(server.stdout, "data");
  return { server, url: String(line).trim() };
}
