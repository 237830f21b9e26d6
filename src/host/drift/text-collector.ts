/** Counts the texts of a column by name, whatever the batches' dictionaries are: codes through a kernel, then names in a map. */
import { MendlineError } from "../../errors.js";
import { textCountsBytesMax } from "../../limits.js";
import { rowRanges } from "../../scheduler/partition.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { Task } from "../../scheduler/tasks.js";
import type { Turns } from "../../scheduler/turns.js";
import type { Batch, Field, TextColumn } from "../columns/column.js";
import type { ColumnSlice } from "../kernels/kernels.js";
import { bytesOf } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import type { Collecting } from "./collecting.js";
import { sliceOf } from "./feature-counter.js";
import type { CategoricalSample } from "./feature-profile.js";

/** Slot of missing texts; the codes' follow it, so that a dictionary that grows keeps them. */
const missingSlot = 0;
/** Names that are gone through between two looks at the clock. */
const namesAtOnce = 4_096;

/** Numbers, where they are read as text, count by their shortest decimal text. */
export class TextCollector {
  readonly field: Field;
  readonly #scope: Scope;
  readonly #counts = new Map<string, number>();
  #present = 0;
  /** The slot of each code, as far as the dictionary was known. */
  #slots = { ptr: 0, capacity: 0, count: 0, names: [] as readonly (string | null)[] };

  /** Its memory belongs to `scope`. */
  constructor(field: Field, scope: Scope) {
    this.field = field;
    this.#scope = scope;
  }

  take(runtime: Runtime, batch: Batch, scope: Scope): Collecting {
    const column = batch.columns.get(this.field.name)!;
    if (column.kind !== "text") throw new TypeError(`column ${column.name} is not text`);
    this.#setSlots(runtime, column);
    const codeCount = this.#slots.count;
    const countsBytes = runtime.kernels.categoryWorkBytes(codeCount + 1);
    const counting = (from: number, rowCount: number, countsPtr: number) => ({
      task: this.#task(column, codeCount, sliceOf(column, from, rowCount), countsPtr),
      add: async (turns: Turns) => {
        for (const _ of this.#add(runtime, column, codeCount, countsPtr))
          if (turns.isOver) await turns.next();
      },
    });
    const ranges = rowRanges(batch.rowCount);
    if (ranges.length * countsBytes <= textCountsBytesMax) {
      const all = ranges.map(({ from, rowCount }) => counting(from, rowCount, scope.allocate(countsBytes)));
      return {
        tasks: all.map(({ task }) => task),
        collect: async (_, turns) => {
          for (const { add } of all) await add(turns);
        },
      };
    }
    // Counters of their own for all ranges would take much memory.
    const countsPtr = scope.allocate(countsBytes);
    return {
      tasks: [],
      collect: async (_, turns) => {
        for (const { from, rowCount } of ranges) {
          const { task, add } = counting(from, rowCount, countsPtr);
          await runtime.scheduler.run([task]);
          await add(turns);
        }
      },
    };
  }

  sample(rows: number): CategoricalSample {
    return {
      kind: "categorical",
      field: this.field,
      rows,
      missing: rows - this.#present,
      counts: this.#counts,
    };
  }

  #task(column: TextColumn, codeCount: number, slice: ColumnSlice, countsPtr: number): Task {
    return {
      kernel: "countCategories",
      args: [column.type, slice, this.#slots.ptr, codeCount, missingSlot, codeCount + 1, countsPtr],
      workBytes: slice.rowCount * bytesOf(column.type),
    };
  }

  /** @param codeCount  names when the batch was taken: a source that reads ahead has added more since */
  *#add(runtime: Runtime, column: TextColumn, codeCount: number, countsPtr: number): Generator<void> {
    const countsNow = () => new Uint32Array(runtime.arena.memory.buffer, countsPtr, codeCount + 2);
    const outside = countsNow()[codeCount + 1]!;
    if (outside !== 0) {
      throw new MendlineError(
        "MENDLINE_DATA_MALFORMED",
        `column "${column.name}": ${outside} codes lie outside its dictionary of ${codeCount} names`,
      );
    }
    for (const { from, rowCount } of rowRanges(codeCount, namesAtOnce)) {
      const counts = countsNow();
      for (let code = from; code < from + rowCount; code++) {
        const count = counts[code + 1]!;
        if (count === 0) continue;
        const name = column.names[code]!;
        this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
        this.#present += count;
      }
      yield;
    }
  }

  #setSlots(runtime: Runtime, { names }: TextColumn): void {
    const known = this.#slots.names === names ? this.#slots.count : 0;
    if (this.#slots.capacity < names.length || this.#slots.capacity === 0) this.#makeRoom(names.length);
    // A new place holds nothing yet.
    const from = this.#slots.count === 0 ? 0 : known;
    const view = new Uint32Array(runtime.arena.memory.buffer, this.#slots.ptr, names.length);
    for (let code = from; code < names.length; code++)
      view[code] = names[code] === null ? missingSlot : code + 1;
    this.#slots.names = names;
    this.#slots.count = names.length;
  }

  #makeRoom(count: number): void {
    if (this.#slots.capacity > 0) this.#scope.release(this.#slots.ptr);
    // Half as much again: a dictionary that grows batch by batch moves seldom.
    const capacity = Math.max(64, Math.ceil(count * 1.5));
    this.#slots = { ptr: this.#scope.allocate(capacity * 4), capacity, count: 0, names: [] };
  }
}
