import { createHash, timingSafeEqual } from "node:crypto";
import type { Auth } from "../http/guard.ts";
import { UsageError } from "./exit-code.ts";

/** What a browser asks a person for, by HTTP's basic authentication (RFC 7617). */
export interface BasicAuth {
  readonly auth: Auth;
  /** Has a browser ask, where the handler lets nobody in without. */
  guarded<Rest extends unknown[]>(
    handler: (request: Request, ...rest: Rest) => Promise<Response>,
  ): (request: Request, ...rest: Rest) => Promise<Response>;
}

/**
 * @param credentials a user's name and a password: `"ops:secret"`
 * @throws UsageError when they are not that
 */
export function basicAuth(credentials: string): BasicAuth {
  const [, name = "", password = ""] = /^([^:\p{Cc}]+):([^\p{Cc}]+)$/u.exec(credentials) ?? [];
  if (name === "" || password === "") throw new UsageError("Give --auth as USER:PASSWORD.");
  const expected = digestOf(credentials);
  const isRight = (request: Request) => {
    const [, given = ""] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    // Digests are of one length, and compared in a time that tells nothing.
    return timingSafeEqual(digestOf(Buffer.from(given, "base64").toString("utf8")), expected);
  };
  return {
    auth: (request) => (isRight(request) ? { name, role: "write" } : null),
    guarded: (handler) => {
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
