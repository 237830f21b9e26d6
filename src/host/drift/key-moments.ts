/** Moments of sorted samples, a task a stretch of keys: exact sums add up to the same bits however the keys are cut. */
import { rowRanges } from "../../scheduler/partition.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { Task } from "../../scheduler/tasks.js";
import type { Scope } from "../memory/arena.js";
import { ExactMoments } from "./exact-moments.js";
import type { Moments } from "./profile.js";
import type { SortedSample } from "./sorted-sample.js";

/** Over the finite values of each sample. */
export async function momentsOf(
  runtime: Runtime,
  samples: readonly SortedSample[],
  signal?: AbortSignal,
): Promise<Moments[]> {
  const scope = runtime.arena.scope();
  try {
    const all = samples.map((sample) => new KeyMoments(runtime, scope, sample));
    await runtime.scheduler.run(
      all.flatMap((one) => one.tasks()),
      { signal },
    );
    for (const one of all) one.closeMean();
    await runtime.scheduler.run(
      all.flatMap((one) => one.tasks()),
      { signal },
    );
    return all.map((one) => one.result());
  } finally {
    scope.close();
  }
}

class KeyMoments {
  readonly #sample: SortedSample;
  readonly #moments: ExactMoments;

  constructor({ kernels }: Runtime, scope: Scope, sample: SortedSample) {
    this.#sample = sample;
    const parts = rowRanges(sample.finiteCount).length;
    this.#moments = new ExactMoments(kernels, sample.kind, scope, parts);
  }

  tasks(): Task[] {
    const { ptr, finiteFrom, finiteCount } = this.#sample;
    return rowRanges(finiteCount).map(({ from, rowCount }, part) =>
      this.#moments.task(part, ptr + (finiteFrom + from) * 8, rowCount),
    );
  }

  closeMean(): void {
    this.#moments.closeMean(this.#sample.finiteCount);
  }

  result(): Moments {
    const { finiteCount: count } = this.#sample;
    if (count === 0) return this.#moments.result(0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    const [min, max] = [this.#sample.finiteAt(0), this.#sample.finiteAt(count - 1)];
    return this.#moments.result(count, Number(min), Number(max));
  }
}
