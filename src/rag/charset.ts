import type { Pace } from "./pace.ts";

/** How many bytes are decoded before the event loop may get a turn. */
const SLICE_BYTES = 1 << 20;

/**
 * Decodes bytes to text. The charset is that of a byte order mark (UTF-8, UTF-16), else of an HTML page's
 * `<meta charset>` or XML declaration, else UTF-8 if most non-ASCII characters are valid as such (invalid bytes become
 * U+FFFD), else windows-1252, a superset of Latin-1.
 */
export async function decodeText(bytes: Uint8Array, isHtml: boolean, pace: Pace): Promise<string> {
  const declared = charsetOfMark(bytes) ?? (isHtml ? declaredCharset(bytes) : undefined);
  const text = await decodeAs(declared ?? "utf-8", bytes, pace);
  if (declared !== undefined || (await isMostlyValid(text, pace))) return text;
  return decodeAs("windows-1252", bytes, pace);
}

function charsetOfMark([first, second, third]: Uint8Array): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : undefined;
}

const META = /<meta\s[^>]*?charset\s*=\s*["']?\s*([\w:.-]+)/i;
const XML = /^<\?xml\s[^>]*?encoding\s*=\s*["']\s*([\w:.-]+)/;

/** A simplified prescan: https://html.spec.whatwg.org/#prescan-a-byte-stream-to-determine-its-encoding */
function declaredCharset(bytes: Uint8Array): string | undefined {
  const beginning = Buffer.from(bytes.subarray(0, 1_024)).toString("latin1");
  const label = (META.exec(beginning) ?? XML.exec(beginning))?.[1];
  if (label === undefined) return undefined;
  try {
    const { encoding } = new TextDecoder(label);
    // A declaration readable as ASCII proves that the page is not in UTF-16, and one of UTF-8 is often wrong.
    return encoding.startsWith("utf-") ? undefined : encoding;
  } catch {
    return undefined;
  }
}

async function decodeAs(charset: string, bytes: Uint8Array, pace: Pace): Promise<string> {
  const decoder = new TextDecoder(charset);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    parts.push(decoder.decode(bytes.subarray(at, at + SLICE_BYTES), { stream: true }));
    await pace.rest();
  }
  parts.push(decoder.decode());
  return parts.join("");
}

const INVALID = "\ufffd";

async function isMostlyValid(text: string, pace: Pace): Promise<boolean> {
  const from = text.indexOf(INVALID);
  if (from === -1) return true;
  let invalid = 0;
  let valid = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0xfffd) invalid++;
    else if (unit > 0x7f) valid++;
    if ((at & 0xffff) === 0) await pace.rest();
  }
  return valid > invalid;
}
