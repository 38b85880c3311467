import { Worker } from "node:worker_threads";
import { expect, onTestFinished, test, vi } from "vitest";
import { ThreadCalls } from "../../src/rag/thread-calls.ts";

const program = {
  what: "It",
  name: "readers/thread",
  module: new URL("../../src/rag/reader.ts", import.meta.url).href,
};

test("a thread that fails just as it is ended harms nobody", async () => {
  const { terminate } = Worker.prototype;
  const ending = vi.spyOn(Worker.prototype, "terminate").mockImplementation(function (this: Worker) {
    this.emit("error", new Error("thrown before it was ended, and told after"));
    return terminate.call(this);
  });
  onTestFinished(() => ending.mockRestore());
  const thread = new ThreadCalls({ program, name: "test" });
  const call = thread.call({ kind: "html", content: "<p>x", what: "It" }).catch((error) => error);
  await thread.end("enough");
  expect([await call, ending.mock.calls.length]).toEqual(["enough", 1]);
});
