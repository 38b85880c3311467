import { background } from "rapidai/background";

const processed = new Set<string>();
const db = {
  isProcessed: async (orderId: string) => processed.has(orderId),
  markProcessed: async (orderId: string) => void processed.add(orderId),
};

const charges = new Map<string, number>();
const payments = {
  // Like most payment services, this one ignores a request whose key it has already seen.
  async charge(orderId: string, { idempotencyKey }: { idempotencyKey: string }) {
    console.log(`Charging order ${orderId}.`);
    charges.set(idempotencyKey, 100);
  },
};

let isMailDown = true;
async function sendReceipt(orderId: string) {
  if (isMailDown) {
    isMailDown = false;
    throw new Error("the mail server is down");
  }
  console.log(`Sending the receipt of order ${orderId}.`);
}

// #region idempotent-task
const processOrder = background(
  { maxRetries: 3, backoff: "50ms" },
  async function processOrder({ orderId }: { orderId: string }) {
    const isRepeated = await db.isProcessed(orderId);
    if (!isRepeated) {
      // The process can die between the charge and the mark: the key lets the service recognize the repeat.
      await payments.charge(orderId, { idempotencyKey: orderId });
      await db.markProcessed(orderId);
    }

    await sendReceipt(orderId);
    return { orderId, isRepeated };
  },
);
// #endregion

const job = await processOrder.wait(await processOrder.enqueue({ orderId: "o-17" }));
console.log(`${job.attempts} attempts; the first failed: ${job.errors[0]?.message}.`);
console.log(`${charges.size} charge.`, job.result);
