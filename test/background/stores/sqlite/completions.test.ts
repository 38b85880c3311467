import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { SqliteStore } from "../../../../src/background/stores/sqlite/store.ts";
import { HandClock } from "../../../../src/testing/conformance/hand-clock.ts";
import { idOf, Scene } from "../../../../src/testing/conformance/scene.ts";
import { ownFolder } from "../../../stores/folder.ts";
import { cancelMany } from "../cancel-many.ts";

const folder = ownFolder();

test.each([
  ["this store", true],
  ["another one", false],
])("attempts are still completed together after thousands that %s cancelled", async (name, isHere) => {
  const path = join(folder, `${name}.db`);
  const clock = new HandClock();
  const another = () => {
    const store = new SqliteStore({ path, durability: "normal", clock, isThreaded: false });
    onTestFinished(() => store.close());
    return store;
  };
  const scene = new Scene(another(), clock);
  await scene.add([10_001, 10_002]);
  const token = scene.newToken();
  await scene.claim({ token });
  await cancelMany(scene, isHere ? scene.store : another());
  await scene.store.settle([10_001, 10_002].map((n) => scene.settlement({ id: idOf(n), token })));
  const db = new DatabaseSync(path, { readOnly: true });
  onTestFinished(() => db.close());
  expect(db.prepare("SELECT json_array_length(jobs) AS jobs FROM rapidai_completions").all()).toEqual([{ jobs: 2 }]);
});
