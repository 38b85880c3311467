// Tasks of which one ends the process that it runs in, and another pays for it.
import { background, currentJob } from "rapidai/background";

background({ name: "innocent" }, () => new Promise<never>(() => {}));

const part = background({ name: "part-of-poison" }, (how: string) => {
  if (how === "exit") process.exit(3);
  if (how === "reject") void Promise.reject("a text");
  if (how === "throw") setImmediate(fail, "boom");
  // When it is told to stop, on its own behalf.
  if (how === "later") currentJob()?.signal.addEventListener("abort", () => setImmediate(fail, "boom"));
  return new Promise<never>(() => {});
});

background({ name: "poison" }, (how: string) => part(how));

// Of no job.
process.on("SIGUSR2", () => fail("bang"));

if (process.env.OWN_LISTENER === "1") process.on("uncaughtException", ({ message }) => console.log(`heard ${message}`));

function fail(message: string): never {
  throw new Error(message);
}
