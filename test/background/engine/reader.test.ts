import { expect, test } from "vitest";
import { scene } from "./scene.ts";

test.each([
  [{ limit: 0 }, "invalid_filter", "limit of listJobs() is 0"],
  [{ limit: 1_001 }, "invalid_filter", "from 1 to 1000"],
  [{ limit: 1.5 }, "invalid_filter", "limit of listJobs() is 1.5"],
  [{ limit: "5" }, "invalid_filter", "limit of listJobs() is 5"],
  [{ task: 5 }, "invalid_filter", "task of listJobs() is a value of type number"],
  [{ before: "x" }, "invalid_filter", "before of listJobs() is no job id"],
  [{ before: "01938A6E-7D3A-7C41-B3A4-5F7C9D1E2B30" }, "invalid_filter", "before of listJobs() is no job id"],
  [{ status: "done" }, "invalid_status", "pending, running, completed, failed, cancelled"],
])("a list is refused the filter %j with a sentence", async (filter, code, sentence) => {
  const { queue } = scene();
  await expect(queue.listJobs(filter as never)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(sentence),
  });
});
