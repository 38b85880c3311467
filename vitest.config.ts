import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

// What the programs that tests start have in common is compiled once: that is most of what starting one takes. Set here,
// it counts for the test files' own processes and threads as well.
process.env.NODE_COMPILE_CACHE ??= path("./node_modules/.cache/compiled");

// A developer's own queue is none to test with.
delete process.env.RAPIDAI_QUEUE_URL;

/** Files that start no program and change nothing that others see share a process: starting one takes longer than most run. */
const TOGETHER = [
  "test/*.test.ts",
  "test/background/background.test.ts",
  "test/background/{core,engine}/**/*.test.ts",
  "test/background/stores/redis/letters.test.ts",
  "test/background/stores/sqlite/{describe,plans}.test.ts",
  "test/{app,http,llm,rag,testing}/**/*.test.ts",
  "test/cli/terminal-text.test.ts",
  "test/dashboard/site.test.ts",
  "test/docs/{links,python-guide,readme}.test.ts",
  "test/stores/{memory,memory-mutations,naive,sqlite,sqlite-thread}.test.ts",
];

/** Files that wait for most of their time, for timeouts, leases and browsers: three for each core leave the machine idle now and then still. */
const WAITING = [
  "test/background/explain.test.ts",
  "test/background/engine/{health,leases,shutdown,shutdown-faults}.test.ts",
  "test/background/stores/redis/{client,cluster,health,network,server,stop,storm,tls}.test.ts",
  "test/background/stores/sqlite/{locked,stop,transaction}.test.ts",
  "test/cli/commands.test.ts",
  "test/dashboard/{hostile,life,screens}.test.ts",
  "test/examples/document-processing.test.ts",
  "test/http/{live,routes}.test.ts",
  "test/stores/redis-cluster.test.ts",
];

const config: ViteUserConfig = defineConfig({
  resolve: {
    // The package by its own name means its sources: the same rule as in tsconfig.json and scripts/from-source.ts.
    alias: [{ find: /^rapidai(\/.+)?$/, replacement: `${path("./src")}$1/index.ts` }],
  },
  test: {
    projects: [
      { extends: true, test: { name: "apart", include: ["test/**/*.test.ts"], exclude: [...TOGETHER, ...WAITING] } },
      {
        extends: true,
        test: { name: "together", include: TOGETHER, exclude: WAITING, isolate: false, typecheck: { enabled: false } },
      },
      {
        extends: true,
        test: {
          name: "waiting",
          include: WAITING,
          maxWorkers: 3 * availableParallelism(),
          sequence: { groupOrder: 1 },
          typecheck: { enabled: false },
        },
      },
    ],
    globalSetup: [
      path("./test/redis/program.ts"),
      path("./test/redis/locale.ts"),
      path("./test/dashboard/chromium.ts"),
    ],
    // Type tests fail here, type errors elsewhere in `npm run typecheck`: half-written sources can be tested.
    typecheck: {
      enabled: true,
      include: ["test/**/*.test-d.ts"],
      tsconfig: path("./test/tsconfig.types.json"),
      ignoreSourceErrors: true,
    },
    // Processes, not threads: tests end processes, send signals and change the environment.
    pool: "forks",
    // The default leaves one core idle, which on a machine of two is half of it. One more than there are cores would take less
    // time, and what is bounded in real time would fail now and then.
    maxWorkers: availableParallelism(),
    // A test that forks a program gets this too, and so the package by its name.
    execArgv: ["--import", new URL("./scripts/from-source.ts", import.meta.url).href],
    // A busy machine is slow, and that is no failure.
    testTimeout: 30_000,
    expect: { poll: { timeout: 15_000 } },
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    // .ci/run counts the tests from this file.
    reporters: process.env.CI ? ["default", ["json", { outputFile: path("./.test-results.json") }]] : ["default"],
  },
});

export default config;
