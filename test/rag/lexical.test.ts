import { globSync } from "node:fs";
import { basename } from "node:path";
import { extractiveSummary, lexicalEmbedder, RAG } from "rapidai/rag";
import { beforeAll, describe, expect, test } from "vitest";

const ROOT = new URL("../../", import.meta.url);

async function likeness(one: string, other: string): Promise<number> {
  const [a, b] = await lexicalEmbedder().embed([one, other]);
  return (a as Float32Array).reduce((sum, each, index) => sum + each * ((b as Float32Array)[index] ?? 0), 0);
}

describe("the lexical embedder", () => {
  test("says what it is", () => {
    expect(lexicalEmbedder().name).toBe("lexical");
  });

  test("gives vectors of length 1, the same for the same text, and zeros where there are no words", async () => {
    const [one, same, none] = await lexicalEmbedder({ dimensions: 128 }).embed(["Some words.", "Some words.", "?! …"]);
    expect(one).toHaveLength(128);
    expect(Math.hypot(...(one ?? []))).toBeCloseTo(1, 5);
    expect(same).toEqual(one);
    expect(none).toEqual(new Float32Array(128));
  });

  test("takes its time by the length of a text, whatever marks are piled on a letter", {
    timeout: 10_000,
  }, async () => {
    const piles = ["\u0301\u0316", "\uff9e\u0316", "\u0301\u00ad\u0316"].map(
      (marks) => `a${marks.repeat(200_000)} elephants`,
    );
    for (const pile of piles) expect(await likeness(pile, "elephants")).toBeGreaterThan(0.2);
    expect(await likeness("Zo\u0308e\u0301", "Zöé")).toBeCloseTo(1, 5);
  });

  test("does not change between releases: stored vectors would lose their meaning", async () => {
    const [vector] = await lexicalEmbedder({ dimensions: 64 }).embed(["The quick brown fox, 7 ﬁelds and 東京."]);
    const print = Array.from(vector ?? [], (each) => Math.round(each * 100) + 0);
    expect(print.join()).toBe(
      "21,0,-30,19,21,0,0,-30,19,0,0,0,-30,0,0,0,-30,0,0,0,-15,-15,15,-15,-15,-21,0,15,0,0,0,-30," +
        "0,0,0,19,0,-15,0,0,-15,0,0,0,0,0,0,0,0,-15,0,-21,0,0,15,0,0,0,0,0,0,15,0,-15",
    );
  });

  test("finds words alike in another case, inflection, accent or width, and less so the others", async () => {
    expect(await likeness("painting", "PAINTING")).toBeCloseTo(1, 5);
    expect(await likeness("painting", "paintings")).toBeGreaterThan(0.3);
    expect(await likeness("café", "cafe\u0301")).toBeCloseTo(1, 5);
    expect(await likeness("ﬁeld", "field")).toBeCloseTo(1, 5);
    expect(await likeness("painting", "quarterly")).toBeLessThan(0.15);
    expect(await likeness("東京は日本の首都です", "東京")).toBeGreaterThan(0.2);
  });

  test("goes by what is seen of a word: not by soft hyphens, joiners and other marks without width", async () => {
    expect(await likeness("vaca\u00adtion pol\u00adicy", "vacation policy")).toBeCloseTo(1, 5);
    expect(await likeness("\ufeffpay\u2060ment\u200e", "payment")).toBeCloseTo(1, 5);
    expect(await likeness("می\u200cخواهم", "میخواهم")).toBeCloseTo(1, 5);
    expect(await likeness("葛\u{e0100}城市", "葛城市")).toBeCloseTo(1, 5);
    // Khmer has no other gaps between its words.
    expect(await likeness("ប្រទេស\u200bកម្ពុជា", "ប្រទេស កម្ពុជា")).toBeCloseTo(1, 5);
  });

  test("finds a word in whatever case, also where one letter becomes two", async () => {
    for (const [upper, lower] of [
      ["STRASSE", "straße"],
      ["STRAẞE", "strasse"],
      ["İSTANBUL", "istanbul"],
      ["ΣΊΣΥΦΟΣ", "σίσυφος"],
    ] as const) {
      expect(await likeness(upper, lower)).toBeCloseTo(1, 5);
    }
  });

  test.each([0, 63, 100, 8_192, 1.5, "512"])("takes no %j dimensions", (dimensions) => {
    expect(() => lexicalEmbedder({ dimensions: dimensions as number })).toThrow(/dimensions/);
  });

  test("takes no option that it does not know, such as a misspelt one", () => {
    expect(() => lexicalEmbedder({ dimension: 128 } as object)).toThrow("'dimension' is not one of the options");
  });
});

describe("finding a passage in the guides of this project", () => {
  const rag = new RAG({ root: new URL("docs/guides/", ROOT).pathname });
  beforeAll(async () => {
    for (const file of globSync("docs/guides/*.md", { cwd: ROOT })) await rag.addDocument(basename(file));
  });

  test.each([
    ["what is lost when the power fails", "sqlite.md"],
    ["how is the delay before a retry computed", "retries.md"],
    ["enqueue a job inside my own database transaction", "sqlite.md"],
    ["test without sleeping, by advancing a manual clock", "testing.md"],
    ["stream server-sent events from a route", "app.md"],
    ["validate the payload with a zod schema", "tasks.md"],
    ["which maxmemory policy should the redis server have", "redis.md"],
  ])("%j leads to %s", async (question, file) => {
    const sources = (await rag.retrieve(question, { topK: 3 })).map(({ metadata }) => metadata.source);
    expect(sources).toContain(file);
  });
});

describe("an extractive summary", () => {
  test("has as many sentences as asked for, word for word from the text and in its order", async () => {
    const animals = ["Whales", "Bears", "Wolves", "Herons", "Otters", "Moles", "Swifts", "Toads"];
    const sentences = animals.map((animal, index) => `${animal} of this park are fed at ${index + 8} every morning.`);
    // Hard line breaks, headings, code and lists are no part of sentences.
    const text = `# Feeding. All of it.\n\n${sentences.slice(0, 5).join("\n").replaceAll(" are ", "\nare ")}

\`\`\`ts
feed("Wolves of this park are fed in code, as nobody should be.");
\`\`\`

${sentences
  .slice(5)
  .map((sentence) => `- ${sentence}`)
  .join("\n")}`;
    for (const count of [1, 3, 8, 20]) {
      const summary = await extractiveSummary(text, { sentences: count });
      const found = sentences.filter((sentence) => summary.includes(sentence));
      expect(found).toHaveLength(Math.min(count, sentences.length));
      expect(summary).toBe(found.join(" "));
    }
  });

  test("does not say the same twice, and says what the text is about", async () => {
    const text = `${"The elephants of the zoo eat hay in the morning. ".repeat(5)}
      The elephants of the zoo eat hay in the mornings. Tickets for the zoo are sold at the gate every day.
      Elephants of the zoo drink from the river. My pen is blue, and I like it very much.`;
    const summary = await extractiveSummary(text, { sentences: 2 });
    expect(summary).toMatch(/elephants/i);
    expect(summary.match(/eat hay/g)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(summary).not.toContain("pen");
  });

  test("leaves out sentences of less than 25 characters or more than 600, unless there are no others", async () => {
    const ofLength = (letters: number) =>
      `${"Elephants eat hay "
        .repeat(40)
        .slice(0, letters - 1)
        .trimEnd()
        .padEnd(letters - 1, "y")}.`;
    const [short, shortest, longest, long] = [24, 25, 600, 601].map(ofLength);
    expect(await extractiveSummary([short, shortest, longest, long].join("\n\n"), { sentences: 4 })).toBe(
      `${shortest} ${longest}`,
    );
    expect(await extractiveSummary(`${short}`)).toBe(short);
    expect(await extractiveSummary(`${long}`)).toBe(long?.slice(0, 600));
  });

  test("of a text without sentences is its beginning, of nothing nothing", async () => {
    expect(await extractiveSummary("just a few words")).toBe("just a few words");
    expect(await extractiveSummary("")).toBe("");
  });

  test("of a long text without any break is one of its parts, if any", async () => {
    expect(await extractiveSummary("word ".repeat(400_000))).toMatch(/^(word ?)+$/);
  });

  test("takes its time by what a text says, not by its blank lines", { timeout: 10_000 }, async () => {
    const sentence = "The elephants of the zoo eat hay in the morning.";
    for (const gap of ["\n", " \r\n", "```\n"]) {
      expect(await extractiveSummary(`${gap.repeat(2_000_000)}\n${sentence}\n`)).toBe(sentence);
    }
  });
});
