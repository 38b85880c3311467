// Run by signals.test.ts in a process of its own, which it tells what happens.
import { App } from "../../../src/app/app.ts";
import { background } from "../../../src/background/background.ts";
import { silentLogger } from "../../../src/background/engine/logger.ts";

const tell = (what: string): void => void process.send?.(what);
const requestsEnd = Promise.withResolvers<string>();
const jobsEnd = Promise.withResolvers<void>();
const endless = new Promise<never>(() => {});

const work = background(async function work() {
  tell("job started");
  await jobsEnd.promise;
  tell("job done");
});

const app: App = new App({ logger: silentLogger })
  .post("/work", async () => ({ jobId: await work.enqueue() }))
  .get("/slow", () => {
    tell("request started");
    return requestsEnd.promise;
  })
  .get("/endless", () => {
    tell("request started");
    return endless;
  });

const server = await app.run({ port: 0, grace: "1h" });
process.on("message", (message) => {
  if (message === "finish requests") requestsEnd.resolve("done");
  else if (message === "finish jobs") jobsEnd.resolve();
  else {
    const [signal] = String(message).split(" ") as ["SIGTERM" | "SIGINT"];
    for (let n = 0; n < 2; n++) process.emit(signal, signal);
  }
});
// The channel to the test must not be what keeps this process alive.
process.channel?.unref();
tell(server.url);
