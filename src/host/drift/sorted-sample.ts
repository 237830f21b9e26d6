/** One feature's present values as sorted keys in the arena: what quantiles, moments and the exact KS distance are taken from. */
import { isWideInteger, type KeyKind, keyKindOf, type NumericType } from "../kernels/types.js";
import type { Edge } from "./edges.js";

const signBit = 1n << 63n;
const allBits = (1n << 64n) - 1n;
const scratch = new DataView(new ArrayBuffer(8));

/** The value behind a key (assembly/keys.ts). */
export function valueOfKey(key: bigint, type: NumericType): Edge {
  const kind = keyKindOf(type);
  if (kind === "f64") {
    scratch.setBigUint64(0, (key & signBit) !== 0n ? key ^ signBit : key ^ allBits);
    return scratch.getFloat64(0) + 0;
  }
  const value = kind === "i64" ? BigInt.asIntN(64, key ^ signBit) : key;
  return isWideInteger(type) ? value : Number(value);
}

export function keyOfFloat(value: number): bigint {
  scratch.setFloat64(0, value + 0);
  const bits = scratch.getBigUint64(0);
  return (bits & signBit) !== 0n ? bits ^ allBits : bits ^ signBit;
}

/** The key of a value that the kind can hold. */
export function keyOfValue(value: Edge, kind: KeyKind): bigint {
  if (kind === "f64") return keyOfFloat(Number(value));
  return kind === "i64" ? BigInt(value) + signBit : BigInt(value);
}

const keyOfMinusInfinity = keyOfFloat(Number.NEGATIVE_INFINITY);
const keyOfPlusInfinity = keyOfFloat(Number.POSITIVE_INFINITY);

export class SortedSample {
  readonly ptr: number;
  readonly count: number;
  readonly type: NumericType;
  /** Keys [finiteFrom, finiteTo) are finite; infinities stand outside. */
  readonly finiteFrom: number;
  readonly finiteTo: number;
  readonly #memory: WebAssembly.Memory;

  constructor(memory: WebAssembly.Memory, ptr: number, count: number, type: NumericType) {
    this.#memory = memory;
    this.ptr = ptr;
    this.count = count;
    this.type = type;
    const isFloat = keyKindOf(type) === "f64";
    this.finiteFrom = isFloat ? this.#rank(keyOfMinusInfinity + 1n) : 0;
    this.finiteTo = isFloat ? this.#rank(keyOfPlusInfinity) : count;
  }

  get kind(): KeyKind {
    return keyKindOf(this.type);
  }

  get finiteCount(): number {
    return this.finiteTo - this.finiteFrom;
  }

  get nonFiniteCount(): number {
    return this.count - this.finiteCount;
  }

  /** The sorted keys; valid until the memory grows. */
  get keys(): BigUint64Array {
    return new BigUint64Array(this.#memory.buffer, this.ptr, this.count);
  }

  /** The finite value of this rank among the finite ones. */
  finiteAt(rank: number): Edge {
    return valueOfKey(this.keys[this.finiteFrom + rank]!, this.type);
  }

  /** Values per bin of `edges`, by binary search, infinities in the tails. */
  binCounts(edges: readonly Edge[]): number[] {
    const keys = this.keys;
    let below = 0;
    const counts = edges.map((edge) => {
      const rank = rankOf(keys, edge, this.type);
      const held = rank - below;
      below = rank;
      return held;
    });
    return [...counts, this.count - below];
  }

  #rank(key: bigint): number {
    const keys = this.keys;
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function rankOf(keys: BigUint64Array, edge: Edge, type: NumericType): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (valueOfKey(keys[middle]!, type) < edge) low = middle + 1;
    else high = middle;
  }
  return low;
}
