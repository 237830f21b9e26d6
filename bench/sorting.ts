/** Our sort: values to keys whose order is the values', and keys sorted by radix. */
import { SortedSample } from "../src/host/drift/sorted-sample.js";
import { sortCounterBytes } from "../src/host/kernels/kernels.js";
import type { Runtime } from "../src/scheduler/runtime.js";

/** Values in the arena, and room for their keys. */
export interface PlacedSample {
  readonly valuesPtr: number;
  readonly keysPtr: number;
  readonly count: number;
}

export class Sorting {
  readonly runtime: Runtime;
  readonly #scratchPtr: number;
  readonly #countersPtr: number;

  constructor(runtime: Runtime, countMax: number) {
    this.runtime = runtime;
    this.#scratchPtr = runtime.arena.allocate(countMax * 8);
    this.#countersPtr = runtime.arena.allocate(sortCounterBytes);
  }

  place(values: Float64Array): PlacedSample {
    const { arena } = this.runtime;
    const valuesPtr = arena.allocate(values.byteLength);
    const keysPtr = arena.allocate(values.byteLength);
    new Float64Array(arena.memory.buffer, valuesPtr, values.length).set(values);
    return { valuesPtr, keysPtr, count: values.length };
  }

  /** @returns how many values are no NaN; their keys lie at `keysPtr`, in order */
  sort({ valuesPtr, keysPtr, count }: PlacedSample): number {
    const { kernels } = this.runtime;
    const slice = { valuesPtr, rowCount: count, validityPtr: 0, validityBitOffset: 0 };
    const present = kernels.keysFrom("f64", slice, keysPtr);
    kernels.sortKeys(keysPtr, present, this.#scratchPtr, this.#countersPtr);
    return present;
  }

  /** What quantiles and distances read. */
  sorted(sample: PlacedSample): SortedSample {
    const present = this.sort(sample);
    return new SortedSample(this.runtime.arena.memory, sample.keysPtr, present, "f64");
  }
}
