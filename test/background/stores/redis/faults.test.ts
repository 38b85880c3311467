import { DisconnectsClientError } from "redis";
import { describe, expect, test } from "vitest";
import {
  codeOf,
  faultOf,
  isHopeless,
  isRefused,
  isReply,
  SWITCHED,
} from "../../../../src/background/stores/redis/faults.ts";

const SHA = "1028a5dba704e1d8a01fd96efeba25bb78f62df2";
const inScript = (said: string) => new Error(`ERR Error running script (call to f_${SHA}): @user_script:4: ${said}`);

/** Errors as Redis 7.0.15 words them, and as 6.0.16 does within a script. */
const SAID = {
  READONLY: [
    "READONLY You can't write against a read only replica. script: 1028a5, on @user_script:4.",
    "@user_script: 4: -READONLY You can't write against a read only replica.   ",
  ],
  OOM: [
    "OOM command not allowed when used memory > 'maxmemory'. script: 1028a5, on @user_script:4.",
    "@user_script: 4: -OOM command not allowed when used memory > 'maxmemory'.   ",
  ],
  WRONGTYPE: [
    "WRONGTYPE Operation against a key holding the wrong kind of value script: 1028a5, on @user_script:1.",
    "WRONGTYPE Operation against a key holding the wrong kind of value ",
  ],
  NOREPLICAS: [
    "NOREPLICAS Not enough good replicas to write. script: 1028a5, on @user_script:4.",
    "@user_script: 4: -NOREPLICAS Not enough good replicas to write.   ",
  ],
  NOPERM: [
    "NOPERM this user has no permissions to run the 'evalsha' command",
    "@user_script: 4: The user executing the script can't run this command or subcommand ",
  ],
  ERR: [
    "ERR unknown command 'NOPE', with args beginning with: ",
    "@user_script: 4: Unknown Redis command called from Lua script ",
  ],
} as const;

describe("an error of Redis", () => {
  for (const [code, [now, before]] of Object.entries(SAID)) {
    test(`is recognized as ${code}, both by itself and within the words that Redis 6.2 adds in a script`, () => {
      expect(codeOf(new Error(now))).toBe(code);
      expect(codeOf(inScript(before))).toBe(code);
      expect(isRefused(inScript(before))).toBe(isRefused(new Error(now)));
      expect(isHopeless(inScript(before))).toBe(isHopeless(new Error(now)));
      expect(isReply(inScript(before))).toBe(true);
    });
  }

  test("has the same message, whatever Redis adds to it", () => {
    for (const code of ["READONLY", "OOM", "WRONGTYPE"] as const) {
      const [now, before] = SAID[code];
      expect(faultOf(inScript(before), "here").message).toBe(faultOf(new Error(now), "here").message);
    }
    const unknown = faultOf(inScript(SAID.ERR[1]), "here");
    expect(unknown.message).toBe("Redis at here returned an error: ERR Unknown Redis command called from Lua script");
  });

  test("says why no address of a name could be reached", () => {
    const [one, other] = ["connect ECONNREFUSED ::1:6379", "connect ECONNREFUSED 127.0.0.1:6379"];
    // As Node.js makes it of `localhost`, with an empty message.
    const error = new AggregateError([new Error(one), new Error(other)]);
    expect(faultOf(error, "here").message).toBe(`Redis at here cannot be reached: ${one}; ${other}. Is it running?`);
    expect(isReply(error)).toBe(false);
  });

  test("is recognized as NOPERM in the words of Redis 7.0, too", () => {
    const said = "The user executing the script can't run this command or subcommand";
    const error = new Error(`ERR ${said} script: ${SHA}, on @user_script:233.`);
    expect(codeOf(error)).toBe("NOPERM");
    expect(faultOf(error, "here").message).toMatch(
      /denies this user a permission that a queue needs \(NOPERM The user/,
    );
  });

  test.each([
    "ERR unknown command 'GET', with args beginning with: 'rapidai:jobs:' ",
    "ERR unknown command `GET`, with args beginning with: `rapidai:jobs:`, ",
  ])("of a sentinel that was asked for keys says how to write a sentinel url: %s", (said) => {
    expect(faultOf(new Error(said), "here").message).toMatch(/use redis\+sentinel:\/\/host:port\/name/);
  });

  test.each([
    "ERR unknown command 'SENTINEL', with args beginning with: 'GET-MASTER-ADDR-BY-NAME' 'mymaster' ",
    "ERR unknown command `SENTINEL`, with args beginning with: `GET-MASTER-ADDR-BY-NAME`, `mymaster`, ",
  ])("of a Redis that was asked for the primary says how to write its url: %s", (said) => {
    expect(faultOf(new Error(said), "here").message).toMatch(/is not a sentinel: .* use redis:\/\/host:port/);
  });

  test.each([
    ["FULL", "ERR max number of clients reached"],
    ["NOAUTH", "ERR Protocol error: unauthenticated multibulk length"],
    ["NOAUTH", "ERR Protocol error: unauthenticated bulk length"],
  ])("is recognized as %s where Redis gives it no code of its own: %s", (code, said) => {
    expect(codeOf(new Error(said))).toBe(code);
  });

  test("of a script that takes long says how to end it, and does not suggest shutting the server down", () => {
    const said = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
    const { message } = faultOf(new Error(said), "here");
    expect(message).toMatch(/busy with a client's script .* SCRIPT KILL/);
    expect(message).not.toContain("SHUTDOWN");
  });

  test("about a permission names all that a queue's user needs, since Redis does not say which command of a script was denied", () => {
    const { message } = faultOf(new Error("NOPERM The user executing the script can't run this command"), "here");
    for (const right of ["+@read", "+@write", "+eval", "+evalsha", "+publish", "+subscribe", "+info", "+time"])
      expect(message).toContain(right);
  });

  test("about a permission suspects the prefix, too: without one, a command line uses the default, which the user may not", () => {
    const said = "NOPERM this user has no permissions to access one of the keys used as arguments";
    expect(faultOf(new Error(said), "here").message).toContain("its prefix, if that is the right one");
  });

  test("about full memory says how to free some at once", () => {
    expect(faultOf(new Error(SAID.OOM[0]), "here").message).toContain("rapidai prune");
  });

  test("about missing replicas names the setting that asks for them", () => {
    expect(faultOf(new Error(SAID.NOREPLICAS[0]), "here").message).toContain("min-replicas-to-write: bring");
  });

  test("is told apart from a broken connection, and from thrown values that are not errors", () => {
    for (const error of [new Error("read ECONNRESET"), new Error(""), new Error("ERROR"), "READONLY", null, undefined])
      expect(isReply(error)).toBe(error instanceof Error && error.message === "ERROR");
  });
});

test("a call whose connection was given up because of another call says that the server did not answer", () => {
  const { message } = faultOf(new DisconnectsClientError(), "here");
  expect(message).toMatch(/^Redis at here did not answer/);
});

test("a call whose connection was given up for another primary says so, and does not ask whether the server runs", () => {
  const { message } = faultOf(new Error(SWITCHED), "here");
  expect(message).toMatch(/^Redis at here did not answer: .*, because another server became the primary\.$/);
});
