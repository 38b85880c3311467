import { describe, it } from "vitest";
import { type OpenStore, storeCases } from "../../src/testing/store-conformance.ts";
import { NaiveStore } from "./naive-store.ts";

const openStore: OpenStore = ({ clock }) => new NaiveStore({ clock });

describe("NaiveStore, the model that other stores are compared with", () => {
  for (const { name, run } of storeCases) it(name, () => run(openStore));
});
