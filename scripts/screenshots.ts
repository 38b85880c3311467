// Takes the screenshots of the dashboard for the documentation: npm run screenshots.
// They show a real queue, which runs jobs for half a minute while a browser has the dashboard open.

import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { App } from "rapidai";
import { background, InMemoryQueue, PermanentError } from "rapidai/background";
import { dashboard, type Redact } from "rapidai/http";
import { startBrowser } from "../test/dashboard/browser.ts";

/** How long the queue runs before the screenshots are taken, so that the charts have data. */
const WORK_MS = Number(process.env.WORK_MS ?? 40_000);
const FOLDER = fileURLToPath(new URL("../docs/images/", import.meta.url));

const queue = new InMemoryQueue({ concurrency: 6 });

const sendEmail = background({ queue, name: "send-email" }, async (email: { to: string; template: string }) => {
  await sleep(60 + (email.to.length % 7) * 25);
  return { sent: true, to: email.to };
});

const resizeImage = background({ queue, name: "resize-image" }, async ({ file }: { file: string }) => {
  await sleep(250 + (file.length % 5) * 110);
  return { file, sizes: [320, 640, 1_280] };
});

const summarizeReport = background(
  { queue, name: "summarize-report", concurrency: 2 },
  async ({ report, pages }: { report: string; pages: number; language: string }, job) => {
    for (let done = 1; done <= pages; done++) {
      await sleep(700, undefined, { signal: job.signal });
      job.progress({ done, total: pages, message: `page ${done} of ${pages}` });
      job.log(`page ${done}: ${380 + ((done * 37) % 90)} words, ${3 + (done % 3)} findings`);
      job.recordUsage({ inputTokens: 1_180 + done * 13, outputTokens: 96, cost: 0.0021 });
    }
    return { report, summary: "A steady year, with revenue up by four per cent.", risks: ["currency", "supply"] };
  },
);

const chargeCard = background(
  { queue, name: "charge-card", maxRetries: 2, backoff: "5s" },
  async function authorize({ order }: { order: number; amount: { currency: string; cents: number } }, job) {
    job.log(`authorizing order ${order}`);
    await sleep(120);
    if (order % 3 === 0 && job.attempt > 1) throw new PermanentError("card_declined: insufficient funds");
    throw new Error("503 Service Unavailable: the bank asks to try again");
  },
);

/** Hides the paths of this machine in stack traces. */
const redact: Redact = (job) =>
  JSON.parse(JSON.stringify(job).replaceAll(new URL("..", import.meta.url).href, "file:///srv/shop/"));

const app = new App().mount("/dashboard", dashboard({ queue, basePath: "/dashboard", redact }));
const server = await app.run({ port: 0 });
const url = `${server.url}/dashboard`;
const browser = await startBrowser();
mkdirSync(FOLDER, { recursive: true });

const page = await (await browser.newContext({ viewport: { width: 1_200, height: 760 } })).newPage();
await page.goto(url);

const customers = ["ada", "grace", "alan", "edsger", "barbara", "donald", "frances", "tony"];
let isOver = false;
const orders = [2_112, 2_113, 2_114].map((order) => ({ order, amount: { currency: "EUR", cents: 4_900 } }));
const [declined] = await chargeCard.enqueueMany(orders);
await queue.enqueue("rebuild-search-index", { shards: 12 });
await queue.enqueue("rebuild-search-index", { shards: 4 }, { delay: "2h" });
const cancelled = await summarizeReport.enqueue({ report: "draft.pdf", pages: 30, language: "en" });
await summarizeReport.enqueue({ report: "q3-2026.pdf", pages: 9, language: "en" });
const work = keepWorking();
await sleep(WORK_MS / 2);
await queue.cancel(cancelled, { by: "ada@example.com" });
await sleep(WORK_MS / 2);
const running = await summarizeReport.enqueue({ report: "annual-report-2026.pdf", pages: 24, language: "en" });
await summarizeReport.enqueue({ report: "audit-2026.pdf", pages: 40, language: "de" });
await chargeCard.enqueue({ order: 2_120, amount: { currency: "EUR", cents: 12_900 } });
await sleep(3_000);
await page.setViewportSize({ width: 1_200, height: 440 });
await picture("dashboard-why", "/why", "light");
await page.setViewportSize({ width: 1_200, height: 760 });
await sleep(4_000);

await picture("dashboard-overview", "", "light");
await picture("dashboard-overview-dark", "", "dark");
await picture("dashboard-jobs", "/jobs", "light");
await picture("dashboard-running-dark", `/jobs/${running}`, "dark");
await picture("dashboard-failed", `/jobs/${declined}`, "light");
const touch = { viewport: { width: 360, height: 720 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const phone = await (await browser.newContext(touch)).newPage();
await phone.goto(`${url}/jobs`);
await shoot(phone, "dashboard-phone");

isOver = true;
await work;
await browser.close();
await server.close();
await queue.close({ grace: 0 });

/** Enqueues work at a varying rate. */
async function keepWorking(): Promise<void> {
  for (let n = 0; !isOver; n++) {
    const emails = Array.from({ length: Math.round(3 + 2 * Math.sin(n / 12)) }, (_, i) => ({
      to: `${customers[(n + i) % customers.length]}@example.com`,
      template: "receipt",
    }));
    await sendEmail.enqueueMany(emails);
    if (n % 3 === 0) await resizeImage.enqueue({ file: `photo-${4_000 + n * 17}.jpg` });
    await sleep(400);
  }
}

async function picture(name: string, path: string, colorScheme: "light" | "dark"): Promise<void> {
  await page.emulateMedia({ colorScheme });
  // Navigates within the page, as its links do, so that the charts keep their data.
  const address = JSON.stringify(`/dashboard${path === "" ? "/" : path}`);
  await page.evaluate(`history.pushState(null, "", ${address}); dispatchEvent(new PopStateEvent("popstate"))`);
  await shoot(page, name);
}

async function shoot(shown: Page, name: string): Promise<void> {
  await shown.locator("h1").first().waitFor({ state: "attached" });
  await shown.locator(".loading, .is-stale").first().waitFor({ state: "detached" });
  await shown.locator(".connection.is-live").waitFor();
  await sleep(400);
  await shown.screenshot({ path: `${FOLDER}${name}.png`, ...(name.includes("overview") && { fullPage: true }) });
  console.log(`docs/images/${name}.png`);
}
