/** What a batch is turned into for a profile: tasks for any thread, and what the calling thread then does with their results. */
import type { Runtime } from "../../scheduler/runtime.js";
import type { Task } from "../../scheduler/tasks.js";
import { Turns } from "../../scheduler/turns.js";
import type { Batch } from "../columns/column.js";
import type { Scope } from "../memory/arena.js";

export interface Collecting {
  readonly tasks: readonly Task[];
  /** @param results  of the tasks, in their order */
  collect(results: readonly unknown[], turns: Turns): Promise<void>;
}

export interface Collector {
  /** `scope` lives until the results are collected. */
  take(runtime: Runtime, batch: Batch, scope: Scope): Collecting;
}

export async function collectBatch(
  runtime: Runtime,
  collectors: readonly Collector[],
  batch: Batch,
  signal?: AbortSignal,
): Promise<void> {
  const scope = runtime.arena.scope();
  try {
    const taken = collectors.map((collector) => collector.take(runtime, batch, scope));
    const results = await runtime.scheduler.run(
      taken.flatMap(({ tasks }) => tasks),
      { signal },
    );
    const turns = new Turns();
    let from = 0;
    for (const { tasks, collect } of taken) {
      await collect(results.slice(from, from + tasks.length), turns);
      from += tasks.length;
    }
  } finally {
    scope.close();
  }
}
