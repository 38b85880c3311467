import { once } from "node:events";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decode, encode } from "../../../src/background/core/codec.ts";
import { JobError } from "../../../src/background/core/errors.ts";

const KIND = { what: "payload", limit: 1_048_576, task: "mail", jobId: "the id" } as const;

function refusalOf(value: unknown): JobError {
  try {
    encode(value, KIND);
  } catch (error) {
    expect(error).toBeInstanceOf(JobError);
    expect(error).toMatchObject({ code: "not_serializable", task: "mail", jobId: "the id", isInputError: true });
    return error as JobError;
  }
  throw new Error("it was not refused");
}

class Invoice {
  total = 1;
  toJSON(): object {
    return { total: 1 };
  }
}
const thrower = {
  get secret(): never {
    throw new Error("boom");
  },
};
const messy = Object.defineProperty(new Error(), "message", { get: () => thrower.secret });
const transferred = new Uint8Array(4);
structuredClone(transferred.buffer, { transfer: [transferred.buffer] });
const hostile = (trap: keyof ProxyHandler<object>): object =>
  new Proxy(
    {},
    {
      [trap]: () => {
        throw new Error("boom");
      },
    },
  );
// biome-ignore lint/suspicious/noThenProperty: it is what is tested
const thenable = { then: () => 1 };
function* generate(): Generator {}
async function* generateLater(): AsyncGenerator {}
class Instant {
  readonly [Symbol.toStringTag] = "Temporal.Instant";
}
const bare: object = new (class {})();

test.each<[what: string, value: unknown, says: string]>([
  ["a function", { a: { b: () => 1 } }, "payload.a.b is a function"],
  ["a function named toJSON", { a: { toJSON: () => 1 } }, "payload.a.toJSON is a function"],
  ["a symbol", [1, Symbol("s")], "payload[1] is a symbol"],
  ["a symbol as a key", { a: { [Symbol("s")]: 1 } }, "payload.a is an object with symbol keys"],
  [
    "an instance of a class, with a toJSON or not",
    { "the invoice": new Invoice() },
    'payload["the invoice"] is an instance of Invoice',
  ],
  ["an instance of a class without a name", bare, "payload is an instance of a class"],
  ["a promise", { p: Promise.resolve(1) }, "payload.p is a promise"],
  ["a thenable", { p: thenable }, "payload.p is a promise"],
  ["what a generator returns", { list: generate() }, "payload.list is an iterator"],
  ["what an asynchronous generator returns", { list: generateLater() }, "payload.list is an iterator"],
  ["an iterator", { keys: new Map().keys() }, "payload.keys is an iterator"],
  ["a stream", { s: new ReadableStream() }, "payload.s is an instance of ReadableStream"],
  ["a WeakMap", [new WeakMap()], "payload[0] is an instance of WeakMap"],
  ["a function in a Map", { m: new Map([["k", () => 1]]) }, 'payload.m.get("k") is a function'],
  ["a function in an error's cause", new Error("e", { cause: { f: () => 1 } }), "payload.cause.f is a function"],
  ["a getter that throws", { list: [{ thrower }] }, "payload.list[0].thrower.secret cannot be read (boom)"],
  [
    "a getter that throws, in a Map",
    new Map([["k", { a: thrower }]]),
    'payload.get("k").a.secret cannot be read (boom)',
  ],
  ["a getter that throws, in a Set", { s: new Set([thrower]) }, "payload.s.get(…).secret cannot be read (boom)"],
  ["a message that throws", { errors: [messy] }, "payload.errors[0].message cannot be read (boom)"],
  [
    "a getter that throws, in an error's cause",
    new Error("e", { cause: thrower }),
    "payload.cause.secret cannot be read",
  ],
  ["a buffer that was transferred", { file: { bytes: transferred.buffer } }, "payload.file.bytes cannot be read"],
  ["bytes whose buffer was transferred", { file: { bytes: transferred } }, "payload.file.bytes cannot be read"],
  ["a proxy that throws when asked for its keys", { p: hostile("ownKeys") }, "payload.p cannot be read (boom)"],
  [
    "a proxy that throws when asked for its prototype",
    { p: hostile("getPrototypeOf") },
    "payload.p cannot be read (boom)",
  ],
  [
    "an instance of a polyfill, which this Node.js could not read",
    { at: new Instant() },
    "payload.at is an instance of Instant",
  ],
  ["an object that claims to be a Date", { [Symbol.toStringTag]: "Date" }, "payload is an object with symbol keys"],
])("%s is refused, and the error says where it is", (_, value, says) => {
  const { message } = refusalOf(value);
  expect(message).toContain(says);
  expect(message).toContain("job the id of task 'mail'");
  expect(message).toContain("Use plain data");
});

test("a cycle through an object with a key __proto__ is refused at once, since no worker could read it", () => {
  const given = JSON.parse('{"__proto__":1}') as { self?: unknown };
  given.self = { given };
  expect(() => encode(given, KIND)).toThrow(expect.objectContaining({ code: "not_serializable" }));
});

test("what is wrong within a cycle is found, or the search for it ends", () => {
  const circle: Record<string, unknown> = { deep: { thrower } };
  circle.self = circle;
  expect(refusalOf(circle).message).toContain("payload.deep.thrower.secret cannot be read");
  circle.deep = { [Symbol.toStringTag]: "Date" };
  expect(refusalOf(circle).message).toContain("cannot be stored");
});

const CLAIMS = [
  ..."Number String Boolean BigInt Date RegExp URL URLSearchParams".split(" "),
  ..."Array Set Map Error ArrayBuffer Uint8Array".split(" "),
  ..."Temporal.Instant Temporal.PlainDate Temporal.Nothing".split(" "),
];
test.each(CLAIMS)("an object that claims to be of the type %s is refused or can be read", (tag) => {
  const claiming = { list: [{ [Symbol.toStringTag]: tag }] };
  let stored: string;
  try {
    stored = encode(claiming, KIND);
  } catch {
    refusalOf(claiming);
    return;
  }
  expect(() => decode(stored, KIND)).not.toThrow();
});

test("the error keeps what led to it as its cause", () => {
  expect(refusalOf({ thrower }).cause).toMatchObject({ message: "boom" });
});

const nested = (levels: number, wrap: (value: unknown) => unknown): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = wrap(value);
  return value;
};
const WRAPS: Record<string, (value: unknown) => unknown> = {
  arrays: (value) => [value],
  objects: (value) => ({ value }),
  "objects beside undefined": (value) => ({ value, nothing: undefined }),
  Maps: (value) => new Map([[1, value]]),
  "keys of Maps": (value) => new Map([[value, 1]]),
  Sets: (value) => new Set([value]),
  errors: (value) => new Error("e", { cause: value }),
};

test.each(Object.keys(WRAPS))(
  "%s 100,000 levels deep are refused with a clear message, and do not crash the process",
  (kind) => {
    expect(refusalOf(nested(100_000, WRAPS[kind] as (value: unknown) => unknown)).message).toContain(
      "nested too deeply",
    );
  },
);

test.each(Object.keys(WRAPS))("%s 10,000 levels deep are either refused with a clear message or come back", (kind) => {
  const deep = nested(10_000, WRAPS[kind] as (value: unknown) => unknown);
  let stored: string;
  try {
    stored = encode(deep, KIND);
  } catch (error) {
    expect(error).toMatchObject({ code: "not_serializable" });
    expect((error as Error).message).toContain("nested too deeply");
    return;
  }
  expect(() => decode(stored, KIND)).not.toThrow();
});

test.each(Object.keys(WRAPS))("%s a few hundred levels deep come back", (kind) => {
  const wrap = WRAPS[kind] as (value: unknown) => unknown;
  expect(encode(decode(encode(nested(500, wrap), KIND), KIND), KIND).length).toBeGreaterThan(500);
});

test.each(Object.keys(WRAPS))("%s are kept down to 500 levels, and one more is refused with its path", (kind) => {
  const deepest = nested(500, WRAPS[kind] as (value: unknown) => unknown);
  expect(() => encode(deepest, KIND)).not.toThrow();
  expect(refusalOf({ list: deepest }).message).toMatch(
    /it is nested too deeply: payload\.list.* is more than 500 levels down\. Use plain data/,
  );
});

test("depth is counted along the reader's way: the next of a next, a key of a Map, an item of a Set", () => {
  const items = Array.from({ length: 501 }, (_, number): { number: number; next?: unknown } => ({ number }));
  for (const [index, item] of items.entries()) item.next = items[index + 1];
  expect(refusalOf(items).message).toContain("payload[0].next.next");
  expect(() => encode(items.toReversed(), KIND)).not.toThrow();
  expect(refusalOf(nested(501, (value) => new Map([[value, 1]]))).message).toContain("payload.get(");
  expect(refusalOf(nested(501, (value) => new Set([value]))).message).toContain("payload.get(");
  const behindHoles = Object.assign([], { 3: nested(500, (value) => [value]) });
  expect(refusalOf(behindHoles).message).toContain("payload[3][0][0]");
});

test("the path to what is nested too deeply does not spell out the keys of a Map", () => {
  let key: unknown = nested(500, (value) => [value]);
  for (let level = 0; level < 10; level++) key = [key, key];
  expect(refusalOf({ map: new Map([[key, 1]]) }).message).toContain("nested too deeply: payload.map.get(…)[0][0]");
});

test("a level with the key __proto__ counts as three, since it is stored as pairs in a list", () => {
  const wrap = (value: unknown): unknown => Object.fromEntries([["__proto__", value]]);
  expect(() => encode(nested(500, wrap), KIND)).not.toThrow();
  expect(() => encode([undefined, nested(166, wrap)], KIND)).not.toThrow();
  expect(refusalOf([undefined, nested(168, wrap)]).message).toContain("payload[1].__proto__.__proto__");
});

test("whatever is accepted can be read with two thirds of the default stack of Node.js", async () => {
  const texts = Object.values(WRAPS).map((wrap) => encode(nested(500, wrap), KIND));
  const codec = new URL("../../../src/background/core/codec.ts", import.meta.url);
  const program = `import(${JSON.stringify(codec.href)}).then(({ decode }) => {
    for (const text of require("node:worker_threads").workerData) decode(text, { what: "payload" });
  });`;
  // V8 keeps 192 KiB of it to itself.
  const reader = new Worker(program, {
    eval: true,
    workerData: texts,
    resourceLimits: { stackSizeMb: 0.625 + 0.1875 },
  });
  expect(await once(reader, "exit")).toEqual([0]);
});

test("any other value is encoded or refused with a JobError, and changes nothing", () => {
  // Made late, since fast-check would stumble over the values themselves.
  const makers: (() => unknown)[] = [
    () => Symbol("s"),
    () => new Invoice(),
    () => thrower,
    () => hostile("get"),
    () => hostile("has"),
    () => hostile("ownKeys"),
    () => hostile("getPrototypeOf"),
    () => hostile("getOwnPropertyDescriptor"),
    () => globalThis,
    () => process,
    () => new WeakSet(),
    () => () => 1,
    () => Object.defineProperty([1], "toJSON", { value: () => undefined }),
    // biome-ignore lint/suspicious/noThenProperty: it is what is tested
    () => Object.defineProperty({}, "then", { get: () => thrower.secret }),
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    },
  ];
  const anything = fc.anything({ withBoxedValues: true, withObjectString: true, withNullPrototype: true });
  const strange = fc.oneof(
    anything.map((value) => () => value),
    fc.constantFrom(...makers),
  );
  fc.assert(
    fc.property(fc.array(strange, { maxLength: 3 }), (made) => {
      const values = made.map((make) => make());
      for (const value of [...values, values, { values }, new Map([[values, values]])]) {
        try {
          expect(typeof encode(value, KIND)).toBe("string");
        } catch (error) {
          expect(error).toBeInstanceOf(JobError);
          expect(["not_serializable", "payload_too_large"]).toContain((error as JobError).code);
        }
      }
      expect(Object.keys(Object.prototype)).toEqual([]);
    }),
  );
});
