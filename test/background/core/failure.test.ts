import { connect } from "node:net";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PermanentError } from "../../../src/background/core/endings.ts";
import { JobError } from "../../../src/background/core/errors.ts";
import { causesOf, failureOf, readPastAttempt } from "../../../src/background/core/failure.ts";
import { byteLength } from "../../../src/background/core/text.ts";

const getter = (name: string, error: Error): Error =>
  Object.defineProperty(error, name, {
    get: () => {
      throw new Error("boom");
    },
  });
const opaque = (): object =>
  new Proxy(new Error("seen by nobody"), {
    getPrototypeOf: () => {
      throw new Error("boom");
    },
  });

test("causesOf() lists an error and its causes, outermost first", () => {
  const inner = new Error("inner");
  const middle = new TypeError("middle", { cause: inner });
  const outer = new Error("outer", { cause: middle });
  expect(causesOf(outer)).toEqual([outer, middle, inner]);
  expect(causesOf(new Error("e", { cause: "a text" }))).toHaveLength(2);
  expect(causesOf("a text")).toEqual(["a text"]);
  expect(causesOf(undefined)).toEqual([]);
  expect(causesOf({ cause: inner })).toHaveLength(1);
});

test("a circular chain of causes ends, and a long one is cut", () => {
  const tail = new Error("tail");
  const head = new Error("head", { cause: tail });
  tail.cause = head;
  expect(causesOf(head)).toEqual([head, tail]);
  const self = new Error("self");
  self.cause = self;
  expect(causesOf(self)).toEqual([self]);

  let long = new Error("0");
  for (let level = 1; level < 100_000; level++) long = new Error(String(level), { cause: long });
  expect(causesOf(long)).toHaveLength(16);
  expect(byteLength(failureOf(long).stack as string)).toBeLessThanOrEqual(16_384);
});

test("a chain of causes ends where following it throws", () => {
  const error = getter("cause", new JobError("lease_lost", "lost"));
  expect(causesOf(error)).toEqual([error]);
  expect(causesOf(opaque())).toEqual([]);
  expect(causesOf(new Error("e", { cause: opaque() }))).toHaveLength(1);
});

test("an error's name, message and code are kept, and its stack with those of its causes", () => {
  const cause = new RangeError("7 of 5");
  const error = new TypeError("no number", { cause });
  expect(failureOf(error)).toEqual({
    name: "TypeError",
    message: "no number",
    stack: `${error.stack}\ncaused by: ${cause.stack}`,
  });
  expect(failureOf(new Error("e", { cause: "disk full" })).stack).toMatch(/\ncaused by: disk full$/);
  expect(failureOf(new TypeError()).message).toBe("TypeError");
  const gathered = failureOf(
    new AggregateError([new Error("first"), "second", ...Array(20).fill(new Error("more"))], "none"),
  );
  expect(gathered.message).toBe("none");
  expect(gathered.stack).toMatch(/none[\s\S]*\none of: Error: first\n[\s\S]*\none of: second\n/);
  expect(gathered.stack?.match(/one of: /g)).toHaveLength(8);
  expect([failureOf(new Response("x")).message, failureOf({}).message]).toEqual(["Response {}", "{}"]);
  const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  expect(failureOf(refused)).toMatchObject({ name: "Error", code: "ECONNREFUSED" });
  expect(failureOf(new TypeError("fetch failed", { cause: refused })).code).toBe("ECONNREFUSED");
  expect(failureOf(Object.assign(new Error("x"), { code: "y".repeat(1_000) })).code?.length).toBeLessThan(130);
  for (const code of [404, "", null])
    expect(failureOf(Object.assign(new Error("x"), { code }))).not.toHaveProperty("code");
});

test.each<[thrown: unknown, message: string]>([
  ["a text", "a text"],
  ["", ""],
  [undefined, "undefined"],
  [null, "null"],
  [0, "0"],
  [12n, "12"],
  [Symbol("s"), "Symbol(s)"],
  [{ message: "like an error", code: 7 }, "like an error"],
  [{ code: 7 }, '{"code":7}'],
  [[1, 2], "[1,2]"],
])("a thrown %o has the message %j", (thrown, message) => {
  expect(failureOf(thrown)).toEqual({ name: "Error", message, stack: null });
});

test("a thrown object is described even if JSON cannot represent it, or only at great length", () => {
  const circle: { self?: unknown; big: bigint } = { big: 1n };
  circle.self = circle;
  expect(failureOf(circle).message).toBe('{"big":"1","self":"[Circular]"}');
  let doubling: unknown = ["end"];
  for (let level = 0; level < 25; level++) doubling = [doubling, doubling];
  expect(byteLength(failureOf(doubling).message)).toBeGreaterThan(16_000);
  let deep: unknown = ["end"];
  for (let level = 0; level < 100_000; level++) deep = [deep];
  expect(failureOf(deep).message).toContain("[Too deep]");
});

test("message and stack are cut to 16 KiB each, and the name to 256 bytes", () => {
  const error = new Error("€".repeat(100_000));
  error.name = "N".repeat(100_000);
  error.stack = "s".repeat(100_000);
  const { name, message, stack } = failureOf(error);
  for (const part of [message, stack as string]) {
    expect(byteLength(part)).toBeLessThanOrEqual(16_384);
    expect(byteLength(part)).toBeGreaterThan(16_000);
    expect(part).toMatch(/… \(cut\)$/);
  }
  expect(byteLength(name)).toBeLessThanOrEqual(256);
  expect(byteLength(failureOf("€".repeat(100_000)).message)).toBeLessThanOrEqual(16_384);
  expect(byteLength(failureOf({ message: "€".repeat(100_000) }).message)).toBeLessThanOrEqual(16_384);
});

test("what cannot be described is reported as such, and breaks nothing", () => {
  const thrower = {
    get message(): string {
      throw new Error("boom");
    },
  };
  const things = [
    ...["name", "message", "stack"].map((name) => getter(name, new Error("e"))),
    Object.assign(new Error("e"), { name: Object.create(null) as unknown }),
    thrower,
    opaque(),
    Object.defineProperty(new Error("e"), "message", { value: Object.create(null) }),
  ];
  for (const thing of things) {
    expect(failureOf(thing)).toEqual({
      name: "Error",
      message: "the handler threw an object that cannot be described",
      stack: null,
    });
  }
  expect(failureOf(getter("cause", new TypeError("still told")))).toMatchObject({
    name: "TypeError",
    message: "still told",
  });
});

test("whatever was thrown, a name, a message and a stack or null are kept", () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withMap: true }), (thrown) => {
      for (const each of [thrown, new Error("e", { cause: thrown }), Object.assign(new Error("e"), { name: thrown })]) {
        const { name, message, stack } = failureOf(each);
        expect([typeof name, typeof message]).toEqual(["string", "string"]);
        expect(stack === null || typeof stack === "string").toBe(true);
        expect(Array.isArray(causesOf(each))).toBe(true);
      }
    }),
  );
});

test("an error of another realm counts as one, as in a test runner, where the errors of Node.js come from another realm", () => {
  const inner = new PermanentError("never");
  const foreign = runInNewContext("Object.assign(new TypeError('from a plugin', { cause }), { code: 'EPLUGIN' })", {
    cause: inner,
  });
  expect(foreign).not.toBeInstanceOf(Error);
  expect(causesOf(new Error("outer", { cause: foreign }))).toHaveLength(3);
  expect(failureOf(foreign)).toMatchObject({ name: "TypeError", code: "EPLUGIN", message: "from a plugin" });
  expect(failureOf(foreign).stack).toMatch(/caused by: (Permanent)?Error: never/);
  const gathered = runInNewContext("new AggregateError([new Error('one'), new Error('two')], 'both')");
  expect(failureOf(gathered).stack).toMatch(/one of: Error: one.*one of: Error: two/s);
});

test("the message says why even if the error's own does not: when no address answers, or in fetch()", async () => {
  const refused = await new Promise((resolve) => connect({ port: 1, host: "127.0.0.1" }).on("error", resolve));
  const { message } = refused as Error;
  expect(message).toContain("ECONNREFUSED");
  const several = new AggregateError([refused, new Error("and another")]);
  expect(failureOf(several).message).toBe(`${message}; and another`);
  expect(failureOf(new AggregateError([])).message).toBe("AggregateError");
  const fetched = await fetch("http://127.0.0.1:1").catch((error) => error);
  expect(failureOf(fetched).message).toMatch(/^fetch failed: .+/);
  const [one, two] = [new TypeError("fetch failed"), new TypeError("fetch failed")];
  one.cause = two;
  two.cause = one;
  expect(failureOf(one).message).toBe("fetch failed");
  expect(failureOf(new TypeError("fetch failed", { cause: new Error() })).message).toBe("fetch failed");
  const bitten = new TypeError("fetch failed");
  bitten.cause = bitten;
  expect(failureOf(bitten).message).toBe("fetch failed");
  expect(failureOf(new Error("no mail", { cause: fetched })).message).toBe("no mail");
});

test("an invalid list of gathered errors does not affect the error itself", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  const kept = { message: "kept", stack: expect.stringContaining("Error: kept") };
  for (const errors of [[{ n: 1n }], [circle], "no list", 1])
    expect(failureOf(Object.assign(new Error("kept"), { errors }))).toMatchObject(kept);
  expect(failureOf(getter("errors", new Error("kept")))).toMatchObject(kept);
});

test("a stored past attempt is read as it was, and foreign data as far as it is valid", () => {
  const kept = { ...failureOf(new TypeError("gone")), attempt: 2, worker: "w", startedAt: 3, endedAt: 4 };
  expect(readPastAttempt(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
  for (const strange of [null, undefined, 7, "text"]) expect(readPastAttempt(strange)).toBeNull();
  expect(
    readPastAttempt({ ...kept, name: {}, attempt: "\u001b[2J", worker: 5, startedAt: {}, endedAt: "x", stack: [] }),
  ).toEqual({
    ...kept,
    name: "Error",
    attempt: 0,
    worker: "",
    startedAt: 0,
    endedAt: 0,
    stack: null,
  });
});
