export type RequestBody = NonNullable<RequestInit["body"]>;

/**
 * Copies a request, with another body and optionally another URL. It is built from its parts because a server's request
 * may only be shaped like a Request, which `new Request(request)` does not accept.
 */
export function rebuildRequest(request: Request, body: RequestBody | null, url: string = request.url): Request {
  const { method, headers, signal } = request;
  return new Request(url, { method, headers, signal, ...(body !== null && { body, duplex: "half" as const }) });
}
