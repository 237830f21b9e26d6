/**
 * Cells, one by one, to columns in the arena: what CSV, NDJSON, Parquet and row objects share.
 *
 * One region a column for values and one for validity, reused batch after batch; values of absent cells are 0 and never read.
 */

import { batchRowsMax } from "../../limits.js";
import { bytesOf, type NumericArray, type NumericType, viewOf } from "../kernels/types.js";
import type { Arena, Scope } from "../memory/arena.js";
import type { Batch, Column, Field } from "./column.js";
import { TextDictionary } from "./text-dictionary.js";

export type Cell = number | bigint | string | boolean | null;

/** A field and the type its cells are stored in: `i32` codes for text. */
interface Slot {
  readonly field: Field;
  readonly type: NumericType;
  readonly valuesPtr: number;
  readonly validityPtr: number;
  readonly dictionary: TextDictionary | null;
}

/** What a source that fills whole stretches of a column writes to: see `target`. */
export interface ColumnTarget {
  /** Values, or codes of `dictionary`: as many as the builder's capacity. */
  readonly values: NumericArray;
  readonly dictionary: TextDictionary | null;
}

/** Rows of a batch of these fields: as many as a quarter of the free memory holds, within `batchRowsMax`. */
export function batchRowsFor(arena: Arena, fields: readonly Field[], rowCount: number): number {
  const rowBytes = fields.reduce((sum, field) => sum + bytesOf(field.type ?? "i32") + 0.125, 0);
  const fitting = Math.floor(arena.availableBytes / 4 / Math.max(rowBytes, 1));
  return Math.max(1, Math.min(batchRowsMax, Math.max(64, fitting), rowCount));
}

export class BatchBuilder {
  readonly capacity: number;
  readonly #arena: Arena;
  readonly #scope: Scope;
  readonly #slots: Slot[];
  #values: NumericArray[] = [];
  #validity: Uint8Array[] = [];
  #nullCounts: number[] = [];
  #viewed: ArrayBufferLike | null = null;

  /** @param capacity  rows of a batch at most */
  constructor(arena: Arena, fields: readonly Field[], capacity: number) {
    this.#arena = arena;
    this.capacity = capacity;
    this.#scope = arena.scope();
    try {
      this.#slots = fields.map((field) => {
        const type = field.type ?? "i32";
        return {
          field,
          type,
          valuesPtr: this.#scope.allocate(capacity * bytesOf(type)),
          validityPtr: this.#scope.allocate((capacity + 7) >>> 3),
          dictionary: field.type === null ? new TextDictionary(field.name) : null,
        };
      });
    } catch (thrown) {
      this.#scope.close();
      throw thrown;
    }
    this.reset();
  }

  /** Begins a batch. Call it again after anything else may have grown the memory. */
  reset(): void {
    this.#view();
    for (const bits of this.#validity) bits.fill(0xff);
    this.#nullCounts = this.#slots.map(() => 0);
  }

  /**
   * Sets one cell. Numbers must fit the field's type: a number or boolean for float and integer types, a bigint or safe integer for
   * 64-bit integers, a string for text; null = missing.
   */
  set(fieldIndex: number, row: number, cell: Cell): void {
    const slot = this.#slots[fieldIndex]!;
    const values = this.#values[fieldIndex]!;
    if (cell === null) {
      this.setMissing(fieldIndex, row);
    } else if (slot.dictionary !== null) {
      values[row] = slot.dictionary.codeOf(String(cell));
    } else if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
      values[row] = typeof cell === "bigint" ? cell : BigInt(cell as number | boolean);
    } else {
      (values as Float64Array)[row] = Number(cell);
    }
  }

  /** Marks one row as missing; once a row of a batch. */
  setMissing(fieldIndex: number, row: number): void {
    const values = this.#values[fieldIndex]!;
    if (values instanceof BigInt64Array || values instanceof BigUint64Array) values[row] = 0n;
    else values[row] = 0;
    this.#validity[fieldIndex]![row >>> 3]! &= ~(1 << (row & 7));
    this.#nullCounts[fieldIndex]! += 1;
  }

  /** A column's own arrays, to be filled in bulk; valid until the next `reset`. Missing rows go through `setMissing`. */
  target(fieldIndex: number): ColumnTarget {
    return { values: this.#values[fieldIndex]!, dictionary: this.#slots[fieldIndex]!.dictionary };
  }

  /** The rows set since `reset`, as a batch that is valid until the next `reset`. */
  finish(rowCount: number): Batch {
    const columns = new Map<string, Column>();
    this.#slots.forEach((slot, index) => {
      const rows = {
        name: slot.field.name,
        valuesPtr: slot.valuesPtr,
        rowCount,
        validityPtr: this.#nullCounts[index] === 0 ? 0 : slot.validityPtr,
        validityBitOffset: 0,
      };
      const column: Column =
        slot.dictionary !== null
          ? { kind: "text", type: "i32", names: slot.dictionary.names, ...rows }
          : { kind: "numeric", logical: slot.field.logical, type: slot.type, ...rows };
      columns.set(slot.field.name, column);
    });
    return { rowCount, columns };
  }

  close(): void {
    this.#scope.close();
  }

  #view(): void {
    const { memory } = this.#arena;
    if (this.#viewed === memory.buffer) return;
    this.#viewed = memory.buffer;
    this.#values = this.#slots.map((slot) => viewOf(memory, slot.type, slot.valuesPtr, this.capacity));
    this.#validity = this.#slots.map(
      (slot) => new Uint8Array(memory.buffer, slot.validityPtr, (this.capacity + 7) >>> 3),
    );
  }
}
