import fc from "fast-check";
import { expect, test } from "vitest";
import { toPlain } from "../../../src/background/core/plain.ts";

const textOf = (value: unknown): string | undefined => JSON.stringify(toPlain(value));

/** Stands for `Temporal.Instant`, which not every supported Node.js has. */
class Instant {
  readonly [Symbol.toStringTag] = "Temporal.Instant";
  toString(): string {
    return "1970-01-01T00:00:00Z";
  }
}

test("JSON values are shown as they are", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(textOf(value)).toBe(JSON.stringify(value));
    }),
  );
});

test.each<[what: string, value: unknown, shown: string]>([
  ["a Date is an ISO string", new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ["an invalid Date is null", new Date(Number.NaN), "null"],
  ["a Temporal is its text", [new Instant()], '["1970-01-01T00:00:00Z"]'],
  ["a BigInt is a string", [12n, Object(13n)], '["12","13"]'],
  ["a Map is an array of entries", new Map([["a", new Map([[1, 2n]])]]), '[["a",[[1,"2"]]]]'],
  ["a Set is an array", new Set([1, "a"]), '[1,"a"]'],
  [
    "bytes are base64",
    [Buffer.from("abc"), Uint8Array.of(97).buffer, Uint8Array.of(1, 97).subarray(1)],
    '["YWJj","YQ==","YQ=="]',
  ],
  [
    "URL and RegExp are strings",
    [new URL("https://a.b/c?d"), /x/g, new URLSearchParams("a=b")],
    '["https://a.b/c?d","/x/g","a=b"]',
  ],
  ["an error is its name and message", new TypeError("e"), '{"name":"TypeError","message":"e"}'],
  ["a boxed value is the value", [new String("ab"), new Number(1), new Boolean(false)], '["ab",1,false]'],
  ["numbers that JSON cannot represent are null", [Number.NaN, Number.POSITIVE_INFINITY, -0], "[null,null,0]"],
  ["undefined is left out of objects and null in arrays", { a: undefined, b: [undefined, 1] }, '{"b":[null,1]}'],
  ["holes are null", Object.assign([1], { 4: 5 }), "[1,null,null,null,5]"],
  ["functions and symbols are left out, toJSON among them", { toJSON: () => 1, a: Symbol("s"), b: 1 }, '{"b":1}'],
  ["an object without a prototype is an object", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
  ["__proto__ is a key", JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
])("%s", (_, value, shown) => {
  expect(textOf(value)).toBe(shown);
});

test("a cycle is marked where it closes, and a repeated object is shown twice", () => {
  const node: { name: string; children: unknown[]; parents?: unknown } = { name: "n", children: [] };
  node.children.push({ up: node });
  node.parents = new Map([["self", new Set([node])]]);
  expect(textOf(node)).toBe('{"name":"n","children":[{"up":"[Circular]"}],"parents":[["self",["[Circular]"]]]}');
  const twice = { n: 1 };
  expect(textOf([twice, twice])).toBe('[{"n":1},{"n":1}]');
});

test("a very deep value is shown down to a readable depth", () => {
  let deep: unknown = "bottom";
  for (let level = 0; level < 100_000; level++) deep = level % 2 === 0 ? [deep] : { deep };
  expect(textOf(deep)).toContain("[Too deep]");
  let readable: unknown = "bottom";
  for (let level = 0; level < 100; level++) readable = [readable];
  expect(textOf(readable)).toContain("bottom");
});

test("a small graph with more paths than a string can hold is shown in part", () => {
  let doubling: unknown = [1];
  for (let level = 0; level < 60; level++) doubling = [doubling, doubling];
  expect(textOf(doubling)).toContain("[Repeated]");

  const graph: unknown[][] = Array.from({ length: 25 }, () => []);
  for (const node of graph) node.push(...graph);
  expect((textOf(graph) as string).length).toBeLessThan(50_000_000);
  const text = "x".repeat(1_000_000);
  expect((textOf(Array.from({ length: 5_000 }, () => text)) as string).length).toBeLessThan(50_000_000);
});

test("many holes, and many views of the same bytes, are shown as far as a string can hold", () => {
  const holes = Array.from({ length: 5_000 }, () => new Array<unknown>(10_000));
  expect((textOf(holes) as string).length).toBeLessThan(50_000_000);
  const { buffer } = new Uint8Array(400_000);
  const views = Array.from({ length: 1_000 }, () => new Uint8Array(buffer));
  expect((textOf(views) as string).length).toBeLessThan(50_000_000);
});

test("a thousand rows that share an object are shown in full", () => {
  const author = { name: "Ada", bio: "b".repeat(2_000), tags: ["a", "b"] };
  const shown = textOf(Array.from({ length: 1_000 }, (_, id) => ({ id, author }))) as string;
  expect(shown).not.toContain("[Repeated]");
  expect(shown.match(/"Ada"/g)).toHaveLength(1_000);
});

test("an array with billions of holes is shown by its items", () => {
  const sparse: number[] = [];
  sparse[4_000_000_000] = 1;
  expect(textOf(sparse)).toBe('{"4000000000":1}');
});

test("a long array without holes, or with holes for half of its items, is shown as an array", () => {
  const long = Array.from({ length: 10_002 }, () => 1);
  expect(textOf(long)).toBe(JSON.stringify(long));
  for (let at = 0; at < long.length; at += 2) delete long[at];
  expect(textOf(long)).toBe(JSON.stringify(long));
  delete long[1];
  expect(textOf(long)).toMatch(/^\{"3":1,"5":1,/);
});

test("what throws when it is read is marked, and the rest is shown", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const buffer = new ArrayBuffer(4);
  structuredClone(buffer, { transfer: [buffer] });
  const thrower = {
    get a(): never {
      throw new Error("boom");
    },
  };
  expect(textOf({ proxy, buffer, thrower, ok: 1 })).toBe(
    '{"proxy":"[Unreadable]","buffer":"[Unreadable]","thrower":"[Unreadable]","ok":1}',
  );
});

test("any value can be shown", () => {
  const anything = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
  });
  fc.assert(
    fc.property(anything, fc.func(anything), (value, toJSON) => {
      const text = textOf({ value, list: [value, { value, toJSON }], map: new Map([[value, value]]) });
      expect(JSON.parse(text as string)).toBeTypeOf("object");
    }),
  );
});
