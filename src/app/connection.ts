/** What a server may pass along with the request. `app.run` and `@hono/node-server` pass Node's request as `incoming`. */
export interface Connection {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string | undefined } | undefined } | undefined;
}
