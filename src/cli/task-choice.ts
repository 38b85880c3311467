import { listed } from "../background/core/text.ts";
import { UsageError } from "./exit-code.ts";

/** Which tasks a worker runs: those of the first list, or else all, but none of the second. */
export interface TaskChoice {
  readonly task?: readonly string[] | undefined;
  readonly except?: readonly string[] | undefined;
}

/** Most tasks that an error names. */
const MAX_NAMED = 20;

/**
 * The chosen ones of the tasks that were loaded; `undefined` without a choice: then tasks made later run, too.
 *
 * @throws UsageError if a name is none of them, or if none is left
 */
export function chosenOf(loaded: readonly string[], { task, except }: TaskChoice): readonly string[] | undefined {
  if (task === undefined && except === undefined) return undefined;
  const unknown = [task ?? [], except ?? []].flat().find((name) => !loaded.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`These modules define no task '${unknown}', only ${listed(loaded, MAX_NAMED)}.`);
  const chosen = (task ?? loaded).filter((name) => !except?.includes(name));
  if (chosen.length === 0) throw new UsageError("--task and --except leave no task to run.");
  return chosen;
}
