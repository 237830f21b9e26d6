/** Gathers a numeric column's values as sortable keys, batch after batch, one behind the other. */
import { rowRanges } from "../../scheduler/partition.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { Task } from "../../scheduler/tasks.js";
import type { Turns } from "../../scheduler/turns.js";
import type { Batch, Field } from "../columns/column.js";
import { sortCounterBytes } from "../kernels/kernels.js";
import { bytesOf } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import type { Collecting } from "./collecting.js";
import { sliceOf } from "./feature-counter.js";
import { SortedSample } from "./sorted-sample.js";

export class KeyCollector {
  readonly field: Field;
  readonly #ptr: number;
  #count = 0;

  /** Its memory belongs to `scope`. */
  constructor(field: Field, rows: number, scope: Scope) {
    this.field = field;
    this.#ptr = scope.allocate(Math.max(1, rows) * 8);
  }

  /** Every range's keys are written where they begin if no value is missing; gaps are closed when their numbers are known. */
  take(runtime: Runtime, batch: Batch): Collecting {
    const column = batch.columns.get(this.field.name)!;
    if (column.kind !== "numeric") throw new TypeError(`column ${column.name} is not numeric`);
    const places = rowRanges(batch.rowCount).map(({ from, rowCount }) => ({
      ptr: this.#ptr + (this.#count + from) * 8,
      slice: sliceOf(column, from, rowCount),
    }));
    return {
      tasks: places.map(({ ptr, slice }) => ({
        kernel: "keysFrom",
        args: [column.type, slice, ptr],
        workBytes: slice.rowCount * bytesOf(column.type),
      })),
      collect: (keyCounts, turns) =>
        this.#close(
          runtime,
          places.map(({ ptr }) => ptr),
          keyCounts as number[],
          turns,
        ),
    };
  }

  sortTask(scope: Scope): Task {
    const scratchPtr = scope.allocate(Math.max(1, this.#count) * 8);
    const countersPtr = scope.allocate(sortCounterBytes);
    const args: [number, number, number, number] = [this.#ptr, this.#count, scratchPtr, countersPtr];
    return { kernel: "sortKeys", args, workBytes: this.#count * 8 };
  }

  /** When sorted. */
  sample(runtime: Runtime): SortedSample {
    return new SortedSample(runtime.arena.memory, this.#ptr, this.#count, this.field.type!);
  }

  async #close(
    { arena }: Runtime,
    ptrs: readonly number[],
    keyCounts: readonly number[],
    turns: Turns,
  ): Promise<void> {
    for (const [index, ptr] of ptrs.entries()) {
      const endPtr = this.#ptr + this.#count * 8;
      if (endPtr !== ptr) arena.bytes.copyWithin(endPtr, ptr, ptr + keyCounts[index]! * 8);
      this.#count += keyCounts[index]!;
      if (turns.isOver) await turns.next();
    }
  }
}
