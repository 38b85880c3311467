import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { JobError } from "../../../src/background/core/errors.ts";
import { checkTaskName, isJobId } from "../../../src/background/core/names.ts";
import { newJobId } from "../../../src/background/engine/ids.ts";

const NAME_UNITS = [..."ABCXYZabcxyz0189_.:-"];

test("a task's name is 1 to 128 of A-Z a-z 0-9 _ . : -", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...NAME_UNITS), minLength: 1, maxLength: 128, size: "max" }),
      (name) => {
        expect(checkTaskName(name)).toBe(name);
      },
    ),
  );
  expect(checkTaskName("x".repeat(128))).toHaveLength(128);
});

test("a name that is too long or has any other character is refused with an error that shows a part of it", () => {
  const foreign = fc.string({ unit: "binary", minLength: 1, maxLength: 1 }).filter((unit) => /[^\w.:-]/.test(unit));
  fc.assert(
    fc.property(foreign, fc.nat(3), (unit, at) => {
      const name = "mail".slice(0, at) + unit + "mail".slice(at);
      expect(() => checkTaskName(name)).toThrow(expect.objectContaining({ code: "invalid_task_name" }));
    }),
  );
  for (const name of ["mail\n", "\nmail", "mail{1}", "a b", "é", "a/b", "x".repeat(129), null, 7, {}, Symbol("s")]) {
    expect(() => checkTaskName(name)).toThrow(expect.objectContaining({ code: "invalid_task_name" }));
  }
  expect(() => checkTaskName("y".repeat(1_000_000))).toThrow(/^.{100,400}$/);
});

test("no name at all is an error that says how to give one", () => {
  for (const name of ["", undefined])
    expect(() => checkTaskName(name)).toThrow(/no name.*name: "send-email".*named function/);
});

test("a new id is a lower-case UUIDv7 that sorts after the one before", () => {
  const ids = Array.from({ length: 5_000 }, newJobId);
  expect(ids.every(isJobId)).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
  expect(Math.abs(Number.parseInt((ids[0] as string).replace("-", "").slice(0, 12), 16) - Date.now())).toBeLessThan(
    60_000,
  );
});

test("a new id sorts after the one before even if the clock was set back meanwhile", () => {
  const now = Date.now();
  const ids = [0, 3_600_000, 1, 1].map((backMs) => {
    vi.spyOn(Date, "now").mockReturnValue(now - backMs);
    return newJobId();
  });
  expect(ids.every(isJobId)).toBe(true);
  expect([...new Set(ids)].sort()).toEqual(ids);
});

test("anything but a lower-case UUIDv7 is not a job's id", () => {
  const id = "0198c2a4-5b3e-7cc1-8f00-0123456789ab";
  expect(isJobId(id)).toBe(true);
  for (const other of [
    id.toUpperCase(),
    `${id}\n`,
    ` ${id}`,
    id.replaceAll("-", ""),
    id.replace("-7cc1", "-4cc1"),
    id.replace("-8f00", "-cf00"),
    id.replace("a", "g"),
    id.slice(1),
    "",
    "../../etc/passwd",
    "__proto__",
    null,
    undefined,
    7,
    [id],
    { toString: () => id, length: 36 },
  ])
    expect(isJobId(other)).toBe(false);
});

test("checking any value as a name or an id throws nothing but a JobError", () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (name) => {
      try {
        checkTaskName(name);
      } catch (error) {
        expect(error).toBeInstanceOf(JobError);
      }
      expect(typeof isJobId(name)).toBe("boolean");
    }),
  );
});
