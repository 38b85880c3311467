import { PermanentError } from "../background/core/endings.ts";
import { shown } from "../background/core/text.ts";
import type { ChatMessage } from "./llm-client.ts";

/** A prompt's text, or a conversation. */
export type Prompt = string | readonly ChatMessage[];

const ROLES: readonly unknown[] = ["system", "user", "assistant"] satisfies ChatMessage["role"][];

/** @throws PermanentError unless it is a string or a conversation */
export function checkPrompt(model: string, given: unknown): asserts given is Prompt {
  if (typeof given === "string" || (Array.isArray(given) && given.length > 0 && given.every(isMessage))) return;
  throw invalidPrompt(model, given, `a string, or an array of messages, { role: ${ROLES.join(" | ")}, content }`);
}

/** @throws PermanentError unless it is an array of strings: a string would be taken for a list of its characters */
export function checkTexts(model: string, given: unknown): asserts given is readonly string[] {
  if (Array.isArray(given) && given.every((text) => typeof text === "string")) return;
  throw invalidPrompt(model, given, "an array of strings");
}

function isMessage(given: unknown): given is ChatMessage {
  const { role, content } = (given ?? {}) as Partial<ChatMessage>;
  return ROLES.includes(role) && typeof content === "string";
}

function invalidPrompt(model: string, given: unknown, wanted: string): PermanentError {
  return new PermanentError(`The input of ${model} must be ${wanted}, not ${shown(given)}.`);
}
