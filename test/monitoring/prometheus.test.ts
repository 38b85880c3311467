import fc from "fast-check";
import { background, InMemoryQueue } from "rapidai/background";
import { getCollector } from "rapidai/monitoring";
import { beforeEach, expect, test, vi } from "vitest";
import { Metric } from "../../src/monitoring/metric.ts";
import { exposition } from "../../src/monitoring/prometheus.ts";
import { Samples } from "../../src/monitoring/samples.ts";

const collector = getCollector();
beforeEach(() => collector.clear());

test("each kind is written as the format says", () => {
  const counter = new Metric("jobs_total", "counter", 'Jobs, "all" of\nthem\\', () => ({ value: 0 }));
  counter.of({ task: 'a"b\\c\nd' }).value = 3;
  counter.of({}).value = 0.5;
  const histogram = new Metric("run_seconds", "histogram", "Runs.", () => new Samples([0.1, 1]));
  for (const value of [0.05, 0.1, 0.2, 5]) histogram.of({ queue: "memory" }).add(value);
  const summary = new Metric("pages.read", "summary", "Pages.", () => new Samples([]));
  for (const value of [1, 2, 3]) summary.of({}).add(value);
  expect(exposition([counter, histogram, summary])).toBe(
    `# HELP jobs_total Jobs, "all" of\\nthem\\\\
# TYPE jobs_total counter
jobs_total{task="a\\"b\\\\c\\nd"} 3
jobs_total 0.5
# HELP run_seconds Runs.
# TYPE run_seconds histogram
run_seconds_bucket{queue="memory",le="0.1"} 2
run_seconds_bucket{queue="memory",le="1"} 3
run_seconds_bucket{queue="memory",le="+Inf"} 4
run_seconds_sum{queue="memory"} ${0.05 + 0.1 + 0.2 + 5}
run_seconds_count{queue="memory"} 4
# HELP pages_read Pages.
# TYPE pages_read summary
pages_read{quantile="0.5"} 2
pages_read{quantile="0.95"} 3
pages_read{quantile="0.99"} 3
pages_read_sum 6
pages_read_count 3
`,
  );
});

test("an empty collector has nothing to say, and that is valid too", () => {
  expect(exposition([])).toBe("");
});

test("a name stays with its metric, whatever is recorded later", () => {
  const sums = () =>
    collector
      .prometheus()
      .split("\n")
      .filter((line) => /^(a_b|rapidai_jobs_running)_*_sum/.test(line));
  collector.recordMetric("a.b", 1);
  collector.recordMetric("rapidai.jobs.running", 2);
  const before = sums();
  expect(before).toEqual(["a_b_sum 1", "rapidai_jobs_running__sum 2"]);
  collector.recordMetric("a-b", 1_000);
  expect(sums()).toEqual([...before, "a_b__sum 1000"]);
});

test("what has not failed yet is counted as 0, since the rate of a series misses its first value", async () => {
  const queue = new InMemoryQueue();
  const work = background({ queue, name: "work" }, async () => {});
  await work.wait(await work.enqueue());
  const lines = collector.prometheus().split("\n");
  expect(lines).toContain('rapidai_jobs_failed_total{queue="memory",task="work"} 0');
  expect(lines).toContain('rapidai_queue_errors_total{queue="memory"} 0');
  await queue.close();
});

/** Reads the text as a scraper does; throws where it would refuse. */
function parse(text: string): Map<string, { readonly type: string; readonly samples: number }> {
  const families = new Map<string, { type: string; samples: number }>();
  const seen = new Set<string>();
  let family = "";
  if (text === "") return families;
  expect(text.endsWith("\n")).toBe(true);
  for (const line of text.slice(0, -1).split("\n")) {
    const meta = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\]|\\\\|\\n)*)$/.exec(line);
    if (meta !== null) {
      const [, kind, name = "", rest = ""] = meta;
      if (kind === "TYPE") {
        expect(families.has(name), `${name} is told of once`).toBe(false);
        families.set(name, { type: rest, samples: 0 });
        family = name;
      }
      continue;
    }
    const sample =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\\\|\\"|\\n)*",?)+)\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$/.exec(
        line,
      );
    expect(sample, line).not.toBeNull();
    const [, name = "", labels = ""] = sample as RegExpExecArray;
    const suffixes = { counter: "", gauge: "", summary: "(_sum|_count)?", histogram: "(_bucket|_sum|_count)" };
    const { type } = families.get(family) as { type: keyof typeof suffixes };
    expect(name, `a sample of ${family}`).toMatch(new RegExp(`^${family}${suffixes[type]}$`));
    const labelNames = [...labels.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="(?:[^"\\]|\\.)*"/g)].map(([, label]) => label);
    expect(new Set(labelNames).size, line).toBe(labelNames.length);
    expect(labelNames.some((label) => label?.startsWith("__"))).toBe(false);
    expect(seen.has(`${name}{${labels}}`), `${line} is there once`).toBe(false);
    seen.add(`${name}{${labels}}`);
    (families.get(family) as { samples: number }).samples++;
  }
  return families;
}

test("whatever names, tags and values are recorded, the text can be read", () => {
  vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const text = fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 12 }),
    fc.constantFrom(
      "a",
      "a.b",
      "a_b",
      "a_b_",
      "a_sum",
      "a.count",
      "a_bucket",
      "1",
      "le",
      "quantile",
      "__name__",
      "_",
      "rapidai_jobs_running",
      "é",
    ),
  );
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          name: text,
          value: fc.double({ noNaN: true, noDefaultInfinity: true }),
          tags: fc.dictionary(text, text, { maxKeys: 4 }),
        }),
        {
          maxLength: 30,
          size: "max",
        },
      ),
      (records) => {
        collector.clear();
        for (const { name, value, tags } of records) collector.recordMetric(name, value, tags);
        const families = parse(collector.prometheus());
        const names = new Set(records.map(({ name }) => name));
        const summaries = [...families.values()].filter(({ type }) => type === "summary");
        expect(summaries).toHaveLength(names.size);
      },
    ),
    { numRuns: 50 },
  );
});
