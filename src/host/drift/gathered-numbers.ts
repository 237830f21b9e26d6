/** Rows of a column that are not neighbours, put side by side in the arena to be counted: one region for all columns, one after the other. */
import { type NumericArray, type NumericType, viewOf } from "../kernels/types.js";
import type { Arena, Scope } from "../memory/arena.js";

export class GatheredNumbers {
  readonly #arena: Arena;
  readonly #capacity: number;
  readonly #valuesPtr: number;
  readonly #validityPtr: number;
  readonly #validity: Uint8Array;
  readonly #views = new Map<NumericType, NumericArray>();

  /** @param capacity  rows at most */
  constructor(arena: Arena, scope: Scope, capacity: number) {
    this.#arena = arena;
    this.#capacity = capacity;
    const validityBytes = (capacity + 7) >>> 3;
    this.#valuesPtr = scope.allocate(capacity * 8);
    this.#validityPtr = scope.allocate(validityBytes);
    this.#validity = new Uint8Array(arena.memory.buffer, this.#validityPtr, validityBytes);
  }

  /** The pointer of the values of `rows`. */
  gather(type: NumericType, values: NumericArray, rows: Int32Array): number {
    let view = this.#views.get(type);
    if (view === undefined) {
      view = viewOf(this.#arena.memory, type, this.#valuesPtr, this.#capacity);
      this.#views.set(type, view);
    }
    copyRows(values as Float64Array, rows, view as Float64Array);
    return this.#valuesPtr;
  }

  /** The pointer of the bits of `rows`, from bit 0 on. */
  gatherBits(validity: Uint8Array, rows: Int32Array): number {
    const bits = this.#validity;
    bits.fill(0, 0, (rows.length + 7) >>> 3);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      bits[i >>> 3]! |= ((validity[row >>> 3]! >>> (row & 7)) & 1) << (i & 7);
    }
    return this.#validityPtr;
  }
}

function copyRows(source: Float64Array, rows: Int32Array, target: Float64Array): void {
  for (let i = 0; i < rows.length; i++) target[i] = source[rows[i]!]!;
}
