import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { chromiumProgram } from "./chromium.ts";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A process for each page takes longer to start than most tests of one do.
  "--renderer-process-limit=1",
];

/** A browser that starts on a busy machine takes its time, and that is no failure. */
export const SLOW_MS = 60_000;

export function startBrowser(): Promise<Browser> {
  const executablePath = chromiumProgram();
  if (executablePath === undefined) throw new Error("There is no chromium.");
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

/** A page, and whatever happens in it that should not. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, breaches of the policy, dialogs, requests to elsewhere. */
  readonly complaints: string[];
}

export async function openPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  // Less than a test may take, so that its error names the step that waits.
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  // A breach of the policy is an error of the console, too.
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("popup", () => complaints.push("popup"));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin)) complaints.push(`request: ${request.url()}`);
  });
  return { page, complaints };
}
