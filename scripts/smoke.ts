// Tests the package as users get it: packed, installed in an empty folder, imported by name, type-checked and run.
// Everything else in this repository runs from source, so that only this finds a missing export or file.

import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const consumer = mkdtempSync(join(tmpdir(), `${name}-smoke-`));

try {
  // As called from a link to this folder.
  run(join(root, "dist", "cli", "main.js"), ["--version"]);
  install();
  for (const specifier of publicModules()) importByName(specifier);
  readDeclarations();
  runExample("quick-start.ts");
  runCommandLine();
} finally {
  rmSync(consumer, { recursive: true, force: true });
}

function install(): void {
  run("npm", ["pack", root, "--ignore-scripts", "--silent", "--pack-destination", consumer]);
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ private: true, type: "module" }));
  run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--silent", `./${name}-${version}.tgz`]);
}

/** The names under which the package's modules can be imported. */
function publicModules(): string[] {
  const folders = globSync("src/*/index.ts", { cwd: root }).map((file) => basename(dirname(file)));
  return [name, ...folders.sort().map((folder) => `${name}/${folder}`)];
}

/** The program also has to exit by itself, since importing must not start anything. */
function importByName(specifier: string): void {
  const count = `Object.keys(await import("${specifier}")).length`;
  const names = run(process.execPath, ["--input-type=module", "--eval", `console.log(${count})`]).trim();
  if (names === "0") throw new Error(`${specifier} exports nothing.`);
  console.log(`smoke: ${specifier} exports ${names} names`);
}

/** TypeScript before 5.7, which users may have, rejects typed arrays with a type argument. */
function readDeclarations(): void {
  for (const file of globSync(`node_modules/${name}/dist/**/*.d.ts`, { cwd: consumer })) {
    const [type] = /\w+Array<\w*ArrayBuffer\w*>/.exec(readFileSync(join(consumer, file), "utf8")) ?? [];
    if (type !== undefined) throw new Error(`${file} has ${type}, which TypeScript 5.4 to 5.6 do not know.`);
  }
}

function runExample(file: string): void {
  cpSync(join(root, "examples", file), join(consumer, file));
  const typeRoots = join(root, "node_modules", "@types");
  const options = {
    module: "nodenext",
    target: "es2024",
    strict: true,
    noEmit: true,
    typeRoots: [typeRoots],
    types: ["node"],
  };
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: [file] }));
  run(join(root, "node_modules", ".bin", "tsc"), []);
  run(process.execPath, [file]);
  console.log(`smoke: ${file} has its types and runs`);
}

/** Runs the command line as users do: a worker loads TypeScript, runs a job, and exits on SIGTERM. */
function runCommandLine(): void {
  const shown = run("npx", ["--no-install", name, "--version"]).trim();
  if (shown !== version) throw new Error(`npx ${name} --version says ${shown}, not ${version}.`);
  const tasks = `import { background } from "${name}/background";
background({ name: "greet" }, async (who: string) => \`Hello, \${who}!\`);
`;
  writeFileSync(join(consumer, "tasks.ts"), tasks);
  // Not through npx, so that the signal reaches the worker itself and not a process in between.
  const script = `
set -e
node_modules/.bin/${name} worker tasks.ts > worker.log 2>&1 & worker=$!
trap 'kill -KILL $worker 2>/dev/null || true' EXIT
npx --no-install ${name} enqueue greet '"Ada"' --wait
kill -TERM $worker
wait $worker`;
  const answer = run("bash", ["-c", script], { RAPIDAI_QUEUE_URL: "sqlite:jobs.db" });
  if (!answer.endsWith('"Hello, Ada!"\n')) throw new Error(`The command line's worker did not run the job: ${answer}`);
  console.log(`smoke: npx ${name} runs a worker`);
}

function run(command: string, args: string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    cwd: consumer,
    encoding: "utf8",
    timeout: 120_000,
    // The default port may be in use.
    env: { ...process.env, PORT: "0", ...env },
  });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? signal ?? `exit ${status}`}\n${stdout}${stderr}`);
}
