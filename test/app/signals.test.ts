import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";

const PROGRAM: string = fileURLToPath(new URL("./programs/graceful.ts", import.meta.url));
let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill("SIGKILL");
});

/** The program, what it tells from now on, and how it ends. */
async function start(): Promise<{ child: ChildProcess; url: string; said: string[]; ended: Promise<unknown[]> }> {
  const program = fork(PROGRAM, { execArgv: process.execArgv });
  child = program;
  const [url] = (await once(program, "message")) as [string];
  const said: string[] = [];
  program.on("message", (message) => said.push(String(message)));
  return { child: program, url, said, ended: once(program, "exit") };
}

const isRefused = async (url: string): Promise<boolean> =>
  fetch(url).then(
    () => false,
    () => true,
  );

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s lets requests and then jobs finish, and the process ends by itself with 0",
  async (signal) => {
    const { child, url, said, ended } = await start();
    expect((await fetch(`${url}/work`, { method: "POST" })).status).toBe(200);
    await expect.poll(() => said).toEqual(["job started"]);
    const slow = fetch(`${url}/slow`);
    await expect.poll(() => said).toEqual(["job started", "request started"]);
    child.kill(signal);
    await expect.poll(() => isRefused(url)).toBe(true);
    expect(child.exitCode).toBe(null);
    child.send("finish requests");
    expect(await (await slow).json()).toBe("done");
    expect(said).not.toContain("job done");
    child.send("finish jobs");
    expect(await ended).toEqual([0, null]);
    expect(said).toEqual(["job started", "request started", "job done"]);
  },
);

test("an idle server ends at once with 0", async () => {
  const { child, ended } = await start();
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
});

test.each([
  ["SIGINT", "SIGTERM", 143],
  ["SIGTERM", "SIGINT", 130],
] as const)("after %s, %s ends the process at once with %i", async (first, second, code) => {
  const { child, url, said, ended } = await start();
  const slow = fetch(`${url}/endless`).catch(() => {});
  await expect.poll(() => said).toEqual(["request started"]);
  child.kill(first);
  await expect.poll(() => isRefused(url)).toBe(true);
  child.kill(second);
  expect(await ended).toEqual([code, null]);
  await slow;
});

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)("a second %s ends the process at once with %i", async (signal, code) => {
  const { child, url, said, ended } = await start();
  const slow = fetch(`${url}/endless`).catch(() => {});
  await expect.poll(() => said).toEqual(["request started"]);
  // One that comes right after the first counts as the same, so it is sent until it is heard.
  const send = (): number | null => {
    child.kill(signal);
    return child.exitCode;
  };
  await expect.poll(send).toBe(code);
  expect(await ended).toEqual([code, null]);
  await slow;
});

test.each(["SIGTERM", "SIGINT"])("%s that npm or timeout sends twice still is the first signal", async (signal) => {
  const { child, url, said, ended } = await start();
  const slow = fetch(`${url}/slow`);
  await expect.poll(() => said).toEqual(["request started"]);
  child.send(`${signal} twice`);
  await expect.poll(() => isRefused(url)).toBe(true);
  child.send("finish requests");
  expect(await (await slow).json()).toBe("done");
  expect(await ended).toEqual([0, null]);
});
