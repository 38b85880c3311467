import type { Settlement } from "../../core/store.ts";
import type { Completion } from "./completions.ts";
import { toJson } from "./json-text.ts";
import type { ClaimedRow } from "./rows.ts";
import { isLong } from "./texts.ts";

interface Attempt {
  readonly key: number;
  readonly token: string;
  readonly task: string;
}

/** Settlements that one statement can carry out, and their places among all. */
export interface Together extends Pick<Attempt, "token" | "task"> {
  readonly places: number[];
  readonly ids: string[];
  readonly results: Record<number, string | null>;
}

interface Division {
  readonly together: readonly Together[];
  /** The places of the others. */
  readonly apart: readonly number[];
}

/** Attempts that are remembered; those that another worker took over are never settled here, and would stay for ever. */
const MOST = 10_000;

/**
 * The attempts that this store handed out. Most of them complete and say nothing else, and those go to the file together,
 * by their keys. Whether they still are their tokens' own, only the file can say.
 */
export class HandedOut {
  readonly #byId = new Map<string, Attempt>();

  add(rows: readonly ClaimedRow[], token: string): void {
    if (this.#byId.size + rows.length > MOST) this.#byId.clear();
    for (const { 0: key, 1: id, 3: task } of rows) this.#byId.set(id, { key, token, task });
  }

  /** Forgets the attempts of these settlements, and divides them by what can be carried out together. */
  take(settlements: readonly Settlement[]): Division {
    const groups = new Map<string, Together>();
    const apart: number[] = [];
    for (const [place, settlement] of settlements.entries()) {
      const { id, result } = settlement;
      const attempt = this.#byId.get(id);
      this.#byId.delete(id);
      if (attempt?.token !== settlement.token || !isPlain(settlement)) {
        apart.push(place);
        continue;
      }
      const { key, token, task } = attempt;
      const name = `${token} ${task}`;
      let group = groups.get(name);
      if (group === undefined) {
        group = { token, task, places: [], ids: [], results: {} };
        groups.set(name, group);
      }
      group.places.push(place);
      group.ids.push(id);
      group.results[key] = result?.toWellFormed() ?? null;
    }
    const together = [...groups.values()];
    // The same job twice is settled in the order given.
    const isTwice = apart.length > 0 && apart.some((place) => isAmong(together, (settlements[place] as Settlement).id));
    return isTwice ? { together: [], apart: [...settlements.keys()] } : { together, apart };
  }
}

function isAmong(together: readonly Together[], id: string): boolean {
  return together.some(({ ids }) => ids.includes(id));
}

export function completionOf({ token, task, places, results }: Together): Completion {
  return { token, task, jobs: places.length, results: toJson(results) };
}

function isPlain({ to, result, patch, failure, isUncounted, isLoss }: Settlement): boolean {
  const isAlone = patch === null && failure === null && !isUncounted && !isLoss;
  return to === "completed" && isAlone && (result === null || !isLong(result, "result"));
}
