import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { decode, encode } from "../../../src/background/core/codec.ts";
import { JobError } from "../../../src/background/core/errors.ts";

const KIND = { what: "result", limit: 1_048_576, task: "mail", jobId: "the id" } as const;

/** The value, or the only error that an unreadable text may cause. */
function read(text: string): { readonly value: unknown } | JobError {
  try {
    return { value: decode(text, KIND) };
  } catch (error) {
    expect(error).toBeInstanceOf(JobError);
    expect(error).toMatchObject({ code: "unreadable_value", task: "mail", jobId: "the id" });
    return error as JobError;
  }
}

declare global {
  var wasExecuted: boolean | undefined;
}

afterEach(() => {
  expect(globalThis.wasExecuted).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect("polluted" in {}).toBe(false);
});

test("any text decodes to a value or to unreadable_value", () => {
  const tagged = fc.string({ unit: "binary" }).map((text) => `~d:${text}`);
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), tagged), (text) => void read(text)),
    {
      numRuns: 1_000,
    },
  );
});

const TYPES = [
  ..."Date Set Map RegExp Object BigInt null Int8Array Uint8Array Float64Array BigInt64Array DataView".split(" "),
  ..."ArrayBuffer URL URLSearchParams Temporal.Instant Error Buffer View Entries NullEntries".split(" "),
  ..."Function eval constructor __proto__ toString hasOwnProperty".split(" "),
];

test("any structure in the tagged format decodes to a value or to unreadable_value, without allocating the memory it names", () => {
  const part = fc.oneof(
    fc.integer({ min: -8, max: 8 }),
    fc.constantFrom(2 ** 31, 2 ** 32 - 1, 1e12, 0.5),
    fc.constantFrom(null, true, "AAAA", "https://example.com", "length", "2020-01-01T00:00:00.000Z", "(((", "g"),
    fc.record({ length: fc.constantFrom(1e12, 2 ** 32, 3, 4) }),
  );
  const node = fc.oneof(
    part,
    fc.array(part, { maxLength: 4 }),
    fc.tuple(fc.constantFrom(...TYPES), part).map((both) => both as unknown),
    fc.tuple(fc.constantFrom(...TYPES), part, part, part).map((all) => all as unknown),
    fc.dictionary(
      fc.constantFrom("a", "__proto__", "constructor", "name", "message", "cause", "length", "toJSON", "then"),
      fc.integer({ min: -8, max: 8 }),
    ),
  );
  fc.assert(
    fc.property(fc.array(node, { maxLength: 8 }), (nodes) => {
      const before = process.memoryUsage().arrayBuffers;
      read(`~d:${JSON.stringify(nodes)}`);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
    }),
    { numRuns: 3_000 },
  );
});

test("a stored text that was cut or changed anywhere decodes to a value or to unreadable_value", () => {
  const stored = encode(
    {
      at: new Date(0),
      map: new Map([[1n, new Set([-0])]]),
      bytes: Buffer.from("abc"),
      error: new Error("e"),
      re: /x/g,
    },
    KIND,
  );
  fc.assert(
    fc.property(fc.nat(stored.length), fc.string({ unit: "binary", maxLength: 3 }), fc.nat(5), (at, text, cut) => {
      read(stored.slice(0, at) + text + stored.slice(at + cut));
    }),
    { numRuns: 1_000 },
  );
});

test("code in a stored text is never executed", () => {
  const code = "globalThis.wasExecuted = true";
  for (const text of [
    `(${code})`,
    `~d:(() => { ${code} })()`,
    `~d:[["RegExp",${JSON.stringify(`x/;${code};/`)}]]`,
    JSON.stringify({ toJSON: code, toString: code, constructor: code }),
    `~d:[{"then":1,"valueOf":1},${JSON.stringify(code)}]`,
    `~j:${code}`,
  ]) {
    const answer = read(text);
    if (!(answer instanceof JobError)) String(JSON.stringify(answer.value));
  }
});

test("__proto__ in a stored text pollutes no prototype", () => {
  for (const text of [
    '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    '~d:[{"__proto__":1},{"polluted":2},true]',
    '~d:[["null","__proto__",1],{"polluted":2},true]',
    '~d:[["Entries",1],[2],[3,4],"__proto__",{"polluted":5},true]',
    '~d:[["NullEntries",1],[2],[3,4],"__proto__",{"polluted":5},true]',
    '~d:[["Error",1],{"__proto__":2,"name":3},{"polluted":4},"x",true]',
  ]) {
    const answer = read(text);
    if (answer instanceof JobError) continue;
    const { value } = answer as { value: object };
    expect((value as { polluted?: unknown }).polluted).toBeUndefined();
    expect([Object.prototype, null]).toContain(Object.getPrototypeOf(value));
  }
});

test("a Buffer with a length in place of bytes is not allocated", () => {
  for (const payload of ['{"length":2},400000000', "400000000", '"text"', '{"type":2,"data":3},"Buffer",[4],1'])
    expect(read(`~d:[["Buffer",1],${payload}]`)).toBeInstanceOf(JobError);
});

test("a short text does not decode to something large: not an error's message, not bytes, not pairs", () => {
  const doubling = Array.from({ length: 24 }, (_, level) => [level + 3, level + 3]);
  const error = read(`~d:${JSON.stringify([["Error", 1], { message: 2 }, ...doubling, "x"])}`);
  expect(error).toMatchObject({ value: { message: "[object]" } });

  const times = <T>(made: T): T[] => Array.from({ length: 1_000 }, () => made);
  const places = (first: number): number[] => Array.from({ length: 1_000 }, (_, index) => first + index);
  const before = process.memoryUsage().arrayBuffers;
  read(
    `~d:${JSON.stringify([places(3), ["ArrayBuffer", "A".repeat(400_000)], ["Uint8Array", 1], ...times(["Buffer", 2])])}`,
  );
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);

  const pair = [1_003, 1_003];
  const objects = read(`~d:${JSON.stringify([places(3), [2], pair, ...times(["Entries", 1]), "key"])}`);
  const { value } = objects as { value: object[] };
  expect(value.flatMap((object) => Object.keys(object))).toEqual(["key"]);
});

test("a format of a later release decodes to an unreadable_value that says so", () => {
  for (const text of ["~e:1", "~", "~d", "~~d:-1", "~D:-1", "~d2:-1", " ~d:-1"]) {
    const error = read(text);
    expect(error).toBeInstanceOf(JobError);
    expect((error as JobError).message).toMatch(
      /result of job the id of task 'mail'.*damaged, or was written by a newer release/,
    );
  }
});

test("a text that is nested extremely deeply decodes to a value or to unreadable_value", () => {
  read("[".repeat(1_000_000));
  read(`${"[".repeat(1_000_000)}1${"]".repeat(1_000_000)}`);
  const levels = Array.from({ length: 200_000 }, (_, index) => `[${index + 1}]`).join(",");
  expect(read(`~d:[${levels},1]`)).toBeInstanceOf(JobError);
});
