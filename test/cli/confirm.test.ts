import { type ConfirmOptions, confirm, isCancel } from "@clack/prompts";
import { expect, onTestFinished, test, vi } from "vitest";
import { confirmed } from "../../src/cli/confirm.ts";

vi.mock("@clack/prompts");

test("a signal ends the question as a no, and counts as one signal, not two, the second of which would end the process", async () => {
  for (const stream of [process.stdin, process.stderr]) {
    const { isTTY } = stream;
    Object.assign(stream, { isTTY: true });
    onTestFinished(() => void Object.assign(stream, { isTTY }));
  }
  // What the prompt resolves with in place of an answer.
  const cancelled = Symbol("cancelled") as Awaited<ReturnType<typeof confirm>>;
  vi.mocked(isCancel).mockImplementation((answer) => answer === cancelled);
  vi.mocked(confirm).mockImplementation(
    ({ signal }: ConfirmOptions) => new Promise((end) => signal?.addEventListener("abort", () => end(cancelled))),
  );
  const again = vi.fn();
  process.on("SIGINT", again);
  onTestFinished(() => void process.off("SIGINT", again));
  const interruption = new AbortController();
  const answer = confirmed("Cancel 2 jobs?", {}, interruption.signal);
  await vi.waitFor(() => expect(confirm).toHaveBeenCalled());
  interruption.abort();
  expect(await answer).toBe(false);
  expect(again).not.toHaveBeenCalled();
});
