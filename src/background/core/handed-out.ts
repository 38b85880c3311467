import type { Settlement } from "./store.ts";

/** An attempt that a store handed out. */
export interface Attempt {
  readonly token: string;
  /** Those of one token and one kind can be completed together. */
  readonly kind: string;
}

/** Settlements that can be carried out together. */
export interface Group<A extends Attempt> extends Attempt {
  readonly settlements: Settlement[];
  /** Where each stands among all settlements. */
  readonly places: number[];
  /** What each ends. */
  readonly attempts: A[];
}

export interface Division<A extends Attempt> {
  readonly together: readonly Group<A>[];
  /** The places of the others. */
  readonly apart: readonly number[];
}

/** Attempts that are remembered; those that another worker took over are never settled here, and would stay for ever. */
const MOST = 10_000;

/**
 * The attempts that a store handed out. Most of them complete and say nothing else, and those are settled together. Whether
 * they still are their tokens' own, only the store can say.
 */
export class HandedOut<A extends Attempt> {
  readonly #isOrdinary: (result: string | null) => boolean;
  readonly #byId = new Map<string, A>();

  /** Takes what says of a result whether it can be settled together with others. */
  constructor(isOrdinary: (result: string | null) => boolean) {
    this.#isOrdinary = isOrdinary;
  }

  add(id: string, attempt: A): void {
    if (this.#byId.size === MOST) this.#byId.clear();
    this.#byId.set(id, attempt);
  }

  /** Forgets the attempts of these settlements, and divides them by what can be carried out together. */
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
    // The same job twice is settled in the order given.
    const ids = new Set(apart.length > 0 ? apart.map((place) => settlements[place]?.id) : []);
    const isTwice = ids.size > 0 && together.some((some) => some.settlements.some(({ id }) => ids.has(id)));
    return isTwice ? { together: [], apart: [...settlements.keys()] } : { together, apart };
  }

  #isPlain({ to, result, patch, failure, isUncounted, isLoss }: Settlement): boolean {
    const isAlone = patch === null && failure === null && !isUncounted && !isLoss;
    return to === "completed" && isAlone && this.#isOrdinary(result);
  }
}
