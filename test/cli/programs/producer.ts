import { tmpdir } from "node:os";
import { join } from "node:path";
import { background, SqliteQueue } from "rapidai/background";

const queue = new SqliteQueue({ path: join(tmpdir(), "rapidai-only-enqueued.db"), worker: false });
background({ queue, name: "only-enqueued" }, async () => {});
