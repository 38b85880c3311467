import { createHash, timingSafeEqual } from "node:crypto";
import type { Auth } from "../http/guard.ts";
import { UsageError } from "./exit-code.ts";

/** HTTP basic authentication (RFC 7617), for which browsers show a login prompt. */
export interface BasicAuth {
  readonly auth: Auth;
  /** Adds a challenge to the handler's 401 responses, so that browsers prompt. */
  withChallenge<Rest extends unknown[]>(
    handler: (request: Request, ...rest: Rest) => Promise<Response>,
  ): (request: Request, ...rest: Rest) => Promise<Response>;
}

/**
 * @param credentials user name and password: `"ops:secret"`
 * @throws UsageError when they are malformed
 */
export function basicAuth(credentials: string): BasicAuth {
  const [, name = "", password = ""] = /^([^:\p{Cc}]+):([^\p{Cc}]+)$/u.exec(credentials) ?? [];
  if (name === "" || password === "") throw new UsageError("The --auth must have the form USER:PASSWORD.");
  const expected = digestOf(credentials);
  const isRight = (request: Request) => {
    const [, given = ""] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    // Digests have equal lengths, and comparing them takes constant time.
    return timingSafeEqual(digestOf(Buffer.from(given, "base64").toString("utf8")), expected);
  };
  return {
    auth: (request) => (isRight(request) ? { name, role: "write" } : null),
    withChallenge: (handler) => {
      return async (request, ...rest) => {
        const response = await handler(request, ...rest);
        if (response.status !== 401) return response;
        const headers = new Headers(response.headers);
        headers.set("www-authenticate", 'Basic realm="rapidai", charset="UTF-8"');
        return new Response(response.body, { status: 401, headers });
      };
    },
  };
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
