import { deepStrictEqual } from "node:assert/strict";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decode, encode } from "../../../src/background/core/codec.ts";
import { JobError } from "../../../src/background/core/errors.ts";

const KIND = { what: "payload", limit: 1_048_576, task: "mail" } as const;
const keep = (value: unknown): unknown => decode(encode(value, KIND), KIND);

/** Any UTF-16, lone surrogates included. */
const text: fc.Arbitrary<string> = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) });
const key: fc.Arbitrary<string> = fc.oneof(
  text,
  fc.constantFrom("__proto__", "constructor", "prototype", "toJSON", "toString", "then", "length", "0", "", "~d:"),
);
// On the oldest supported Node.js, no two invalid dates are equal.
const instant: fc.Arbitrary<Date> = fc.date({ noInvalidDate: true });
const leaf: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.double(),
  fc.bigInt(),
  instant,
  fc.constantFrom(undefined, null, true, false, -0, 0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.constantFrom("~d:-1", "-1", /a\/b"</giu, /(?<year>\d{4})/y),
  fc.webUrl().map((url) => new URL(url)),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.uint8Array().map((bytes) => new DataView(bytes.slice().buffer)),
  fc.anything({ maxDepth: 0, withTypedArray: true, withBoxedValues: true, withSparseArray: true }),
);
const own = (entries: readonly (readonly [string, unknown])[]): object => {
  const object = {};
  for (const [name, value] of entries)
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  return object;
};
const { value }: { value: fc.Arbitrary<unknown> } = fc.letrec<{ value: unknown }>((tie) => {
  const part = tie("value");
  const entries = fc.array(fc.tuple(key, part), { maxLength: 4 });
  return {
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(part, { maxLength: 4 }),
      fc.sparseArray(part, { maxLength: 9, maxNumElements: 3 }),
      entries.map(own),
      entries.map((all) => Object.setPrototypeOf(own(all), null) as unknown),
      fc.array(fc.tuple(part, part), { maxLength: 4 }).map((all) => new Map(all)),
      fc.array(part, { maxLength: 4 }).map((all) => new Set(all)),
      fc.tuple(text, part).map(([message, cause]) => new TypeError(message, { cause })),
    ),
  };
});

/** Errors come back as Errors with their names, but without their classes. */
function withoutClasses(given: unknown, seen: Set<unknown> = new Set()): unknown {
  if (typeof given !== "object" || given === null || seen.has(given)) return given;
  seen.add(given);
  if (given instanceof TypeError) {
    Object.setPrototypeOf(given, Error.prototype);
    Object.defineProperty(given, "name", { value: "TypeError", configurable: true, writable: true });
    if (given.cause === undefined) Reflect.deleteProperty(given, "cause");
  }
  if (given instanceof Map) for (const entry of given) withoutClasses(entry, seen);
  if (given instanceof Set) for (const item of given) withoutClasses(item, seen);
  for (const name of Object.getOwnPropertyNames(given)) withoutClasses((given as Record<string, unknown>)[name], seen);
  return given;
}

test("whatever can be stored comes back as it was", () => {
  fc.assert(
    fc.property(value, (given) => {
      deepStrictEqual(keep(given), withoutClasses(given));
    }),
    { numRuns: 1_500 },
  );
});

test("an invalid date stays one", () => {
  expect(keep([new Date(Number.NaN)])).toEqual([new Date(Number.NaN)]);
});

test("JSON values come back as they were, and are stored as plain JSON that a person can read", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (given) => {
      const plain = JSON.parse(JSON.stringify(given)) as unknown;
      const stored = encode(plain, KIND);
      expect(stored).toBe(JSON.stringify(plain));
      deepStrictEqual(decode(stored, KIND), plain);
    }),
  );
  expect(encode({ to: "ada@example.com", retries: 3 }, KIND)).toBe('{"to":"ada@example.com","retries":3}');
});

test("an error keeps its name, message, stack and cause", () => {
  class NoSuchUser extends Error {
    override name = "NoSuchUser";
  }
  const error = new NoSuchUser("no such user", { cause: new RangeError("7 of 5", { cause: "a text" }) });
  const kept = keep({ error }) as { error: Error };
  expect(kept.error).toBeInstanceOf(Error);
  expect([kept.error.name, kept.error.message, kept.error.stack]).toEqual([error.name, error.message, error.stack]);
  expect(kept.error.cause).toMatchObject({ name: "RangeError", message: "7 of 5", cause: "a text" });
  expect(Object.keys(kept.error)).toEqual([]);
  expect("cause" in (keep(new Error("alone")) as Error)).toBe(false);
});

test("repeated references and cycles come back as such", () => {
  const shared = { n: 1 };
  const [first, second] = keep([shared, shared]) as [object, object];
  expect(first).toBe(second);

  const circle: { self?: unknown; list: unknown[]; map: Map<string, unknown> } = { list: [], map: new Map() };
  circle.self = circle;
  circle.list.push(circle.list);
  circle.map.set("up", circle);
  const kept = keep(circle) as Required<typeof circle>;
  expect(kept.self).toBe(kept);
  expect(kept.list[0]).toBe(kept.list);
  expect(kept.map.get("up")).toBe(kept);
});

test("an error that causes itself is stored and read without a loop or an exception", () => {
  const error = new Error("self");
  error.cause = { error };
  expect(keep(error)).toMatchObject({ message: "self" });
});

test("only the visible part of a view of a large buffer is stored", () => {
  const large = new Uint8Array(100_000);
  large.set([7, 8, 9], 50_000);
  const stored = encode(large.subarray(50_000, 50_003), KIND);
  expect(stored.length).toBeLessThan(200);
  expect(decode(stored, KIND)).toEqual(Uint8Array.of(7, 8, 9));
  expect(encode(new Float64Array(large.buffer, 8, 1), KIND).length).toBeLessThan(200);
});

test("bytes that threads share are copied, whether all or a part of them", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  shared.set([7, 8, 9]);
  const kept = keep([shared, shared.subarray(1), shared]) as Uint8Array[];
  expect(kept).toEqual([Uint8Array.of(7, 8, 9), Uint8Array.of(8, 9), Uint8Array.of(7, 8, 9)]);
  expect(kept[0]?.buffer).toBeInstanceOf(ArrayBuffer);
  expect(kept[0]).toBe(kept[2]);
});

test("a Buffer comes back as a Buffer, even one from the pool", () => {
  const kept = keep(Buffer.from("from the pool")) as Buffer;
  expect(Buffer.isBuffer(kept)).toBe(true);
  expect(kept.toString()).toBe("from the pool");
});

test("a very sparse array takes no more room than what is in it", () => {
  const sparse: string[] = [];
  sparse[4_000_000_000] = "far";
  const stored = encode(sparse, KIND);
  expect(stored.length).toBeLessThan(100);
  expect((decode(stored, KIND) as string[])[4_000_000_000]).toBe("far");
});

test("__proto__, constructor and toJSON are keys like any other", () => {
  const given = JSON.parse(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}},"toJSON":3}',
  ) as object;
  for (const wrapped of [given, { given, at: new Date(0) }, [undefined, given]]) {
    const kept = keep(wrapped);
    deepStrictEqual(kept, wrapped);
    expect("polluted" in {}).toBe(false);
  }
  const bare = Object.setPrototypeOf(JSON.parse('{"__proto__":1}'), null) as object;
  deepStrictEqual(keep(bare), bare);
});

test("a toJSON that is hidden or inherited is not called: the value itself is stored", () => {
  const answer = (): string => "something else";
  const hidden = Object.defineProperty({ a: 1 }, "toJSON", { value: answer });
  expect(keep(hidden)).toEqual({ a: 1 });
  expect(keep({ list: Object.defineProperty([1], "toJSON", { value: () => undefined }) })).toEqual({ list: [1] });
  expect(keep(Object.defineProperty([1], "toJSON", { value: () => undefined }))).toEqual([1]);
  try {
    Object.defineProperty(Object.prototype, "toJSON", { value: answer, configurable: true });
    Object.defineProperty(BigInt.prototype, "toJSON", { value: answer, configurable: true });
    expect(keep({ a: [1], big: 2n })).toStrictEqual({ a: [1], big: 2n });
  } finally {
    Reflect.deleteProperty(Object.prototype, "toJSON");
    Reflect.deleteProperty(BigInt.prototype, "toJSON");
  }
});

test("changing the object afterwards changes nothing, and each reading is a fresh copy", () => {
  const given = { list: [1], at: new Date(5), map: new Map([["a", { n: 1 }]]) };
  const stored = encode(given, KIND);
  given.list.push(2);
  given.at.setTime(6);
  (given.map.get("a") as { n: number }).n = 2;
  const first = decode(stored, KIND) as typeof given;
  expect(first).toEqual({ list: [1], at: new Date(5), map: new Map([["a", { n: 1 }]]) });
  first.list.push(3);
  expect(decode(stored, KIND)).toEqual({ list: [1], at: new Date(5), map: new Map([["a", { n: 1 }]]) });
});

test("limits count bytes of UTF-8, exactly, for plain JSON and for the tagged format", () => {
  for (const given of ["ü€😀", new Map([["ü€😀", 1]])]) {
    const bytes = Buffer.byteLength(encode(given, KIND));
    expect(bytes).toBeGreaterThan(encode(given, KIND).length);
    expect(decode(encode(given, { ...KIND, limit: bytes }), KIND)).toEqual(given);
    expect(() => encode(given, { ...KIND, limit: bytes - 1 })).toThrow(
      new RegExp(`takes ${bytes} bytes, and the limit is ${bytes - 1}`),
    );
  }
});

test("a value over its limit is an error that has its own code and says what to do", () => {
  const large = "x".repeat(100);
  const codeOf = (what: "payload" | "result"): unknown => {
    try {
      return encode(large, { what, limit: 99, task: "mail", jobId: "the id" });
    } catch (error) {
      expect(error).toBeInstanceOf(JobError);
      expect(error).toMatchObject({ task: "mail", jobId: "the id" });
      expect((error as Error).message).toMatch(/mail.*store it elsewhere/);
      return (error as JobError).code;
    }
  };
  expect(codeOf("payload")).toBe("payload_too_large");
  expect(codeOf("result")).toBe("result_too_large");
});

test("an error of another realm is stored like any other", () => {
  const foreign = runInNewContext("new RangeError('from elsewhere')");
  expect(keep({ error: foreign })).toMatchObject({ error: { name: "RangeError", message: "from elsewhere" } });
  expect((keep({ error: foreign }) as { error: unknown }).error).toBeInstanceOf(Error);
});
