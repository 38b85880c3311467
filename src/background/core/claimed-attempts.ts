import type { Settlement } from "./store.ts";

/** An attempt that a store handed out. */
export interface Attempt {
  readonly token: string;
  /** Attempts of the same token and kind can be completed together. */
  readonly kind: string;
}

/** Settlements that can be carried out together. */
export interface Group<A extends Attempt> extends Attempt {
  readonly settlements: Settlement[];
  /** The index of each among all settlements. */
  readonly places: number[];
  /** The attempt that each ends. */
  readonly attempts: A[];
}

export interface Division<A extends Attempt> {
  readonly together: readonly Group<A>[];
  /** The indexes of the others. */
  readonly apart: readonly number[];
}

/** Most attempts to remember: a few are given up although the store says nothing of them, and would pile up. */
const MAX_ATTEMPTS = 10_000;

/**
 * The attempts that a store handed out. Most complete and report nothing else; those are settled together. Only the store
 * can tell whether they still own their jobs.
 */
export class ClaimedAttempts<A extends Attempt> {
  readonly #isOrdinary: (result: string | null) => boolean;
  readonly #byId = new Map<string, A>();

  /** @param isOrdinary whether a result can be settled together with others */
  constructor(isOrdinary: (result: string | null) => boolean) {
    this.#isOrdinary = isOrdinary;
  }

  add(id: string, attempt: A): void {
    if (this.#byId.size === MAX_ATTEMPTS) this.#byId.clear();
    this.#byId.set(id, attempt);
  }

  /** Forgets attempts that will not be settled here: their jobs were cancelled, or other workers have them. */
  forget(jobs: readonly Pick<Settlement, "id">[]): void {
    for (const { id } of jobs) this.#byId.delete(id);
  }

  /** Forgets the attempts of these settlements, and groups the settlements that can be carried out together. */
  take(settlements: readonly Settlement[]): Division<A> {
    const groups = new Map<string, Group<A>>();
    const apart: number[] = [];
    let group: Group<A> | undefined;
    for (let place = 0; place < settlements.length; place++) {
      const settlement = settlements[place] as Settlement;
      const attempt = this.#byId.get(settlement.id);
      this.#byId.delete(settlement.id);
      if (attempt?.token !== settlement.token || !this.#isPlain(settlement)) {
        apart.push(place);
        continue;
      }
      if (group?.token !== attempt.token || group.kind !== attempt.kind) {
        const name = `${attempt.token} ${attempt.kind}`;
        group = groups.get(name) ?? {
          token: attempt.token,
          kind: attempt.kind,
          settlements: [],
          places: [],
          attempts: [],
        };
        groups.set(name, group);
      }
      group.settlements.push(settlement);
      group.places.push(place);
      group.attempts.push(attempt);
    }
    const together = [...groups.values()];
    // Settlements of the same job must keep their order.
    const ids = new Set(apart.length > 0 ? apart.map((place) => settlements[place]?.id) : []);
    const isTwice = ids.size > 0 && together.some((some) => some.settlements.some(({ id }) => ids.has(id)));
    return isTwice ? { together: [], apart: [...settlements.keys()] } : { together, apart };
  }

  #isPlain({ to, result, patch, failure, isUncounted, isLoss }: Settlement): boolean {
    const isAlone = patch === null && failure === null && !isUncounted && !isLoss;
    return to === "completed" && isAlone && this.#isOrdinary(result);
  }
}
