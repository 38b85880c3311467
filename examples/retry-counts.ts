import { background, InMemoryQueue } from "rapidai/background";
import { ManualClock } from "rapidai/testing";

async function callService(): Promise<void> {
  throw new Error("the service is down");
}

// #region retry-counts
// Quick tasks: few retries
const sendNotification = background({ maxRetries: 2 }, async function sendNotification(_: { userId: string }) {
  await callService();
});

// Critical tasks: more retries
const processPayment = background({ maxRetries: 5 }, async function processPayment(_: { orderId: string }) {
  await callService();
});

// Best effort: no retries
const logAnalytics = background({ maxRetries: 0 }, async function logAnalytics(_: { event: string }) {
  await callService();
});
// #endregion

// A manual clock runs through a minute of retries at once.
const clock = new ManualClock();
const queue = new InMemoryQueue({ clock });
const jobIds = await Promise.all([
  queue.enqueue(sendNotification, { userId: "u1" }),
  queue.enqueue(processPayment, { orderId: "o1" }),
  queue.enqueue(logAnalytics, { event: "opened" }),
]);
await clock.advance("2m");

for (const jobId of jobIds) {
  const { task, status, attempts, errors, createdAt } = await queue.wait(jobId);
  const times = errors.map(({ at }) => `${(at.getTime() - createdAt.getTime()) / 1_000} s`);
  console.log(`${task} ${status} after ${attempts} attempt${attempts === 1 ? "" : "s"}, at ${times.join(", ")}`);
}
await queue.close();
