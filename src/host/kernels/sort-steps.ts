/**
 * The sort of assembly/sort.ts, step by step: each step is one kernel call over `partitionRows` keys at most, so that the gateway's
 * thread can see to other things between two of them.
 *
 *     find the varying bits -> one round over the highest 36 of them -> put the rest right by insertion
 *                                                                      where that takes too many moves: rounds over all bits
 *     a round: count up to three digits at once, then scatter to and fro, a digit at a time
 */
import { partitionRows } from "../../limits.js";

export interface SortExports {
  findVaryingBits(keysPtr: number, count: number, firstPtr: number, statePtr: number): void;
  countDigits(
    keysPtr: number,
    count: number,
    lowBit: number,
    digitBits: number,
    digitCount: number,
    statePtr: number,
  ): void;
  startsFromCounts(digitBits: number, digit: number, count: number, statePtr: number): number;
  scatterKeys(
    keysPtr: number,
    count: number,
    toPtr: number,
    shift: number,
    digitBits: number,
    digit: number,
    statePtr: number,
  ): void;
  insertKeys(keysPtr: number, fromIndex: number, toIndex: number, movesMax: number): number;
}

/** Bytes of the sort's state: the varying bits, and counters of three digits. */
export const sortCounterBytes = 64 + 3 * 4096 * 4;

const digitsMax = 3;
const digitBitsMax = 12;
/** Few keys leave most of 4096 counters empty, and clearing and adding those up would take longer than the keys. */
const fewKeys = 8_192;
const fewDigitBits = 8;
/** Insertion alone: so few keys are put in order faster than counters are cleared. */
const insertedKeysMax = 32;
/** Places by which keys are moved in the last step, a key: beyond it three more passes are cheaper. Random doubles need 0.01. */
const movesPerKeyMax = 0.5;

interface Sorting {
  readonly kernels: SortExports;
  readonly memory: WebAssembly.Memory;
  readonly count: number;
  readonly statePtr: number;
  /** Where the keys are, and where the next pass puts them. */
  fromPtr: number;
  toPtr: number;
}

/** Orders `count` keys in place; scratch: as many bytes; state: `sortCounterBytes`. Nothing is in order before the last step. */
export function* sortSteps(
  kernels: SortExports,
  memory: WebAssembly.Memory,
  keysPtr: number,
  count: number,
  scratchPtr: number,
  statePtr: number,
): Generator<void> {
  if (count <= insertedKeysMax) {
    kernels.insertKeys(keysPtr, 0, count, insertedKeysMax * insertedKeysMax);
    return;
  }
  const sorting: Sorting = { kernels, memory, count, statePtr, fromPtr: keysPtr, toPtr: scratchPtr };
  const { low, high } = yield* varyingBits(sorting);
  if (low === high) return;
  const digitBits = count < fewKeys ? fewDigitBits : digitBitsMax;
  const roundBits = digitsMax * digitBits;
  const lowest = Math.max(low, high - roundBits);
  yield* round(sorting, lowest, high, digitBits);
  if (lowest > low && !(yield* inserted(sorting))) {
    for (let bit = low; bit < high; bit += roundBits) {
      yield* round(sorting, bit, Math.min(high, bit + roundBits), digitBits);
    }
  }
  if (sorting.fromPtr === keysPtr) return;
  for (const { from, rowCount } of stretches(count)) {
    const bytes = new Uint8Array(memory.buffer);
    const source = scratchPtr + from * 8;
    bytes.copyWithin(keysPtr + from * 8, source, source + rowCount * 8);
    yield;
  }
}

/** The keys differ in bits [low, high) at most; low = high where all are the same. */
function* varyingBits(sorting: Sorting): Generator<void, { low: number; high: number }> {
  const { kernels, memory, count, fromPtr, statePtr } = sorting;
  new Uint32Array(memory.buffer, statePtr, 2).fill(0);
  for (const { from, rowCount } of stretches(count)) {
    kernels.findVaryingBits(fromPtr + from * 8, rowCount, fromPtr, statePtr);
    yield;
  }
  const [lower, upper] = new Uint32Array(memory.buffer, statePtr, 2) as unknown as [number, number];
  if (lower === 0 && upper === 0) return { low: 0, high: 0 };
  return {
    low: lower === 0 ? 32 + trailingZeros(upper) : trailingZeros(lower),
    high: upper === 0 ? 32 - Math.clz32(lower) : 64 - Math.clz32(upper),
  };
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** Orders the keys by bits [low, high), three digits at most; keys that agree in them keep their order. */
function* round(sorting: Sorting, low: number, high: number, digitBitsWanted: number): Generator<void> {
  const { kernels, memory, count, statePtr } = sorting;
  const digitCount = Math.ceil((high - low) / digitBitsWanted);
  const digitBits = Math.ceil((high - low) / digitCount);
  new Uint8Array(memory.buffer, statePtr + 64, sortCounterBytes - 64).fill(0);
  for (const { from, rowCount } of stretches(count)) {
    kernels.countDigits(sorting.fromPtr + from * 8, rowCount, low, digitBits, digitCount, statePtr);
    yield;
  }
  for (let digit = 0; digit < digitCount; digit++) {
    if (kernels.startsFromCounts(digitBits, digit, count, statePtr) !== 0) continue;
    const { fromPtr, toPtr } = sorting;
    for (const { from, rowCount } of stretches(count)) {
      const shift = low + digit * digitBits;
      kernels.scatterKeys(fromPtr + from * 8, rowCount, toPtr, shift, digitBits, digit, statePtr);
      yield;
    }
    sorting.fromPtr = toPtr;
    sorting.toPtr = fromPtr;
  }
}

/** Whether the keys, almost in order, could be put in order with few moves. */
function* inserted({ kernels, count, fromPtr }: Sorting): Generator<void, boolean> {
  let left = Math.floor(count * movesPerKeyMax);
  for (const { from, rowCount } of stretches(count)) {
    // No more at once than a stretch has keys: a call's time stays bounded.
    const most = Math.min(left, rowCount);
    const moves = kernels.insertKeys(fromPtr, from, from + rowCount, most) >>> 0;
    if (moves > most) return false;
    left -= moves;
    yield;
  }
  return true;
}

function* stretches(count: number): Generator<{ from: number; rowCount: number }> {
  for (let from = 0; from < count; from += partitionRows) {
    yield { from, rowCount: Math.min(partitionRows, count - from) };
  }
}
