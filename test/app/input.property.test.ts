import fc from "fast-check";
import { expect, test } from "vitest";
import { App } from "../../src/app/app.ts";
import { TestClient } from "../../src/testing/test-client.ts";

const NAMES = [
  "a",
  "b",
  "id",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "__defineGetter__",
];
const name: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...NAMES),
  fc.string({ unit: "grapheme" }).filter((text) => text !== ""),
);
const values = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<[string, T][]> =>
  fc.array(fc.tuple(name, value), { maxLength: 6 });
const isDotted = (text: string): boolean => text === "." || text === "..";

test("whatever a client sends, the input is path over query over body, as plain data that changes nothing else", async () => {
  let input: object = {};
  const app = new App().post("/:id/:constructor", (given) => {
    input = given;
  });
  const client = new TestClient(app);
  const segment = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !isDotted(text));
  const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
  await fc.assert(
    fc.asyncProperty(
      segment,
      segment,
      values(fc.string({ unit: "grapheme" })),
      values(json),
      async (id, maker, query, body) => {
        const search = query.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&");
        const text = `{${body.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`;
        const path = `/${encodeURIComponent(id)}/${encodeURIComponent(maker)}?${search}`;
        const response = await client.post(path, { body: text, headers: { "content-type": "application/json" } });
        expect(response.status).toBe(204);

        const expected = new Map<string, unknown>(body);
        for (const [key] of query) {
          const all = query.filter(([other]) => other === key).map(([, value]) => value);
          expected.set(key, all.length === 1 ? all[0] : all);
        }
        expected.set("id", id).set("constructor", maker);
        expect(new Map(Object.entries(input))).toEqual(expected);
        expect(Object.getPrototypeOf(input)).toBe(Object.prototype);
        expect(Object.keys(Object.prototype)).toEqual([]);
        expect("polluted" in {}).toBe(false);
      },
    ),
    { numRuns: 300 },
  );
});

test("__proto__ from outside stays data through a schema's missing parameters and through the reply", async () => {
  const app = new App().post("/:id", (given) => given);
  const response = await new TestClient(app).post("/1?__proto__=q", {
    body: '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    headers: { "content-type": "application/json" },
  });
  expect(await response.text()).toBe('{"__proto__":"q","constructor":{"prototype":{"polluted":true}},"id":"1"}');
  expect("polluted" in {}).toBe(false);
});

test("of all paths that fit, the request gets the most specific one, and its parameters", async () => {
  const part = fc.constantFrom("a", "b", ":x");
  const shape = fc.array(part, { minLength: 1, maxLength: 3 });
  const isFitting = (route: readonly string[], path: readonly string[]): boolean =>
    route.length === path.length && route.every((text, i) => text === ":x" || text === path[i]);
  const rank = (route: readonly string[]): string => route.map((text) => (text === ":x" ? "1" : "0")).join("");
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(shape, { selector: (route) => route.join("/"), maxLength: 8 }),
      fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }),
      async (routes, path) => {
        const app = new App();
        for (const route of routes) {
          const named = route.map((text, i) => (text === ":x" ? `:x${i}` : text));
          app.get(`/${named.join("/")}`, (input) => [route, { ...input }, 0]);
        }
        const response = await new TestClient(app).get(`/${path.join("/")}`);
        const [best] = routes.filter((route) => isFitting(route, path)).sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
        const params = Object.fromEntries(path.map((text, i) => [`x${i}`, text]).filter((_, i) => best?.[i] === ":x"));
        if (best === undefined) expect(response.status).toBe(404);
        else expect(await response.json()).toEqual([best, params, 0]);
      },
    ),
    { numRuns: 300 },
  );
});
