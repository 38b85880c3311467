import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** The scripts of package.json. */
export const scripts: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(`${ROOT}package.json`, "utf8"),
).scripts;

export interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

// Not after each test: tests that run at once would end each other's programs.
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

/** A program that runs in a process of its own, which does not outlive the tests. */
export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ending>;
  /** Waits until it has printed this, and resolves with what matched. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Node's arguments in a script of package.json: npm itself takes longer to start than most examples run. */
export function argumentsOf(script: string): readonly string[] {
  const [command, ...args] = (scripts[script] ?? "").split(" ");
  if (command !== "node") throw new Error(`The script "${script}" is not there, or does not call Node.`);
  return args;
}

export function start(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input?: string | Promise<string>,
  cwd: string = ROOT,
): Program {
  const child = spawn(command, args, { cwd, env: environment(env), stdio: "pipe" });
  children.push(child);
  // A program may end before it has read its input.
  child.stdin.on("error", () => {});
  if (input instanceof Promise) input.then((text) => child.stdin.end(text));
  else child.stdin.end(input);
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      output[stream] += text;
    });
  }
  const ended = once(child, "close").then(([code]): Ending => ({ code, ...output }));
  const printed = (pattern: RegExp): Promise<RegExpExecArray> => {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const look = () => {
      const match = pattern.exec(output.stdout);
      if (match !== null) resolve(match);
    };
    child.stdout.on("data", look);
    look();
    ended.then((ending) => reject(new Error(`It ended without printing ${pattern}: ${JSON.stringify(ending)}`)));
    return promise;
  };
  return { child, ended, printed };
}

export function run(script: string, env: Readonly<Record<string, string>> = {}): Promise<Ending> {
  // What Node 22 says of node:sqlite, where a program uses that itself, is none of the program's words.
  const quiet = { NODE_OPTIONS: "--disable-warning=ExperimentalWarning" };
  return start(process.execPath, argumentsOf(script), { ...quiet, ...env }).ended;
}

/** As in a user's shell: nothing of the test runner, no port that another program may have, no key of a model. */
function environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { NODE_ENV, NODE_OPTIONS, FORCE_COLOR, RAPIDAI_QUEUE_URL, PRODUCTION, REDIS_URL, ...rest } = process.env;
  const { CI, ANTHROPIC_API_KEY, OPENAI_API_KEY, ANTHROPIC_BASE_URL, RAPIDAI_MODEL, ...inherited } = rest;
  return { ...inherited, NO_COLOR: "1", PORT: "0", ...more };
}
