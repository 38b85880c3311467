// What somebody sees who has installed rapidai and nothing else: the packages named in the arguments are not there.
import { registerHooks } from "node:module";

const absent = process.argv.slice(2);
registerHooks({
  resolve: (specifier, context, next) => {
    if (!absent.includes(specifier)) return next(specifier, context);
    throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: "ERR_MODULE_NOT_FOUND" });
  },
});

const { LLM } = await import("rapidai");
const { MockLLM } = await import("rapidai/testing");
const said: Record<string, unknown> = { mock: await new MockLLM({ response: "fine" }).complete("x") };
for (const model of ["claude-haiku-4-5", "gpt-5-mini", "text-embedding-3-small"]) {
  const llm = new LLM(model, { apiKey: "any", baseURL: "http://127.0.0.1:9/v1" });
  const called = model.startsWith("text") ? llm.embed(["x"]) : llm.complete("x");
  said[model] = await called.catch(({ code, message }) => ({ code, message }));
}
console.log(JSON.stringify(said));
