import { expect, test } from "vitest";
import { Terminal } from "../../src/cli/terminal.ts";
import { WorkerLog } from "../../src/cli/worker-log.ts";
import { jsonLines } from "./command-line.ts";

test("a log that nobody takes is dropped beyond a bound, and says later how much is missing", () => {
  const written: string[] = [];
  const out = { writableLength: 0, on() {}, write: (text: string) => written.push(text) };
  const terminal = new Terminal(out as never, out as never);
  terminal.continueUnread(1_000);
  const log = new WorkerLog(terminal, { json: true });
  log.say("ready", "Working");
  out.writableLength = 1_001;
  for (const n of [1, 2, 3]) log.say("health", `${n}`);
  out.writableLength = 1_000;
  log.say("stopping", "Stopping");
  log.say("stopped", "Stopped");
  expect(jsonLines(written.join(""))).toMatchObject([
    { event: "ready" },
    { event: "dropped", lines: 3 },
    { event: "stopping" },
    { event: "stopped" },
  ]);
});

test("what a stranger gave for an id is shown as text, in a worker's log as everywhere", () => {
  const written: string[] = [];
  const out = { writableLength: 0, on() {}, write: (text: string) => written.push(text) };
  const listeners = new Map<string, (event: object) => void>();
  const queue = { on: (name: string, listener: (event: object) => void) => listeners.set(name, listener) };
  new WorkerLog(new Terminal(out as never, out as never), {}).watch(queue as never);
  listeners.get("cancelled")?.({ jobId: "\u001b[2J\rid", task: "mail", attempt: 1 });
  expect(written.join("")).toMatch(/ cancelled mail \\u001b\[2J\\rid\n$/);
});

test("an error is said once a minute, however often it comes", () => {
  const written: string[] = [];
  const out = { writableLength: 0, on() {}, write: (text: string) => written.push(text) };
  const log = new WorkerLog(new Terminal(out as never, out as never), { json: true });
  for (let n = 0; n < 50; n++) for (const error of [new Error(`no answer within ${n} ms`), "full"]) log.error(error);
  expect(jsonLines(written.join(""))).toMatchObject([
    { event: "error", error: "no answer within 0 ms" },
    { event: "error", error: "full" },
  ]);
});

test("an error without a message of its own is logged with those that it gathers", () => {
  const written: string[] = [];
  const out = { writableLength: 0, on() {}, write: (text: string) => written.push(text) };
  const log = new WorkerLog(new Terminal(out as never, out as never), { json: true });
  log.error(
    new AggregateError([new Error("connect ECONNREFUSED ::1:80"), new Error("connect ECONNREFUSED 127.0.0.1:80")]),
  );
  expect(jsonLines(written.join(""))).toMatchObject([
    { event: "error", error: "connect ECONNREFUSED ::1:80; connect ECONNREFUSED 127.0.0.1:80" },
  ]);
});
