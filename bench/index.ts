// Benchmarks of the queue, and of its peers for comparison:
//
//   npm run bench              everything
//   npm run bench -- drain     one part
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { drain } from "./drain.ts";
import { enqueue } from "./enqueue.ts";
import { footprint } from "./footprint.ts";
import { http } from "./http.ts";
import { listing } from "./listing.ts";
import { llm } from "./llm.ts";
import { monitoring } from "./monitoring.ts";
import { rag } from "./rag.ts";
import { redis } from "./redis.ts";
import { redisScale } from "./redis-scale.ts";
import { machine } from "./report.ts";
import { backlog, sqlite } from "./sqlite.ts";
import { start } from "./start.ts";

const parts: Readonly<Record<string, () => Promise<void>>> = {
  drain,
  enqueue,
  start,
  footprint,
  http,
  listing,
  sqlite,
  backlog,
  redis,
  "redis-scale": redisScale,
  llm,
  rag,
  monitoring,
};

// Lets each round start with a garbage collection, so that no contender pays for another's garbage.
setFlagsFromString("--expose-gc");
globalThis.gc = runInNewContext("gc") as NodeJS.GCFunction;

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !Object.hasOwn(parts, name));
if (unknown.length > 0) {
  console.error(`Unknown part: ${unknown.join(", ")}. The parts are ${Object.keys(parts).join(", ")}.`);
  process.exit(1);
}

console.log(machine());
for (const [name, run] of Object.entries(parts)) if (chosen.length === 0 || chosen.includes(name)) await run();
