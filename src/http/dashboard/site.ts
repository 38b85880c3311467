import type { HttpError } from "../http-error.ts";
import { FILES, NAMES } from "./page.ts";

/** Properties of the page for one user. */
export interface Site {
  readonly title: string;
  /** The dashboard's path as the browser sees it, without a trailing slash. */
  readonly basePath: string;
  /** Whether the user may not make changes. */
  readonly isReadOnly: boolean;
}

/**
 * The content security policy: everything is loaded from this server, no inline scripts run, text cannot become markup
 * (Trusted Types), and the page cannot be framed.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** The paths of the page's screens. All get the same page, whose router chooses the screen. */
const SCREEN = /^\/(?:|jobs\/?|jobs\/[^/]+\/?|why\/?)$/;

/** Answers with the page or one of its files; `null` if there is nothing at the path, which lacks the mount's prefix. */
export async function siteResponse(path: string, request: Request, site: Site): Promise<Response | null> {
  const [, name] = /^\/assets\/([\w.-]+)$/.exec(path) ?? [];
  if (name !== undefined) return fileResponse(name, request);
  return SCREEN.test(path) ? pageResponse(htmlOf(site), "text/html", 200) : null;
}

/** An error as plain text, for users of a browser. */
export function textPage({ status, message, headers }: HttpError): Response {
  return pageResponse(`${message}\n`, "text/plain", status, headers);
}

function pageResponse(
  text: string,
  type: string,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  // Revalidated each time: it names the current files, and the user's permissions may change.
  const own = { "content-type": `${type}; charset=utf-8`, "cache-control": "no-cache, private" };
  return new Response(text, { status, headers: { ...HEADERS, ...own, ...headers } });
}

function fileResponse(name: string, request: Request): Response | null {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (file === undefined) return null;
  const headers = {
    ...HEADERS,
    "content-type": TYPES[name.slice(name.lastIndexOf(".") + 1)] as string,
    // Names contain a hash of the content.
    "cache-control": "public, max-age=31536000, immutable",
    vary: "accept-encoding",
  };
  const compressed = new Blob([Buffer.from(file, "base64")]);
  if (acceptsGzip(request)) return new Response(compressed, { headers: { ...headers, "content-encoding": "gzip" } });
  return new Response(compressed.stream().pipeThrough(new DecompressionStream("gzip")), { headers });
}

/** Whether the client accepts gzip; `gzip;q=0` refuses it. */
function acceptsGzip(request: Request): boolean {
  const accepted = request.headers.get("accept-encoding") ?? "";
  return accepted.split(",").some((each) => /^\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(each));
}

function htmlOf({ title, basePath, isReadOnly }: Site): string {
  const file = (name: string) => escaped(`${basePath}/assets/${name}`);
  return `<!doctype html>
<html lang="en"${isReadOnly ? " data-read-only" : ""}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<script src="${file(NAMES.theme)}"></script>
<link rel="stylesheet" href="${file(NAMES.style)}">
<link rel="icon" href="${file(NAMES.icon)}" type="image/svg+xml">
<script type="module" src="${file(NAMES.main)}"></script>
</head>
<body><noscript>The dashboard runs in the browser: allow JavaScript for this page.</noscript>
<p class="has-no-files">The files of this page were not found at ${escaped(basePath)}/assets: pass dashboard() the basePath that it is mounted at.</p></body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
