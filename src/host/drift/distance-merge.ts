/** Distances of two samples that come in pieces (key-cuts.ts): the same bits as `sampleDistances` gives of both whole. */
import type { Runtime } from "../../scheduler/runtime.js";
import type { Task } from "../../scheduler/tasks.js";
import { ksNumeratorAt, mergeStateBytes, type SortedKeys, wassersteinAt } from "../kernels/kernels.js";
import type { KeyKind } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import type { SampleDistances } from "./sample-distances.js";

/** How many of a sample's present values there are, and where. */
export interface SampleSize {
  readonly kind: KeyKind;
  readonly count: number;
  readonly finiteCount: number;
  readonly minusInfinities: number;
}

/** Sorted keys of one sample's piece. */
export interface Stretch {
  readonly ptr: number;
  readonly count: number;
}

export class DistanceMerge {
  readonly #runtime: Runtime;
  readonly #samples: readonly [SampleSize, SampleSize];
  readonly #ksPtr: number;
  /** States of the Wasserstein distance: of the last piece, and of the next. */
  #carriedPtr = 0;
  #spare: [number, number];
  readonly #keyPtr: number;
  /** Finite keys of the pieces so far. */
  readonly #passed: [number, number] = [0, 0];
  #numerator = 0n;

  /** Its memory belongs to `scope`. */
  constructor(runtime: Runtime, scope: Scope, reference: SampleSize, current: SampleSize) {
    this.#runtime = runtime;
    this.#samples = [reference, current];
    this.#ksPtr = scope.allocate(mergeStateBytes);
    this.#spare = [scope.allocate(mergeStateBytes), scope.allocate(mergeStateBytes)];
    this.#keyPtr = scope.allocate(16);
    this.#lookAtGap();
  }

  /** A piece with sorted keys. */
  async addKeys(reference: Stretch, current: Stretch, signal: AbortSignal | undefined): Promise<void> {
    const tasks = [this.#ksTask(reference, current), ...this.#wassersteinTasks(reference, current)];
    await this.#runtime.scheduler.run(tasks, { signal });
    const found = ksNumeratorAt(this.#runtime.arena.memory, this.#ksPtr);
    if (found > this.#numerator) this.#numerator = found;
    this.#pass(tasks.length > 1, reference.count, current.count);
  }

  /** A key that stands so often in each sample. */
  async addKey(keys: readonly [bigint, bigint], counts: readonly [number, number]): Promise<void> {
    new BigUint64Array(this.#runtime.arena.memory.buffer, this.#keyPtr, 2).set(keys);
    // How often it stands tells the gap behind it, which is the next piece's.
    const once = counts.map((count, side) => ({
      ptr: this.#keyPtr + side * 8,
      count: Math.min(1, count),
    })) as [Stretch, Stretch];
    const tasks = this.#wassersteinTasks(...once);
    await this.#runtime.scheduler.run(tasks);
    this.#pass(tasks.length > 0, ...counts);
  }

  /** After the last piece. */
  result(): SampleDistances {
    const { memory } = this.#runtime.arena;
    const wasserstein = this.#carriedPtr === 0 ? 0 : wassersteinAt(memory, this.#carriedPtr);
    return { ksNumerator: this.#numerator, wasserstein };
  }

  #ksTask(reference: Stretch, current: Stretch): Task {
    const keys = (side: 0 | 1, stretch: Stretch): SortedKeys => {
      const { kind, count: total, minusInfinities } = this.#samples[side];
      return { kind, ...stretch, stretch: { before: minusInfinities + this.#passed[side], total } };
    };
    const args = [keys(0, reference), keys(1, current), this.#ksPtr] as const;
    return { kernel: "ksFromSortedKeys", args: [...args], workBytes: workBytesOf(reference, current) };
  }

  /** None where a sample has no finite value. */
  #wassersteinTasks(reference: Stretch, current: Stretch): Task[] {
    if (this.#samples.some(({ finiteCount }) => finiteCount === 0)) return [];
    const keys = (side: 0 | 1, stretch: Stretch): SortedKeys => {
      const { kind, finiteCount: total } = this.#samples[side];
      return { kind, ...stretch, stretch: { before: this.#passed[side], total } };
    };
    const args = [keys(0, reference), keys(1, current), this.#spare[0], this.#carriedPtr] as const;
    const workBytes = workBytesOf(reference, current);
    return [{ kernel: "wassersteinFromSortedKeys", args: [...args], workBytes }];
  }

  #pass(isCarried: boolean, referenceCount: number, currentCount: number): void {
    if (isCarried) {
      this.#carriedPtr = this.#spare[0];
      this.#spare.reverse();
    }
    this.#passed[0] += referenceCount;
    this.#passed[1] += currentCount;
    this.#lookAtGap();
  }

  /** Between two pieces: behind infinities, behind a key that was counted, and where one sample's keys of a piece end before the other's. */
  #lookAtGap(): void {
    const [r, c] = this.#samples.map(({ minusInfinities }, side) =>
      BigInt(minusInfinities + this.#passed[side]!),
    ) as [bigint, bigint];
    const [n, m] = this.#samples.map(({ count }) => BigInt(count)) as [bigint, bigint];
    const gap = r * m - c * n;
    const size = gap < 0n ? -gap : gap;
    if (size > this.#numerator) this.#numerator = size;
  }
}

function workBytesOf(reference: Stretch, current: Stretch): number {
  return (reference.count + current.count) * 8;
}
