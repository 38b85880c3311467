import type { ClaimRequest } from "../core/store.ts";
import type { TaskDefinition } from "./definition.ts";

interface Turn {
  definition: TaskDefinition;
  running: number;
  /** For a task with a limit: jobs that claims in flight may bring. */
  reserved: number;
}

/** The tasks of a worker, which take turns, and how many jobs of each are running. */
export class Turns {
  #order: Turn[] = [];
  readonly #byTask = new Map<string, Turn>();
  readonly #byLane = new Map<string, Turn>();

  get tasks(): readonly string[] {
    return [...this.#byTask.keys()];
  }

  /** The limits of the tasks that have one of their own. */
  get concurrency(): Readonly<Record<string, number>> {
    const limits = this.#order.map(({ definition: { name, concurrency } }) => [name, concurrency] as const);
    return Object.fromEntries(limits.filter(([, limit]) => Number.isFinite(limit)));
  }

  /** Adds a task, in place of one of the same name. */
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

  /** Returns whether the task had been at its limit, so that claims left out its lane. */
  ended(task: string): boolean {
    const turn = this.#byTask.get(task);
    if (turn === undefined) return false;
    turn.running--;
    return turn.running + 1 >= turn.definition.concurrency;
  }

  /**
   * The lanes to claim from with `slots` free, starting with a different one each time, without those whose tasks are at
   * their limit or may reach it by claims in flight. This claim counts as in flight until `answered`.
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

  /** A claim from these lanes was answered, and its jobs have begun. */
  answered(lanes: ClaimRequest["lanes"]): void {
    for (const { lane, limit } of lanes) {
      const turn = this.#byLane.get(lane);
      if (turn !== undefined) turn.reserved = Math.max(0, turn.reserved - limit);
    }
  }
}
