/**
 * Where two samples that are too long to sort are cut into stretches which can be: before and behind known keys of either.
 *
 *     known keys of both     k0        k1          k2  ...
 *     units              [k0](k0, k1)[k1](k1, k2)[k2]  ...       a key by itself, then what lies between it and the next
 *     pieces             [-- stretch --][heavy key][- stretch     units behind each other, as many keys as can be held; a key that
 *                                                                 stands too often to be held is counted
 *
 * Samples of two kinds are cut at the same values: each has a range of its own keys for every unit, which may hold none.
 */
import { type KeyKind, rangeOf } from "../kernels/types.js";
import { compareEdges, type Edge, edgeInType, mergeEdges } from "./edges.js";
import { keyOfValue, valueOfKey } from "./sorted-sample.js";

/** Keys low to high, both included; none where low > high. */
export interface KeyRange {
  readonly low: bigint;
  readonly high: bigint;
}

export interface Unit {
  readonly reference: KeyRange;
  readonly current: KeyRange;
  /** One value only, whatever lies in it. */
  readonly isKey: boolean;
}

/** A sample's known finite keys, ascending, its smallest and largest among them. */
export interface KnownKeys {
  readonly kind: KeyKind;
  readonly keys: readonly bigint[];
}

export function unitsOf(reference: KnownKeys, current: KnownKeys): Unit[] {
  const valuesOf = ({ kind, keys }: KnownKeys) => keys.map((key) => valueOfKey(key, kind));
  const values = mergeEdges([valuesOf(reference), valuesOf(current)]);
  const [left, right] = [reference, current].map(({ kind }) => rangesOf(values, kind)) as [
    KeyRange[],
    KeyRange[],
  ];
  return left.map((range, index) => ({ reference: range, current: right[index]!, isKey: index % 2 === 0 }));
}

/** Of each value, and of what lies between it and the next one. */
function rangesOf(values: readonly Edge[], kind: KeyKind): KeyRange[] {
  const places = values.map((value) => placeOf(value, kind));
  return places.flatMap(({ first, behind }, index) => {
    const next = places[index + 1];
    const alone = { low: first, high: behind - 1n };
    return next === undefined ? [alone] : [alone, { low: behind, high: next.first - 1n }];
  });
}

/** The first key of the kind that is not below the value, and the first that is above it. */
function placeOf(value: Edge, kind: KeyKind): { first: bigint; behind: bigint } {
  const reached = edgeInType(value, kind);
  if (reached === null) {
    const end = keyOfValue(rangeOf(kind).highest, kind) + 1n;
    return { first: end, behind: end };
  }
  const first = keyOfValue(reached, kind);
  return { first, behind: compareEdges(reached, value) === 0 ? first + 1n : first };
}

/** Units with the keys that each sample has in them. */
export interface Piece extends Unit {
  readonly referenceCount: number;
  readonly currentCount: number;
}

/**
 * Pieces in order, those without keys left out.
 *
 * @param counts   keys of each sample in each unit
 * @param keysMax  keys of both samples in a stretch; no unit between two known keys has more
 */
export function piecesOf(
  units: readonly Unit[],
  counts: { readonly reference: readonly number[]; readonly current: readonly number[] },
  keysMax: number,
): Piece[] {
  const pieces: Piece[] = [];
  let open: Piece | null = null;
  const close = () => {
    if (open !== null) pieces.push(open);
    open = null;
  };
  for (const [index, unit] of units.entries()) {
    const [referenceCount, currentCount] = [counts.reference[index]!, counts.current[index]!];
    const held = referenceCount + currentCount;
    if (held === 0) continue;
    const piece = { ...unit, referenceCount, currentCount };
    const isHeavy = unit.isKey && held > keysMax / heavyPart;
    if (isHeavy || (open !== null && keysOf(open) + held > keysMax)) close();
    if (isHeavy) pieces.push(piece);
    else open = open === null ? { ...piece, isKey: false } : joined(open, piece);
  }
  close();
  return pieces;
}

/** A key that takes a sixteenth of what can be held is cheaper counted. */
const heavyPart = 16;

/** Keys of both samples that a piece takes room for. */
export function keysOf({ isKey, referenceCount, currentCount }: Piece): number {
  return isKey ? 0 : referenceCount + currentCount;
}

function joined(first: Piece, second: Piece): Piece {
  return {
    reference: { low: first.reference.low, high: second.reference.high },
    current: { low: first.current.low, high: second.current.high },
    isKey: false,
    referenceCount: first.referenceCount + second.referenceCount,
    currentCount: first.currentCount + second.currentCount,
  };
}

/** Pieces behind each other whose keys can be held at once: what one read of the data is for. */
export function readsOf(pieces: readonly Piece[], keysMax: number): Piece[][] {
  const reads: Piece[][] = [];
  let room = 0;
  for (const piece of pieces) {
    const taken = keysOf(piece);
    if (reads.length === 0 || taken > room) {
      reads.push([]);
      room = keysMax;
    }
    reads.at(-1)!.push(piece);
    room -= taken;
  }
  return reads;
}
