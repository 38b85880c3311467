// A module that takes its time to load, and then cannot be.
import { setTimeout as pause } from "node:timers/promises";
import { background, SqliteQueue } from "rapidai/background";

background({ name: "own", queue: new SqliteQueue({ path: process.env.OWN_QUEUE ?? "" }) }, async () => {});
await pause(1_000);
throw new Error("no database today");
