import { programOf, runProgram } from "../../src/cli/program.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import { type Ending, type Program, start } from "../examples/program.ts";

const NODE = [process.execPath, "--import", "./scripts/from-source.ts", "src/cli/main.ts"] as const;

export interface CommandLineInit {
  readonly url?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What is typed, at once or when it is there. */
  readonly input?: string | Promise<string>;
}

/** Starts the command line from the sources, as a process. */
export function startCli(args: readonly string[], { url, env = {}, input }: CommandLineInit = {}): Program {
  const [node, ...before] = NODE;
  const where = url === undefined ? {} : { RAPIDAI_QUEUE_URL: url };
  return start(node, [...before, ...args], { ...where, ...env }, input);
}

export function cli(args: readonly string[], init: CommandLineInit = {}): Promise<Ending> {
  return startCli(args, init).ended;
}

/**
 * Runs a command in this process, which takes a twentieth of the time: for what depends on neither signals nor pipes. With
 * `columns` it writes to a terminal.
 */
export async function here(args: readonly string[], { url, columns }: HereInit = {}): Promise<Ending> {
  const written = { stdout: "", stderr: "" };
  const streamTo = (name: "stdout" | "stderr") =>
    ({
      isTTY: columns !== undefined,
      columns,
      on: () => {},
      write: (text: string) => {
        written[name] += text;
      },
    }) as unknown as NodeJS.WriteStream;
  const terminal = new Terminal(streamTo("stdout"), streamTo("stderr"));
  const argv = ["node", "rapidai", ...args, ...(url === undefined ? [] : ["--url", url])];
  await runProgram(programOf(terminal, argv), terminal, argv);
  return { code: terminal.exitCode, ...written };
}

interface HereInit {
  readonly url?: string;
  readonly columns?: number;
}

/** Runs it in a shell, for pipes; `rapidai` stands for it. */
export function inShell(script: string, { url = "" }: CommandLineInit = {}): Promise<Ending> {
  const rapidai = `rapidai() { ${NODE.map((part) => `'${part}'`).join(" ")} "$@"; }`;
  return start("bash", ["-c", `${rapidai}\n${script}`], { RAPIDAI_QUEUE_URL: url }).ended;
}

/** Runs it on a terminal of so many columns, with what is typed there; what it shows comes with \r\n and its styles. */
export function onTerminal(
  args: readonly string[],
  { url = "", env = {}, input, columns = 80 }: CommandLineInit & { readonly columns?: number } = {},
): Program {
  const quoted = [...NODE, ...args].map((part) => `'${part}'`).join(" ");
  const isPlain = env.NO_COLOR !== undefined;
  // Of util-linux: gives the command a terminal of its own.
  const session = ["-qec", `${isPlain ? "" : "unset NO_COLOR; "}stty cols ${columns} -echo; ${quoted}`, "/dev/null"];
  const shown = { TERM: "xterm", RAPIDAI_QUEUE_URL: url };
  return start("script", session, { ...shown, ...env }, input);
}

/** The values of an output that is a line of JSON each. */
export function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
