import { expect, test } from "vitest";
import { scene } from "./scene.ts";

test.each([
  [{ limit: 0 }, "invalid_filter", "limit of listJobs() must be a whole number from 1 to 1000, not 0."],
  [{ limit: 1_001 }, "invalid_filter", "from 1 to 1000"],
  [{ limit: 1.5 }, "invalid_filter", "limit of listJobs() must be a whole number from 1 to 1000, not 1.5."],
  [{ limit: "5" }, "invalid_filter", 'limit of listJobs() must be a whole number from 1 to 1000, not "5".'],
  [
    { limit: Object.create(null) },
    "invalid_filter",
    "limit of listJobs() must be a whole number from 1 to 1000, not an object.",
  ],
  [{ task: 5 }, "invalid_filter", "task of listJobs() must be a task's name, not a value of type number."],
  [{ before: "x" }, "invalid_filter", "before of listJobs() is not a job id"],
  [{ before: "01938A6E-7D3A-7C41-B3A4-5F7C9D1E2B30" }, "invalid_filter", "before of listJobs() is not a job id"],
  [{ status: "done" }, "invalid_status", "pending, running, completed, failed, cancelled"],
])("listJobs() refuses the filter %j and says why", async (filter, code, sentence) => {
  const { queue } = scene();
  await expect(queue.listJobs(filter as never)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(sentence),
  });
});
