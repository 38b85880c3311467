// Runs one job, and has nothing left to do.
import { background, SqliteQueue } from "rapidai/background";

const [path, thread] = process.argv.slice(2);
const queue = new SqliteQueue({ path, thread: thread === "true" });
const work = background({ name: "work", queue }, () => "done");
const { result } = await work.wait(await work.enqueue(undefined, { delay: 100 }));
process.stdout.write(String(result));
