import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Makes the statements that calls are made of. */
export interface Statements {
  prepare(sql: string): StatementSync;
}

/** On a connection of the program's own, whose statements may answer with BigInts or arrays: ours answer as on the queue's. */
export function plainStatements(db: DatabaseSync): Statements {
  return {
    prepare: (sql) => {
      const statement = db.prepare(sql);
      statement.setReadBigInts(false);
      // Where Node.js does not know it, no connection can ask for arrays.
      statement.setReturnArrays?.(false);
      return statement;
    },
  };
}
