import type { ClaimRequest } from "../core/store.ts";
import type { TaskDefinition } from "./definition.ts";

interface Turn {
  definition: TaskDefinition;
  running: number;
  /** Of a task with a limit: jobs that claims under way may bring. */
  reserved: number;
}

/** Whose turn it is: the tasks of a worker, and how many jobs of each it runs. */
export class Turns {
  #order: Turn[] = [];
  readonly #byTask = new Map<string, Turn>();
  readonly #byLane = new Map<string, Turn>();

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
    const turn = this.#byTask.get(definition.name) ?? { definition, running: 0, reserved: 0 };
    turn.definition = definition;
    this.#order = this.#order.filter((other) => other !== turn);
    this.#order.push(turn);
    this.#byTask.set(definition.name, turn);
    this.#byLane.set(definition.lane, turn);
  }

  hasLane(lane: string): boolean {
    return this.#byLane.has(lane);
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
   * The lanes to claim from with `slots` free, another one first each time; without those whose tasks are at their limit, or may be
   * brought to it by a claim that is under way. Until it is answered, what this one may bring counts as well.
   */
  next(slots: number): ClaimRequest["lanes"] {
    const first = this.#order.shift();
    if (first !== undefined) this.#order.push(first);
    return this.#order.flatMap((turn) => {
      const { definition, running, reserved } = turn;
      const limit = Math.min(definition.concurrency - running - reserved, slots);
      if (limit <= 0) return [];
      if (Number.isFinite(definition.concurrency)) turn.reserved += limit;
      return { lane: definition.lane, limit };
    });
  }

  /** A claim that was for these lanes is answered, and what it brought has begun. */
  answered(lanes: ClaimRequest["lanes"]): void {
    for (const { lane, limit } of lanes) {
      const turn = this.#byLane.get(lane);
      if (turn !== undefined) turn.reserved = Math.max(0, turn.reserved - limit);
    }
  }
}
