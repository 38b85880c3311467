import type { ClaimRequest } from "../core/store.ts";
import type { TaskDefinition } from "./definition.ts";

interface Turn {
  readonly definition: TaskDefinition;
  running: number;
}

/** Whose turn it is: the tasks of a worker, and how many jobs of each it runs. */
export class Turns {
  #order: Turn[] = [];
  readonly #byTask = new Map<string, Turn>();
  readonly #lanes = new Set<string>();

  get tasks(): readonly string[] {
    return [...this.#byTask.keys()];
  }

  /** Of the tasks that have a limit of their own: what it is. */
  get concurrency(): Readonly<Record<string, number>> {
    const limits = this.#order.map(({ definition: { name, concurrency } }) => [name, concurrency] as const);
    return Object.fromEntries(limits.filter(([, limit]) => Number.isFinite(limit)));
  }

  /** A task of the same name takes the other's place. */
  add(definition: TaskDefinition): void {
    const running = this.#byTask.get(definition.name)?.running ?? 0;
    const turn: Turn = { definition, running };
    this.#order = this.#order.filter((other) => other.definition.name !== definition.name);
    this.#order.push(turn);
    this.#byTask.set(definition.name, turn);
    this.#lanes.add(definition.lane);
  }

  hasLane(lane: string): boolean {
    return this.#lanes.has(lane);
  }

  definitionOf(task: string): TaskDefinition | undefined {
    return this.#byTask.get(task)?.definition;
  }

  began(task: string): void {
    const turn = this.#byTask.get(task);
    if (turn !== undefined) turn.running++;
  }

  /** Says whether the task had as many jobs running as it may, so that its lane was left out. */
  ended(task: string): boolean {
    const turn = this.#byTask.get(task);
    if (turn === undefined) return false;
    turn.running--;
    return turn.running + 1 >= turn.definition.concurrency;
  }

  /**
   * The lanes to claim from with `slots` free, another one first each time; without those whose tasks are at their limit,
   * and, beside a claim under way, without those that it may bring to it.
   */
  next(slots: number, isBesideAnother: boolean): ClaimRequest["lanes"] {
    const first = this.#order.shift();
    if (first !== undefined) this.#order.push(first);
    return this.#order.flatMap(({ definition, running }) => {
      const limit = Math.min(definition.concurrency - running, slots);
      const isTaken = isBesideAnother && Number.isFinite(definition.concurrency);
      return limit > 0 && !isTaken ? { lane: definition.lane, limit } : [];
    });
  }
}
