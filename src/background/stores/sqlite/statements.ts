import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Prepares statements on a connection. */
export interface Statements {
  prepare(sql: string): StatementSync;
}

/** For a connection of the program's own, whose default may be BigInts or arrays: our statements return plain rows. */
export function plainStatements(db: DatabaseSync): Statements {
  return {
    prepare: (sql) => {
      const statement = db.prepare(sql);
      statement.setReadBigInts(false);
      // Missing in versions of Node.js where no connection returns arrays.
      statement.setReturnArrays?.(false);
      return statement;
    },
  };
}
