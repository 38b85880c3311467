/** What a server's adapter may hand over beside the request: with `@hono/node-server` and `app.run`, Node's own. */
export interface Connection {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string | undefined } | undefined } | undefined;
}
