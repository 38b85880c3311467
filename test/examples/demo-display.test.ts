import type { WriteStream } from "node:tty";
import { stripVTControlCharacters } from "node:util";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { JobView } from "../../examples/demo/client.ts";
import { displayFor } from "../../examples/demo/display.ts";
import { tableOf } from "../../examples/demo/table.ts";
import type { Sent } from "../../examples/demo/watch.ts";

beforeEach(() => void vi.stubEnv("TERM", "xterm"));

/** A terminal that remembers what was written. */
function terminal(columns: number, rows: number, isTTY = true): WriteStream & { written: string } {
  const stdout = {
    columns,
    rows,
    isTTY,
    written: "",
    write(text: string) {
      stdout.written += text;
      return true;
    },
  };
  return stdout as unknown as WriteStream & { written: string };
}

function sent(changes: Partial<JobView> = {}): Sent {
  const job: JobView = {
    jobId: "j1",
    status: "running",
    attempts: 1,
    maxRetries: 3,
    runAt: new Date().toISOString(),
    duration: null,
    progress: { fraction: 0.5, message: "1,000 words" },
    usage: null,
    error: null,
    result: null,
    ...changes,
  };
  const document = { name: "a-document.md", content: new Uint8Array(), failures: 0, cancelAt: 1, killAt: 1 };
  return { document, job, isOrphan: false };
}

test.each([
  [200, `a-document.md  ${"█".repeat(15)}${"░".repeat(15)}  50 %  1,000 words`],
  [79, `a-document.md  ${"█".repeat(11)}${"░".repeat(10)}  50 %  1,000 words`],
  [50, "a-document.md  50 %  1,000 words"],
  [20, "a-document.md  50 %"],
  [10, "a-documen"],
])("on a terminal of %i columns a line has what fits into it", (columns, line) => {
  const stdout = terminal(columns, 24);
  displayFor(stdout, 1).show([sent()]);
  expect(stripVTControlCharacters(stdout.written)).toBe(`${line}\n`);
});

test("bars are drawn over each other, and the cursor is hidden meanwhile", () => {
  const stdout = terminal(80, 24);
  const display = displayFor(stdout, 2);
  display.show([sent(), sent()]);
  display.show([sent(), sent()]);
  display.end();
  display.end();
  expect(stdout.written).toMatch(/^.\[\?25l.*\n.*\n.\[2A.*\n.*\n.\[\?25h$/);
});

test.each([
  ["no terminal", terminal(80, 24, false)],
  ["a terminal without room for all lines", terminal(80, 5)],
])("%s gets a line for each quarter, state and attempt, and no more", (_, stdout) => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const display = displayFor(stdout, 5);
  const progress = (fraction: number) => ({ progress: { fraction, message: "words" } });
  const retryAt = new Date(Date.now() + 60_000).toISOString();
  for (const fraction of [0.1, 0.2, 0.3, 0.4]) display.show([sent(progress(fraction))]);
  for (let n = 0; n < 3; n++) display.show([sent({ status: "pending", error: "it broke", runAt: retryAt })]);
  display.show([sent({ ...progress(0.3), attempts: 2 })]);
  display.show([sent({ ...progress(0.3), attempts: 2, status: "cancelled" })]);
  display.end();
  expect(stdout.written).toBe(
    [
      "a-document.md: 10 %  words",
      "a-document.md: 30 %  words",
      "a-document.md: attempt 2 of 4 in 60.0 s: it broke",
      "a-document.md: 30 %  words",
      "a-document.md: cancelled at 30 %",
      "",
    ].join("\n"),
  );
});

test("a dumb terminal gets plain lines", () => {
  vi.stubEnv("TERM", "dumb");
  const stdout = terminal(80, 24);
  displayFor(stdout, 1).show([sent()]);
  expect(stdout.written).toBe("a-document.md: 50 %  1,000 words\n");
});

test("what a language model used stands in the table when there was one, and an unknown price is not taken for nothing", () => {
  const usage = { inputTokens: 1_200, outputTokens: 34, cost: 0.00137 };
  const result = { filepath: "a-document.md", chunks: 12, summary: "About\nqueues.", userId: "demo" };
  const done = { status: "completed", duration: 1.5, result } as const;
  expect(tableOf([sent(done)], 160)).not.toContain("tokens");
  const table = tableOf(
    [sent({ ...done, usage }), sent({ ...done, usage: { ...usage, cost: null } }), sent(done)],
    160,
  );
  expect(table.split("\n")).toEqual([
    "document       chunks  attempts   took  tokens      cost  summary",
    "a-document.md      12         1  1.5 s   1,234  $0.00137  About queues.",
    "a-document.md      12         1  1.5 s   1,234   unknown  About queues.",
    "a-document.md      12         1  1.5 s                    About queues.",
  ]);
});
