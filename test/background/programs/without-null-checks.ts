// Only its types are checked, with strict null checks and without.
import { App } from "rapidai";
import { background } from "rapidai/background";
import { z } from "zod";

const resize = background({ maxRetries: 1 }, async function resize({ path }: { path: string }) {
  return path.length;
});
const convert = background({ schema: z.object({ width: z.string().transform(Number) }) }, async ({ width }) =>
  width.toFixed(),
);

export async function enqueueAll(): Promise<void> {
  await resize.enqueue({ path: "cat.png" });
  // @ts-expect-error a part is of another type
  await resize.enqueue({ path: 1 });
  await convert.enqueue({ width: "640" });
  // @ts-expect-error that is the output
  await convert.enqueue({ width: 640 });
  const job = await resize.wait("id");
  if (job.status === "completed") job.result.toFixed();
}

export const app: App = new App()
  .get("/jobs/:jobId", ({ jobId, page }) => ({ jobId: jobId.trim(), page }))
  // @ts-expect-error the path has no such parameter, so that it may be anything
  .get("/jobs", ({ jobId }) => jobId.trim());
