import fc from "fast-check";
import { expect, test } from "vitest";
import { tokensIn, tokensOfEmbeddings } from "../../src/llm/tokens.ts";

const START = { input_tokens: 10, cache_read_input_tokens: 100, cache_creation_input_tokens: 20, output_tokens: 1 };
const BEGUN = { inputTokens: 130, outputTokens: 1, cacheReadTokens: 100, cacheWriteTokens: 20 };

test("Anthropic tells at the beginning what went in, cached or not, and then what has come out", () => {
  const begun = tokensIn({ type: "message_start", message: { usage: START } }, null);
  expect(begun).toEqual(BEGUN);
  expect(tokensIn({ type: "content_block_delta", delta: { text: "x" } }, begun)).toEqual(BEGUN);
  const further = tokensIn({ type: "message_delta", usage: { output_tokens: 57 } }, begun);
  expect(further).toEqual({ ...BEGUN, outputTokens: 57 });
});

test("OpenAI tells at the end, of an answer that failed too", () => {
  const usage = { input_tokens: 40, input_tokens_details: { cached_tokens: 30 }, output_tokens: 8 };
  expect(tokensIn({ type: "response.failed", response: { usage } }, null)).toEqual({
    inputTokens: 40,
    outputTokens: 8,
    cacheReadTokens: 30,
    cacheWriteTokens: 0,
  });
  expect(tokensIn({ type: "response.created", response: { usage: null } }, null)).toBe(null);
});

test("half of what was used is not told as the whole", () => {
  expect(tokensIn({ type: "response.completed", response: { usage: { output_tokens: 8 } } }, null)).toBe(null);
  expect(tokensIn({ type: "message_start", message: { usage: { output_tokens: 8 } } }, null)).toBe(null);
});

test("embeddings of which nothing is told are null", () => {
  expect(tokensOfEmbeddings(Number.NaN)).toBe(null);
  expect(tokensOfEmbeddings(12)).toMatchObject({ inputTokens: 12, outputTokens: 0 });
});

test("whatever a server sends, what it tells are whole numbers from 0 on, or what it told before", () => {
  const number = fc.oneof(fc.anything(), fc.nat());
  const usage = fc.record(
    {
      input_tokens: number,
      output_tokens: number,
      cache_read_input_tokens: number,
      input_tokens_details: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const part = fc.oneof(fc.anything(), usage, fc.record({ usage: fc.oneof(usage, fc.anything()) }));
  const type = fc.constantFrom("message_start", "message_delta", "response.completed", undefined);
  const chunk = fc.oneof(
    fc.anything(),
    fc.record({ type, usage: part, message: part, response: part }, { requiredKeys: [] }),
  );
  fc.assert(
    fc.property(chunk, fc.constantFrom(null, BEGUN), (sent, before) => {
      const told = tokensIn(sent, before);
      if (told === null) expect(before).toBe(null);
      else for (const count of Object.values(told)) expect(Number.isSafeInteger(count) && count >= 0).toBe(true);
    }),
  );
});
