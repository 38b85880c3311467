import type { DatabaseSync } from "node:sqlite";

/** Every valid time is below this, having at most 15 digits. What is clamped to it can still be added to and read. */
export const TIME_LIMIT = 1e15;
const IN_RANGE = `BETWEEN -${TIME_LIMIT} AND ${TIME_LIMIT}`;

/** A sum does not fit an INTEGER column, https://sqlite.org/rescode.html#constraint_datatype */
const CONSTRAINT_DATATYPE = 3_091;

/** Whether a call met a number that JavaScript cannot represent or SQLite cannot add to, which the queue never writes. */
export function isTooLarge(error: unknown): boolean {
  const { code, errcode } = Object(error) as { readonly code?: unknown; readonly errcode?: unknown };
  return code === "ERR_OUT_OF_RANGE" || errcode === CONSTRAINT_DATATYPE;
}

/**
 * Clamps such numbers in every row of the queue, since a single one fails every call that meets it, including claims. Runs
 * inside the caller's transaction.
 */
export function clampNumbers(db: DatabaseSync): void {
  for (const [table, columns] of numbersOf(db)) {
    const cut = columns.map((name) => `${name} = max(min(${name}, ${TIME_LIMIT}), -${TIME_LIMIT})`);
    const isAnyBeyond = columns.map((name) => `${name} NOT ${IN_RANGE}`).join(" OR ");
    // Counts can be computed again.
    if (table === "rapidai_counts") recount(db, isAnyBeyond);
    else db.exec(`UPDATE ${table} SET ${cut.join(", ")} WHERE ${isAnyBeyond}`);
  }
  // A bound that is too high would leave lost jobs unnoticed; the next claim computes it anew.
  db.exec("UPDATE rapidai_leases SET none_ends_before = 0");
}

function recount(db: DatabaseSync, isAnyBeyond: string): void {
  if (db.prepare(`SELECT 1 FROM rapidai_counts WHERE ${isAnyBeyond}`).get() === undefined) return;
  db.exec(`
    DELETE FROM rapidai_counts;
    INSERT INTO rapidai_counts SELECT task, iif(status BETWEEN 0 AND 4, status, 3) AS status, count(*) FROM rapidai_records
    GROUP BY 1, 2`);
}

/** The INTEGER columns by table, without keys: changing those would break joins. */
function numbersOf(db: DatabaseSync): Map<string, string[]> {
  const columns = db.prepare(
    `SELECT made.name AS "table", info.name AS "column" FROM sqlite_schema AS made JOIN pragma_table_info(made.name) AS info
     WHERE made.type = 'table' AND made.name GLOB 'rapidai_*' AND info.type = 'INTEGER' AND info.name NOT IN ('key', 'job', 'first')`,
  );
  const byTable = new Map<string, string[]>();
  for (const { table, column } of columns.all() as { table: string; column: string }[])
    byTable.set(table, [...(byTable.get(table) ?? []), column]);
  return byTable;
}
