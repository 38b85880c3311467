import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Chunk, memoryVectors, RAG, sqliteVectors, type VectorStore } from "rapidai/rag";
import { spread, table } from "./report.ts";
import { byTurns, quantile } from "./rounds.ts";

const MEGABYTE = 1_000_000;
const ROUNDS = 5;
const CHUNKS = 100_000;
const QUERIES = 60;

/** How fast documents are added and found, and how long that blocks the event loop. */
export async function rag(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rapidai-bench-"));
  let files = 0;
  const stores: Readonly<Record<string, () => VectorStore>> = {
    "in memory": memoryVectors,
    "in SQLite": () => sqliteVectors({ path: join(folder, `${files++}.db`) }),
  };
  try {
    await ingestion(stores);
    await retrieval(stores);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ingestion(stores: Readonly<Record<string, () => VectorStore>>): Promise<void> {
  const content = textOf(10 * MEGABYTE, 1);
  const blocked: Record<string, Blocked[]> = {};
  const cpu: Record<string, number[]> = {};
  const contenders = Object.fromEntries(
    Object.entries(stores).map(([name, open]) => [
      name,
      async () => {
        const documents = new RAG({ store: open() });
        const loop = watchLoop();
        const startedAt = performance.now();
        const startedCpu = process.cpuUsage();
        await documents.addDocument({ content, source: "ten megabytes" });
        const elapsedMs = performance.now() - startedAt;
        const { user, system } = process.cpuUsage(startedCpu);
        blocked[name] = [...(blocked[name] ?? []), loop()];
        cpu[name] = [...(cpu[name] ?? []), (user + system) / 1_000];
        await documents.close();
        return content.length / MEGABYTE / (elapsedMs / 1_000);
      },
    ]),
  );
  const figures = await byTurns(contenders, ROUNDS);
  console.log(`\n## 10 MB of text: split, embedded by its words and stored, ${ROUNDS} alternating rounds\n`);
  const show = (figure: number) => `${figure.toFixed(1)} MB/s`;
  const most = (name: string, figure: keyof Blocked) =>
    `${Math.max(...(blocked[name] ?? []).map((each) => each[figure])).toFixed(1)} ms`;
  const middle = (figures: number[] = []) =>
    `${quantile(
      figures.toSorted((a, b) => a - b),
      0.5,
    ).toFixed(0)} ms`;
  table(
    ["", "rate, median (range)", "CPU time", "event loop blocked at most", "of which computing"],
    Object.entries(figures).map(([name, figure]) => [
      name,
      spread(figure, show),
      middle(cpu[name]),
      most(name, "wallMs"),
      most(name, "cpuMs"),
    ]),
  );
}

async function retrieval(stores: Readonly<Record<string, () => VectorStore>>): Promise<void> {
  const rows: string[][] = [];
  for (const [name, open] of Object.entries(stores)) {
    const documents = new RAG({ store: open() });
    let count = 0;
    let chunks: Chunk[] = [];
    for (let seed = 1; count < CHUNKS; seed++) {
      chunks = await documents.addDocument({ content: textOf(2 * MEGABYTE, seed), source: `document ${seed}` });
      count += chunks.length;
    }
    const questions: Readonly<Record<string, (query: number) => string>> = {
      "a question of six words": (query) => (chunks[query]?.content ?? "").split(/\s+/).slice(10, 16).join(" "),
      "a whole chunk": (query) => chunks[query]?.content ?? "",
    };
    for (const [question, ask] of Object.entries(questions)) {
      await documents.retrieve(ask(0));
      const times: number[] = [];
      const cpuBefore = process.cpuUsage();
      const loop = watchLoop();
      for (let query = 0; query < QUERIES; query++) {
        const startedAt = performance.now();
        await documents.retrieve(ask(query), { topK: 10 });
        times.push(performance.now() - startedAt);
      }
      const { wallMs, cpuMs } = loop();
      const { user, system } = process.cpuUsage(cpuBefore);
      const cpuEach = (user + system) / 1_000 / QUERIES;
      const sorted = times.toSorted((a, b) => a - b);
      const at = (share: number) => `${quantile(sorted, share).toFixed(1)} ms`;
      rows.push([
        `${name}, ${question}`,
        count.toLocaleString("en"),
        at(0.5),
        at(0.95),
        ...[cpuEach, wallMs, cpuMs].map((ms) => `${ms.toFixed(1)} ms`),
      ]);
    }
    await documents.close();
  }
  console.log(`\n## The ten best of ${CHUNKS.toLocaleString("en")} chunks of 512 numbers, ${QUERIES} questions each\n`);
  table(["", "chunks", "p50", "p95", "CPU time each", "event loop blocked at most", "of which computing"], rows);
}

/** The longest turn of the event loop, in elapsed time and in this thread's CPU time: others may have had the core. */
interface Blocked {
  readonly wallMs: number;
  readonly cpuMs: number;
}

function watchLoop(): () => Blocked {
  let last = performance.now();
  let lastCpu = process.threadCpuUsage();
  let longest: Blocked = { wallMs: 0, cpuMs: 0 };
  const measure = () => {
    const now = performance.now();
    const { user, system } = process.threadCpuUsage(lastCpu);
    longest = { wallMs: Math.max(longest.wallMs, now - last), cpuMs: Math.max(longest.cpuMs, (user + system) / 1_000) };
    last = now;
    lastCpu = process.threadCpuUsage();
  };
  const timer = setInterval(measure, 1);
  return () => {
    clearInterval(timer);
    measure();
    return longest;
  };
}

/** Sentences and paragraphs whose word frequencies are distributed as in a natural language. Deterministic for a seed. */
function textOf(length: number, seed: number): string {
  const random = randomOf(seed);
  const parts: string[] = [];
  let written = 0;
  while (written < length) {
    const words = Array.from({ length: 6 + Math.floor(random() * 16) }, () => wordOf(Math.floor(30_000 ** random())));
    const sentence = `${words.join(" ")}.${random() < 0.15 ? "\n\n" : " "}`;
    parts.push(sentence[0]?.toUpperCase() ?? "", sentence.slice(1));
    written += sentence.length;
  }
  return parts.join("");
}

const words = new Map<number, string>();

/** The word with a frequency rank: frequent words are short. */
function wordOf(rank: number): string {
  const known = words.get(rank);
  if (known !== undefined) return known;
  const random = randomOf(rank);
  const syllables = 1 + Math.floor(Math.log10(rank + 1) + random());
  const syllable = () =>
    `${"bdfghklmnprstvwz"[Math.floor(random() * 16)]}${"aeiou"[Math.floor(random() * 5)]}${random() < 0.3 ? "n" : ""}`;
  const word = Array.from({ length: syllables }, syllable).join("");
  words.set(rank, word);
  return word;
}

/** The pseudo-random generator Mulberry32. */
function randomOf(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
