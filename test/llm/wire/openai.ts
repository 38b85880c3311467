import { type Answer, type Body, event, type Protocol, wordsOf } from "./protocol.ts";

type Content = string | readonly { readonly text?: string }[];

const textOf = (content: Content | undefined): string =>
  typeof content === "string" ? content : (content ?? []).map(({ text = "" }) => text).join("");

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "invalid_request_error",
  404: "invalid_request_error",
  429: "requests",
};

const refusal: Protocol["refusal"] = (status, message) => ({
  error: { message, type: ERROR_TYPES[status] ?? "server_error", param: null, code: null },
});

/** The Responses API: https://platform.openai.com/docs/api-reference/responses and /responses-streaming. */
export const responses: Protocol = {
  promptOf: (body) => {
    const { input } = body as unknown as { input: string | readonly { content?: Content }[] };
    return typeof input === "string" ? input : textOf(input.at(-1)?.content);
  },

  whole: (body, answer) => completed(body, answer),

  frames: (body, answer) => {
    const item = { type: "message", id: "msg_67ccd3acc8d48190a77525dc6de64b41", role: "assistant" };
    const place = { item_id: item.id, output_index: 0, content_index: 0 };
    const begun = { ...response(body), status: "in_progress", output: [], usage: null };
    const events: readonly [string, object, boolean?][] = [
      ["response.created", { response: begun }],
      ["response.in_progress", { response: begun }],
      ["response.output_item.added", { output_index: 0, item: { ...item, status: "in_progress", content: [] } }],
      ["response.content_part.added", { ...place, part: part("") }],
      ...wordsOf(answer.text).map(
        (delta) => ["response.output_text.delta", { ...place, delta, logprobs: [] }, true] as [string, object, boolean],
      ),
      ["response.output_text.done", { ...place, text: answer.text, logprobs: [] }],
      ["response.content_part.done", { ...place, part: part(answer.text) }],
      [
        "response.output_item.done",
        { output_index: 0, item: { ...item, status: "completed", content: [part(answer.text)] } },
      ],
      ["response.completed", { response: completed(body, answer) }],
    ];
    return events.map(([type, data, isWords], number) =>
      event(type, { type, sequence_number: number, ...data }, isWords),
    );
  },

  failure: (message) =>
    event("error", { type: "error", code: "server_error", message, param: null, sequence_number: 99 }),

  refusal,
};

/** Chat completions: https://platform.openai.com/docs/api-reference/chat, which compatible servers speak. */
export const completions: Protocol = {
  promptOf: (body) => {
    const { messages } = body as unknown as { messages: readonly { content?: Content }[] };
    return textOf(messages.at(-1)?.content);
  },

  whole: (body, answer) => ({
    ...chat(body, "chat.completion"),
    choices: [{ index: 0, message: { role: "assistant", content: answer.text }, finish_reason: "stop" }],
    usage: chatUsage(answer),
  }),

  frames: (body, answer) => {
    const chunk = (delta: object, reason: string | null, isWords = false) =>
      event(
        null,
        { ...chat(body, "chat.completion.chunk"), choices: [{ index: 0, delta, finish_reason: reason }] },
        isWords,
      );
    return [
      chunk({ role: "assistant", content: "" }, null),
      ...wordsOf(answer.text).map((content) => chunk({ content }, null, true)),
      chunk({}, "stop"),
      event(null, { ...chat(body, "chat.completion.chunk"), choices: [], usage: chatUsage(answer) }),
      event(null, "[DONE]"),
    ];
  },

  failure: (message) => event(null, { error: { message, type: "server_error", param: null, code: null } }),

  refusal,
};

/** Embeddings: https://platform.openai.com/docs/api-reference/embeddings. A vector says how long its text is, and what it begins with. */
export function embeddings(body: Body): unknown {
  const { input, model } = body as unknown as { input: string | readonly string[]; model: string };
  const texts = typeof input === "string" ? [input] : input;
  const tokens = texts.reduce((sum, text) => sum + tokensIn(text), 0);
  return {
    object: "list",
    data: texts.map((text, index) => ({
      object: "embedding",
      index,
      embedding: [text.length, text.charCodeAt(0) || 0, 1],
    })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** Some four letters to a token, as providers say of English. */
export function tokensIn(text: string): number {
  return Math.ceil(text.length / 4);
}

function response({ model }: Body) {
  return {
    id: "resp_67ccd3a9da748190baa7f1570fe91ac604becb25c45c1d41",
    object: "response",
    created_at: 1_741_476_777,
    error: null,
    incomplete_details: null,
    instructions: null,
    model,
    parallel_tool_calls: true,
    previous_response_id: null,
    tools: [],
    metadata: {},
  };
}

function completed(body: Body, { text, inputTokens, outputTokens }: Answer) {
  return {
    ...response(body),
    status: "completed",
    output: [
      {
        type: "message",
        id: "msg_67ccd3acc8d48190a77525dc6de64b41",
        status: "completed",
        role: "assistant",
        content: [part(text)],
      },
    ],
    usage: {
      input_tokens: inputTokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: inputTokens + outputTokens,
    },
  };
}

function part(text: string) {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

function chat({ model }: Body, object: string) {
  return { id: "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", object, created: 1_741_569_952, model };
}

function chatUsage({ inputTokens, outputTokens }: Answer) {
  return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
}
