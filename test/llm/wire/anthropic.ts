import { type Body, event, type Protocol, wordsOf } from "./protocol.ts";

type Content = string | readonly { readonly type: string; readonly text?: string }[];

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  529: "overloaded_error",
};

/** The Messages API: https://docs.anthropic.com/en/api/messages and /messages-streaming. */
export const messages: Protocol = {
  promptOf: (body) => {
    const { messages: turns } = body as unknown as { messages: readonly { content: Content }[] };
    const content = turns.at(-1)?.content ?? "";
    return typeof content === "string" ? content : content.map(({ text = "" }) => text).join("");
  },

  whole: (body, { text, inputTokens, outputTokens }) => ({
    ...envelope(body),
    content: [{ type: "text", text }],
    stop_reason: "end_turn",
    usage: { input_tokens: inputTokens, output_tokens: outputTokens },
  }),

  frames: (body, { text, inputTokens, outputTokens }) => [
    event("message_start", {
      type: "message_start",
      message: { ...envelope(body), content: [], usage: { input_tokens: inputTokens, output_tokens: 1 } },
    }),
    event("content_block_start", {
      type: "content_block_start",
      index: 0,
      content_block: { type: "text", text: "" },
    }),
    event("ping", { type: "ping" }),
    ...wordsOf(text).map((word) =>
      event(
        "content_block_delta",
        { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: word } },
        true,
      ),
    ),
    event("content_block_stop", { type: "content_block_stop", index: 0 }),
    event("message_delta", {
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: outputTokens },
    }),
    event("message_stop", { type: "message_stop" }),
  ],

  failure: (message) => event("error", { type: "error", error: { type: "overloaded_error", message } }),

  refusal: (status, message) => ({
    type: "error",
    error: { type: ERROR_TYPES[status] ?? "api_error", message },
    request_id: "req_011CSHoEeqs5C35K2UUqR7Fy",
  }),
};

function envelope({ model }: Body) {
  return {
    id: "msg_01XFDUDYJgAACzvnptvVoYEL",
    type: "message",
    role: "assistant",
    model,
    stop_reason: null,
    stop_sequence: null,
  };
}
