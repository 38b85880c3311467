import type { Browser, BrowserContextOptions } from "playwright-core";
import { App, type AppServer } from "rapidai";
import { background, InMemoryQueue, PermanentError, type Task } from "rapidai/background";
import { type DashboardOptions, dashboard } from "../../src/http/dashboard/dashboard.ts";
import { openPage, type WatchedPage } from "./browser.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

export interface Scene {
  readonly queue: InMemoryQueue;
  /** Where the dashboard is. */
  readonly url: string;
  /** Runs until `end`. */
  readonly held: Task<{ name: string }, unknown>;
  /** What the attempt that began last reports. */
  readonly report: { progress(done: number, message: string): void; log(line: string): void };
  /** Lets the attempt of this name complete, or fail for good. */
  end(name: string, isGood: boolean): Promise<void>;
  open(browser: Browser, how?: BrowserContextOptions): Promise<WatchedPage>;
  close(): Promise<void>;
}

/** A queue whose jobs do what the test says, and its dashboard on a server of its own. */
export async function startScene(options: Partial<DashboardOptions> = {}): Promise<Scene> {
  const queue = new InMemoryQueue({ concurrency: 4, logger: SILENT });
  const gates = new Map<string, (go: boolean) => void>();
  const report: Scene["report"] = { progress() {}, log() {} };

  /** Runs until the test lets it end, by `end(name, isGood)`. */
  const held = background(
    { queue, name: "import-customers", maxRetries: 0 },
    async function held({ name }: { name: string }, job) {
      report.progress = (done, message) => job.progress({ done, total: 10, message });
      report.log = (line) => job.log(line);
      const isGood = await new Promise<boolean>((resolve, reject) => {
        gates.set(name, resolve);
        job.signal.addEventListener("abort", () => reject(job.signal.reason));
      });
      if (!isGood) throw new PermanentError("the file has no rows");
      return { imported: 10, name };
    },
  );
  const handler = dashboard({ queue, basePath: "/dashboard", logger: SILENT, ...options });
  const app = new App({ logger: SILENT }).mount("/dashboard", handler);
  const opened: WatchedPage[] = [];
  const server: AppServer = await app.run({ port: 0 });
  return {
    queue,
    held,
    report,
    url: `${server.url}/dashboard`,
    async end(name: string, isGood: boolean): Promise<void> {
      while (!gates.has(name)) await new Promise((resolve) => setImmediate(resolve));
      gates.get(name)?.(isGood);
      gates.delete(name);
    },
    async open(browser: Browser, how?: BrowserContextOptions): Promise<WatchedPage> {
      const watched = await openPage(browser, server.url, how);
      opened.push(watched);
      return watched;
    },
    async close(): Promise<void> {
      await server.close();
      for (const { page } of opened) await page.context().close();
      await queue.close({ grace: 0 });
    },
  };
}
