// Completes many jobs at once, in between others: SQLite notes what each of the pages held before that one statement.
import { SqliteStore } from "../../../../../src/background/stores/sqlite/store.ts";
import { HandClock } from "../../../../../src/testing/conformance/hand-clock.ts";
import { Scene } from "../../../../../src/testing/conformance/scene.ts";

const JOBS = 200;

const clock = new HandClock();
const path = process.argv[2] ?? "";
const store = new SqliteStore({ path, durability: "normal", clock, isThreaded: false });
await store.open();
const scene = new Scene(store, clock);
for (const first of [0, 1]) {
  await scene.add(Array.from({ length: JOBS }, (_, index) => first + 2 * index));
  const token = scene.newToken();
  const ids = await scene.take({ token });
  const result = "r".repeat(700);
  const answers = await store.settle(ids.map((id) => scene.settlement({ id, token }, { result })));
  process.stdout.write(`${answers.filter((answer) => answer === "settled").length} `);
}
await store.close();
