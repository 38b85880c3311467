export type RequestBody = NonNullable<RequestInit["body"]>;

/**
 * The same request with another body, and maybe at another address. It is built anew from its parts, because a server's
 * request may only look like one, and is then not taken by `new Request(request)`.
 */
export function rebuildRequest(request: Request, body: RequestBody | null, url: string = request.url): Request {
  const { method, headers, signal } = request;
  return new Request(url, { method, headers, signal, ...(body !== null && { body, duplex: "half" as const }) });
}
