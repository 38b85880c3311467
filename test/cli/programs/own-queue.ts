// A task with a queue of its own, which the worker's --url does not change.
import { background, SqliteQueue, type Task } from "rapidai/background";

const queue = new SqliteQueue({ path: process.env.OWN_QUEUE ?? "" });
export const own: Task<string, string> = background({ name: "own", queue }, async (text: string) => text);
