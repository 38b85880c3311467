import { type } from "arktype";
import * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import { App } from "../../src/app/app.ts";
import type { RouteContext } from "../../src/app/endpoint.ts";
import type { PathParams } from "../../src/app/route-path.ts";

declare const app: App;

test("path parameters are texts, by either way of writing them", () => {
  app.get("/users/:userId/jobs/<jobId>", ({ userId, jobId, other }, context) => {
    expectTypeOf(userId).toEqualTypeOf<string>();
    expectTypeOf(jobId).toEqualTypeOf<string>();
    expectTypeOf(other).toEqualTypeOf<unknown>();
    expectTypeOf(context).toEqualTypeOf<RouteContext>();
    return { userId };
  });
  app.route("/jobs/<jobId>", { methods: ["GET", "DELETE"] }, ({ jobId }) => {
    expectTypeOf(jobId).toEqualTypeOf<string>();
  });
});

test("an optional parameter may be missing", () => {
  expectTypeOf<PathParams<"/jobs/:id?">["id"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<PathParams<"/jobs/:id">["id"]>().toEqualTypeOf<string>();
  expectTypeOf<keyof PathParams<"/a/:b/c/:d?/:e?">>().toEqualTypeOf<"b" | "d" | "e">();
  expectTypeOf<keyof PathParams<"/jobs">>().toEqualTypeOf<never>();
});

test("the input is the schema's output, with the path's parameters that it lacks: zod", () => {
  const schema = z.object({ limit: z.coerce.number(), note: z.string().default("") });
  app.post("/jobs/:jobId", { schema }, ({ jobId, limit, note }) => {
    expectTypeOf(jobId).toEqualTypeOf<string>();
    expectTypeOf(limit).toEqualTypeOf<number>();
    expectTypeOf(note).toEqualTypeOf<string>();
    return [{ jobId }, 202];
  });
  app.get("/n/:n", { schema: z.object({ n: z.coerce.number() }) }, ({ n }) => expectTypeOf(n).toEqualTypeOf<number>());
  // @ts-expect-error the schema does not let it through
  app.post("/jobs/:jobId", { schema }, ({ other }) => other);
});

test("the input is the schema's output: valibot", () => {
  const schema = v.object({
    at: v.pipe(
      v.string(),
      v.transform((text) => new Date(text)),
    ),
  });
  app.route("/jobs/:jobId", { methods: ["POST"], schema }, ({ jobId, at }) => {
    expectTypeOf(jobId).toEqualTypeOf<string>();
    expectTypeOf(at).toEqualTypeOf<Date>();
  });
});

test("the input is the schema's output: arktype", () => {
  app.put("/jobs/:jobId", { schema: type({ count: "number", "tag?": "string" }) }, ({ jobId, count, tag }) => {
    expectTypeOf(jobId).toEqualTypeOf<string>();
    expectTypeOf(count).toEqualTypeOf<number>();
    expectTypeOf(tag).toEqualTypeOf<string | undefined>();
    return null;
  });
});

test("handlers return JSON values, a body with a status, Responses, streams or nothing", () => {
  app.get("/a", async () => [{ error: "Job not found" }, 404]);
  app.get("/b", ({ id }) => (id === undefined ? [{ error: "no id" }, 400] : { id }));
  app.get("/c", () => new Response("text"));
  app.get("/d", async function* () {
    yield { n: 1 };
  });
  app.get("/e", async () => {});
  app.patch("/f", () => null);
  app.delete("/g", {}, () => "text");
  // @ts-expect-error a symbol is none of these
  app.get("/h", () => Symbol("no"));
});

test("routes chain, of an app of a class of one's own too", () => {
  class Mine extends App {
    readonly isMine = true;
  }
  expectTypeOf(
    new Mine()
      .get("/a", () => 1)
      .route("/b", {}, () => 1)
      .mount("/c", app),
  ).toEqualTypeOf<Mine>();
});

test("methods are those that a route can have", () => {
  // @ts-expect-error OPTIONS is answered by itself
  app.route("/a", { methods: ["OPTIONS"] }, () => 1);
});

test("every option accepts undefined", () => {
  app.route("/a", { methods: undefined, schema: undefined }, ({ anything }) =>
    expectTypeOf(anything).toEqualTypeOf<unknown>(),
  );
  app.get("/b/:id", { schema: undefined }, ({ id }) => expectTypeOf(id).toEqualTypeOf<string>());
});
