import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { threadFault, threadUrl } from "../../../src/background/core/thread-program.ts";

describe("the program of a thread", () => {
  const what = { what: "SqliteQueue", name: "thread" };
  const there = () => true;

  test("is beside its module, and has the same extension", () => {
    expect(threadUrl({ ...what, module: "file:///app/a/host.ts" }, there).href).toBe("file:///app/a/thread.ts");
    expect(threadUrl({ ...what, module: "file:///app/out.mjs?v=1.2" }, there).href).toBe("file:///app/thread.mjs");
    expect(threadUrl({ ...what, module: "file:///app/host" }, there).href).toBe("file:///app/thread.js");
  });

  test("that is missing, or whose module does not know its own url, is a permanent error", () => {
    const missed = (module: string | undefined) => {
      try {
        threadUrl({ ...what, module }, () => false);
      } catch (error) {
        return error;
      }
      return null;
    };
    for (const module of [undefined, "file:///app/host.js"])
      expect(missed(module)).toMatchObject({
        code: "backend_unavailable",
        message: expect.stringMatching(/^SqliteQueue needs a thread, but its program .*thread/),
        cause: { name: "PermanentError" },
      });
  });

  test("is named in code, so that tools that trace a program's files include it", () => {
    const modules = globSync("src/**/*.ts").map((file) => ({ file, code: readFileSync(file, "utf8") }));
    const programs = modules.flatMap(({ file, code }) =>
      Array.from(code.matchAll(/name: "(\S+)",\s+module: import\.meta\.url/g), ([, name]) => ({ file, code, name })),
    );
    expect(programs).toHaveLength(3);
    for (const { file, code, name } of programs) {
      expect(code, file).toContain(`traced: \`\${import.meta.url}/../${name}.js\`,`);
      expect(existsSync(join(dirname(file), `${name}.ts`)), file).toBe(true);
    }
  });

  test("is reported as incomplete if what it imports is missing; any other error of its thread is passed on as it is", () => {
    const program = { ...what, module: "file:///app/host.js", or: ", or set thread: false" };
    const missing = Object.assign(new Error("Cannot find module '/app/service.js'"), { code: "ERR_MODULE_NOT_FOUND" });
    expect(threadFault(program, missing)).toMatchObject({
      code: "backend_unavailable",
      message:
        "SqliteQueue needs a thread, but it could not start (Cannot find module '/app/service.js'): leave rapidai out of the bundle (external), or set thread: false.",
      cause: { name: "PermanentError", cause: missing },
    });
    const other = new RangeError("out of memory");
    expect(threadFault(program, other)).toBe(other);
  });
});
