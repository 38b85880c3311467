// As if a bundler had moved the queue without the modules that it loads on first use.
import { registerHooks } from "node:module";

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.endsWith("/service.ts")) throw new Error("Cannot find module");
    return next(specifier, context);
  },
});
const { SqliteQueue } = await import("rapidai/background");
const queue = new SqliteQueue({ path: process.argv[2], worker: false, thread: false });
await queue.ready().catch((error) => process.stdout.write(error.code));
