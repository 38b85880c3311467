import { PermanentError } from "../background/core/endings.ts";
import { shown } from "../background/core/text.ts";
import type { ChatMessage } from "./llm-client.ts";

/** What a model can be asked. */
export type Prompt = string | readonly ChatMessage[];

const ROLES: readonly unknown[] = ["system", "user", "assistant"] satisfies ChatMessage["role"][];

/** @throws PermanentError for what is neither a text nor a conversation */
export function checkPrompt(model: string, given: unknown): asserts given is Prompt {
  if (typeof given === "string" || (Array.isArray(given) && given.length > 0 && given.every(isMessage))) return;
  throw unaskable(model, given, `a text, or a list of messages: { role: ${ROLES.join(" | ")}, content }`);
}

/** @throws PermanentError for what is no list of texts: a single one would be taken for the list of its letters */
export function checkTexts(model: string, given: unknown): asserts given is readonly string[] {
  if (Array.isArray(given) && given.every((text) => typeof text === "string")) return;
  throw unaskable(model, given, "a list of texts");
}

function isMessage(given: unknown): given is ChatMessage {
  const { role, content } = (given ?? {}) as Partial<ChatMessage>;
  return ROLES.includes(role) && typeof content === "string";
}

function unaskable(model: string, given: unknown, wanted: string): PermanentError {
  return new PermanentError(`${model} cannot be asked this (${shown(given)}): give ${wanted}.`);
}
