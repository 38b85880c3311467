import { background, PermanentError } from "rapidai/background";

class CardDeclined extends Error {}
class NoSuchAccount extends Error {}

let failures = 2;
const paymentApi = {
  async charge(account: string): Promise<string> {
    if (account === "poor") throw new CardDeclined("insufficient funds");
    if (account === "unknown") throw new NoSuchAccount("no such account");
    if (failures-- > 0) throw new Error("connection reset");
    return "receipt-1";
  },
};

// #region graceful-errors
const chargeAccount = background(
  { maxRetries: 3, backoff: "50ms" },
  async function chargeAccount({ account }: { account: string }) {
    try {
      return { success: true, receipt: await paymentApi.charge(account) };
    } catch (error) {
      // An expected outcome: the job completes.
      if (error instanceof CardDeclined) return { success: false, error: error.message };
      // A retry cannot help: the job fails at once.
      if (error instanceof NoSuchAccount) throw new PermanentError(error.message, { cause: error });
      // Anything else may be temporary: the job is retried.
      throw error;
    }
  },
);
// #endregion

for (const account of ["ada", "poor", "unknown"]) {
  const { status, attempts, result, error } = await chargeAccount.wait(await chargeAccount.enqueue({ account }));
  console.log(`${account}: ${status} on attempt ${attempts},`, result ?? error);
}
