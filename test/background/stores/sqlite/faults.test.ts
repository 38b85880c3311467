import { expect, test } from "vitest";
import { faultOf } from "../../../../src/background/stores/sqlite/faults.ts";

test("a failure of the disk is reported with the code that tells what kind it is", () => {
  // https://sqlite.org/rescode.html#ioerr_fsync
  const error = Object.assign(new Error("disk I/O error"), { errcode: 1_034 });
  expect(faultOf(error, "/data/jobs.db")).toMatchObject({
    code: "queue_unavailable",
    message:
      "The disk of the queue's file /data/jobs.db failed (disk I/O error, SQLite's code 1034): check the disk, any quota on it, and the system's log.",
  });
});

test("a lock may be held by a transaction of the program itself", () => {
  const error = Object.assign(new Error("database is locked"), { errcode: 5 });
  expect(faultOf(error, "/data/jobs.db").message).toMatch(/another connection .* perhaps this one/);
});
