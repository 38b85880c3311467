import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { UsageError } from "../../src/cli/exit-code.ts";
import { readInput } from "../../src/cli/standard-input.ts";

const read = (...chunks: readonly Uint8Array[]): Promise<string> => readInput(Readable.from(chunks));

test("a payload is read from pieces that end amid a character", async () => {
  expect(await read(Buffer.from([0x22, 0xc3]), Buffer.from([0xbc, 0x22]))).toBe('"ü"');
});

test("a payload that is not UTF-8 is refused, and not stored as another", async () => {
  await expect(read(Buffer.from('"M\xfcller"', "latin1"))).rejects.toThrow(UsageError);
});

test("an input without an end is given up", async () => {
  const endless = function* () {
    for (;;) yield Buffer.alloc(1_048_576, " ");
  };
  await expect(readInput(Readable.from(endless()))).rejects.toThrow(/longer than \d+ bytes/);
});
