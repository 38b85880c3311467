import { DevalueError, parse, stringify } from "devalue";
import { JobError, type JobErrorDetails } from "./errors.ts";
import { isError } from "./is-error.ts";
import { MAX_NESTING } from "./limits.ts";
import { pathOfTooDeep } from "./nesting.ts";
import { byteLength, isLongerThan, truncate } from "./text.ts";
import { throwingPath } from "./throwing-path.ts";

/** JSON never begins with this character: it marks text in another format, identified by the letter that follows. */
const TAG = "~";
/** Format `d`: devalue's, for what JSON cannot represent. */
const DEVALUE = "~d:";
/** `undefined`, the most frequent result of all: that of handlers that return nothing. */
const UNDEFINED = "~d:-1";
/** A level of nesting takes at least four characters of devalue's text, `[1],`: shorter texts are never too deep. */
const MIN_TOO_DEEP_LENGTH = 4 * MAX_NESTING;
/** Errors quote at most this much of the path to what is nested too deeply. */
const MAX_PATH_BYTES = 200;

/** What a value is, for error messages, and how large it may be. */
export interface ValueKind extends JobErrorDetails {
  readonly what: "payload" | "result";
  /** Bytes of encoded text. */
  readonly limit: number;
}

/**
 * A value as text: plain JSON as JSON, anything else in a tagged format that keeps Date, Temporal, Map, Set, BigInt, URL,
 * RegExp, Error, Buffer and typed arrays, `undefined`, -0, NaN, and repeated and circular references.
 *
 * @throws JobError `not_serializable` with the path of what cannot be kept: functions, symbols, promises, instances of
 * classes, what is nested more than 500 levels deep; `payload_too_large` or `result_too_large`
 */
export function encode(value: unknown, kind: ValueKind): string {
  if (value === undefined) return UNDEFINED;
  const text = toText(value, kind);
  if (!isLongerThan(text, kind.limit)) return text;
  const isPayload = kind.what === "payload";
  throw new JobError(
    isPayload ? "payload_too_large" : "result_too_large",
    `The ${kind.what} of ${ownerOf(kind)} takes ${byteLength(text)} bytes, and the limit is ${kind.limit}: store it elsewhere and ${isPayload ? "enqueue" : "return"} a reference, or raise limits.${kind.what}.`,
    kind,
  );
}

/**
 * Decodes a text, into a fresh value each time. The text is data: nothing in it is ever executed.
 *
 * @throws JobError `unreadable_value` when it is in no format that this release knows
 */
export function decode(text: string, kind: Omit<ValueKind, "limit">): unknown {
  if (text === UNDEFINED) return undefined;
  try {
    if (!text.startsWith(TAG)) return JSON.parse(text);
    if (text.startsWith(DEVALUE)) return parse(text.slice(DEVALUE.length), REVIVERS);
  } catch (error) {
    throw unreadable(kind, error);
  }
  throw unreadable(kind, undefined);
}

function unreadable(kind: Omit<ValueKind, "limit">, cause: unknown): JobError {
  return new JobError(
    "unreadable_value",
    `The stored ${kind.what} of ${ownerOf(kind)} cannot be read: it is damaged, or was written by a newer release.`,
    { ...kind, cause },
  );
}

function ownerOf({ task, jobId }: JobErrorDetails): string {
  const ofTask = task === undefined ? "" : ` of task '${task}'`;
  return jobId === undefined ? `a job${ofTask}` : `job ${jobId}${ofTask}`;
}

function toText(value: unknown, kind: ValueKind): string {
  try {
    if (isPlainJson(value, new SeenObjects(), MAX_NESTING)) return JSON.stringify(value);
    const text = DEVALUE + stringify(value, REDUCERS);
    // A cycle through such an object cannot be decoded: better to fail now than in the worker.
    if (text.includes('Entries",')) parse(text.slice(DEVALUE.length), REVIVERS);
    // Decoding recurses as deep, and may have less of the stack left.
    if (text.length < MIN_TOO_DEEP_LENGTH || pathOfTooDeep(value) === undefined) return text;
    throw new RangeError("nested too deeply");
  } catch (error) {
    throw new JobError(
      "not_serializable",
      `The ${kind.what} of ${ownerOf(kind)} cannot be stored: ${reasonOf(error, value, kind.what)}. Use plain data: objects, arrays, strings, numbers, Date, Map, Set, BigInt, URL, bytes.`,
      { ...kind, cause: error },
    );
  }
}

function reasonOf(error: unknown, value: unknown, what: string): string {
  if (error instanceof DevalueError) return `${what}${error.path} is ${describe(error.value)}`;
  const deep = error instanceof RangeError ? pathOfTooDeep(value) : undefined;
  if (deep !== undefined)
    return `it is nested too deeply: ${what}${truncate(deep, MAX_PATH_BYTES)} is more than ${MAX_NESTING} levels down`;
  if (error instanceof RangeError && error.message.includes("call stack"))
    return "it is nested too deeply for the call stack that is left";
  const path = throwingPath(value);
  const thrown = error instanceof Error ? error.message : typeof error;
  return path === undefined ? thrown : `${what}${path} cannot be read (${thrown})`;
}

/** What devalue refused, in the caller's terms. */
function describe(given: unknown): string {
  const refused = given instanceof Unreadable ? given.object : given;
  if (typeof refused !== "object" || refused === null) return `a ${typeof refused}`;
  try {
    if (typeof (refused as { then?: unknown }).then === "function") return "a promise";
    if (typeof (refused as { next?: unknown }).next === "function") return "an iterator";
    const prototype = Object.getPrototypeOf(refused);
    if (prototype === Object.prototype || prototype === null) return "an object with symbol keys";
    return `an instance of ${String(prototype.constructor.name).slice(0, 40) || "a class"}`;
  } catch {
    return "an instance of a class";
  }
}

/**
 * Whether JSON represents the value exactly. What JSON would change or omit, objects that occur twice, and nesting deeper
 * than `room` levels are left to devalue.
 */
function isPlainJson(value: unknown, seen: SeenObjects, room: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      return value === null || isPlainContainer(value, seen, room);
    default:
      return false;
  }
}

function isPlainContainer(value: object, seen: SeenObjects, room: number): boolean {
  if (room === 0 || !seen.isFirst(value)) return false;
  // JSON.stringify would call it, and store what it returns in place of the value.
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      if (!isPlainJson(value[index], seen, room - 1)) return false;
    }
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  // This also visits what was added to Object.prototype, which JSON omits: the check is stricter than it must be.
  for (const key in value) {
    if (!isPlainJson((value as Record<string, unknown>)[key], seen, room - 1)) return false;
  }
  return Object.getOwnPropertySymbols(value).length === 0;
}

/** The objects seen within a value. Most payloads are a single object, for which a Set would be most of the cost. */
class SeenObjects {
  #one: object | undefined;
  #all: Set<object> | undefined;

  isFirst(value: object): boolean {
    if (this.#one === undefined) {
      this.#one = value;
      return true;
    }
    this.#all ??= new Set([this.#one]);
    const { size } = this.#all;
    return this.#all.add(value).size > size;
  }
}

/** Stands for an object that could not be read back: devalue refuses it as an instance of a class, and knows the path. */
class Unreadable {
  readonly object: unknown;

  constructor(object: unknown) {
    this.object = object;
  }
}

/** Types that devalue keeps as a text or number. It believes any object with such a `Symbol.toStringTag`. */
const KEPT_AS_TEXT = /^(?:Number|String|Boolean|BigInt|Date|RegExp|URL|Temporal\.\w+)$/;

/** Whether an object only claims to be of such a type, or of one that this Node.js lacks: a polyfill's `Temporal.Instant`. */
function isUnreadable(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const tag: unknown = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  if (typeof tag !== "string" || !KEPT_AS_TEXT.test(tag)) return false;
  try {
    parse(stringify(value));
    return false;
  } catch {
    return true;
  }
}

/** Types that devalue does not know. A reducer returns something truthy for the values that it handles. */
const REDUCERS: Record<string, (value: unknown) => unknown> = {
  Unreadable: (value) => isUnreadable(value) && new Unreadable(value),
  Error: (value) =>
    isError(value) && { name: value.name, message: value.message, stack: value.stack, cause: value.cause },
  Buffer: (value) => Buffer.isBuffer(value) && new Uint8Array(value),
  // devalue would store the whole buffer behind a view, which may be large and is not meant, and refuse a shared one.
  View: (value) => ArrayBuffer.isView(value) && !isWholeBuffer(value) && copyOf(value),
  // An own key `__proto__` is ordinary data.
  Entries: (value) => isPlainObject(value) && Object.hasOwn(value, "__proto__") && Object.entries(value),
  NullEntries: (value) => isNullObject(value) && Object.hasOwn(value, "__proto__") && Object.entries(value),
};

const REVIVERS: Record<string, (value: unknown) => unknown> = {
  Error: (kept) => {
    const { name, message, stack, cause } = kept as Record<string, unknown>;
    const error = new Error(stringOf(message), cause === undefined ? undefined : { cause });
    return Object.defineProperties(error, {
      name: { value: stringOf(name), configurable: true, writable: true, enumerable: false },
      stack: { value: stringOf(stack), configurable: true, writable: true, enumerable: false },
    });
  },
  Buffer: (bytes) => {
    // In a text that was tampered with it may be anything, even a length to allocate.
    if (!(bytes instanceof Uint8Array)) throw new TypeError("a Buffer without bytes");
    // No copy: in a text that was tampered with thousands may share the same bytes.
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  },
  View: (view) => view,
  Entries: (entries) => objectOf(entries),
  NullEntries: (entries) => Object.setPrototypeOf(objectOf(entries), null) as object,
};

/** Objects are not converted: the text of a few arrays that contain each other many times over would have no end. */
function stringOf(kept: unknown): string {
  return typeof kept === "object" && kept !== null ? "[object]" : String(kept);
}

/** Empties the list, so that only one object is made of it: a short text could refer to it thousands of times. */
function objectOf(pairs: unknown): object {
  return Object.fromEntries((pairs as [string, unknown][]).splice(0)) as object;
}

function isPlainObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isNullObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null;
}

function isWholeBuffer({ byteLength, buffer }: ArrayBufferView): boolean {
  return byteLength === buffer.byteLength && !(buffer instanceof SharedArrayBuffer);
}

function copyOf(view: ArrayBufferView): ArrayBufferView {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  const Kind = view.constructor as new (buffer: ArrayBuffer) => ArrayBufferView;
  return new Kind(bytes.buffer);
}
