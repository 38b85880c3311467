import type { HttpError } from "../http-error.ts";
import { FILES, NAMES } from "./page.ts";

/** How the page is to be. */
export interface Site {
  readonly title: string;
  /** Where the browser finds the dashboard, without a slash at the end. */
  readonly basePath: string;
  /** Whether whoever asks may change nothing. */
  readonly isReadOnly: boolean;
}

/**
 * Everything comes from the server itself, nothing runs that stands in the page, no text ever becomes markup (trusted
 * types), and nobody puts the page into a frame.
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

/** The page's own addresses; which job is shown is none of the server's business. */
const SCREEN = /^\/(?:|jobs\/?|jobs\/[^/]+\/?|why\/?)$/;

/** The page and its files, by the path beneath the mount; `null` where there is nothing. */
export async function siteResponse(path: string, request: Request, site: Site): Promise<Response | null> {
  const [, name] = /^\/assets\/([\w.-]+)$/.exec(path) ?? [];
  if (name !== undefined) return fileResponse(name, request);
  return SCREEN.test(path) ? pageResponse(htmlOf(site), "text/html", 200) : null;
}

/** An error for whoever looks at it in a browser. */
export function textPage({ status, message, headers }: HttpError): Response {
  return pageResponse(`${message}\n`, "text/plain", status, headers);
}

function pageResponse(
  text: string,
  type: string,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  // Looked for anew each time: it names the files, and what somebody may do can change.
  const own = { "content-type": `${type}; charset=utf-8`, "cache-control": "no-cache, private" };
  return new Response(text, { status, headers: { ...HEADERS, ...own, ...headers } });
}

function fileResponse(name: string, request: Request): Response | null {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (file === undefined) return null;
  const headers = {
    ...HEADERS,
    "content-type": TYPES[name.slice(name.lastIndexOf(".") + 1)] as string,
    // Another content has another name.
    "cache-control": "public, max-age=31536000, immutable",
    vary: "accept-encoding",
  };
  const compressed = new Blob([Buffer.from(file, "base64")]);
  if (takesGzip(request)) return new Response(compressed, { headers: { ...headers, "content-encoding": "gzip" } });
  return new Response(compressed.stream().pipeThrough(new DecompressionStream("gzip")), { headers });
}

/** Whether the client says so, and not that it does not: `gzip;q=0`. */
function takesGzip(request: Request): boolean {
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
<body><noscript>The dashboard is a program that runs in the browser: allow JavaScript for this page.</noscript>
<p class="has-no-files">The files of this page are not at ${escaped(basePath)}/assets: give dashboard() the basePath that it is mounted at.</p></body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
