/**
 * Seeded mutations of Arrow IPC bytes that know its structure: half of them strike the flatbuffers that frame the data (offsets,
 * vtables, lengths, scalars), the rest any byte, word or stretch.
 */

/** A place in a flatbuffer and how many bytes it has. */
interface Place {
  readonly at: number;
  readonly width: 1 | 2 | 4 | 8;
  readonly kind: "offset" | "vtable" | "length" | "scalar";
}

/** So many places of a file at most: enough for any sample here, and an end for what goes round in circles. */
const placesMax = 20_000;

/** The places of every message and of a file's footer, found by following whatever may be an offset. */
export function arrowPlaces(bytes: Uint8Array): Place[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places: Place[] = [];
  for (let at = 0; at + 8 < bytes.byteLength; at += 8) {
    const isFrame = view.getUint32(at, true) === 0xffffffff;
    const length = view.getInt32(at + 4, true);
    if (!isFrame || length <= 0 || at + 8 + length > bytes.byteLength) continue;
    places.push({ at: at + 4, width: 4, kind: "length" });
    walk(view, at + 8, at + 8 + length, places);
  }
  const tail = bytes.byteLength - 10;
  if (tail > 0 && Buffer.from(bytes.subarray(tail + 4)).toString("latin1") === "ARROW1") {
    places.push({ at: tail, width: 4, kind: "length" });
    walk(view, tail - view.getInt32(tail, true), tail, places);
  }
  return places;
}

/** A flatbuffer from its root on. */
function walk(view: DataView, from: number, end: number, places: Place[]): void {
  const seen = new Set<number>();
  const table = (at: number): boolean => {
    if (at < from || at + 4 > end || at % 4 !== 0 || places.length > placesMax) return false;
    const vtable = at - view.getInt32(at, true);
    if (vtable < from || vtable + 4 > end || vtable % 2 !== 0) return false;
    const vtableBytes = view.getUint16(vtable, true);
    const tableBytes = view.getUint16(vtable + 2, true);
    if (vtableBytes < 4 || vtableBytes % 2 !== 0 || vtableBytes > 64 || vtable + vtableBytes > end)
      return false;
    if (tableBytes < 4 || at + tableBytes > end) return false;
    if (seen.has(at)) return true;
    seen.add(at);
    places.push({ at, width: 4, kind: "offset" }, { at: vtable, width: 2, kind: "vtable" });
    for (let entry = 4; entry < vtableBytes; entry += 2) {
      places.push({ at: vtable + entry, width: 2, kind: "vtable" });
      const offset = view.getUint16(vtable + entry, true);
      if (offset >= 4 && offset < tableBytes) field(at + offset);
    }
    return true;
  };
  const field = (at: number): void => {
    if (at + 4 > end) return;
    const target = at + view.getUint32(at, true);
    if (at % 4 === 0 && target > at && target + 4 <= end && (table(target) || vector(target))) {
      places.push({ at, width: 4, kind: "offset" });
    } else {
      places.push(
        { at, width: at % 8 === 0 && at + 8 <= end ? 8 : 4, kind: "scalar" },
        { at, width: 1, kind: "scalar" },
      );
    }
  };
  /** A string, structs or offsets to tables: told apart by where they lead. */
  const vector = (at: number): boolean => {
    const length = view.getUint32(at, true);
    if (length > end - at - 4) return false;
    if (seen.has(at)) return true;
    seen.add(at);
    places.push({ at, width: 4, kind: "length" });
    for (let i = 0; i < Math.min(length, 64) && at + 8 + i * 4 <= end; i++) {
      const slot = at + 4 + i * 4;
      if (table(slot + view.getUint32(slot, true))) places.push({ at: slot, width: 4, kind: "offset" });
    }
    // Structs of i64 pairs (nodes, buffers, blocks).
    for (let slot = at + 4; slot + 8 <= Math.min(end, at + 4 + length * 16); slot += 8) {
      places.push({ at: slot, width: 8, kind: "scalar" });
    }
    return true;
  };
  places.push({ at: from, width: 4, kind: "offset" });
  table(from + view.getUint32(from, true));
}

const extremes = [0, 1, -1, 0x7fffffff, -0x80000000, 0x10000, 7, 8, 1_000_000_007];

/** One to three changes; seldom the end is cut off as well. */
export function mutate(bytes: Uint8Array, places: readonly Place[], next: () => number): Uint8Array {
  const mutated = bytes.slice();
  const view = new DataView(mutated.buffer);
  const below = (end: number) => Math.floor(next() * end);
  for (let i = 1 + below(3); i > 0; i--) {
    if (next() < 0.5) strikePlace(view, places[below(places.length)]!, places, next);
    else strikeAnywhere(mutated, view, next);
  }
  return next() < 0.05 ? mutated.slice(0, below(mutated.byteLength)) : mutated;
}

function strikePlace(
  view: DataView,
  { at, width, kind }: Place,
  places: readonly Place[],
  next: () => number,
): void {
  const below = (end: number) => Math.floor(next() * end);
  const other = places[below(places.length)]!.at;
  const old = width === 8 ? Number(view.getBigInt64(at, true)) : width === 4 ? view.getInt32(at, true) : 0;
  const values: Readonly<Record<Place["kind"], () => number>> = {
    // To itself, to any other place, a little aside.
    offset: () => [0, other - at, old + 4 * (below(9) - 4), at - other][below(4)]!,
    vtable: () => [0, 4, 6, 8, below(64), 0xffff][below(6)]!,
    length: () => [0, 1, old + 1, old - 1, old * 2, 0x7fffffff, view.byteLength][below(7)]!,
    scalar: () => (next() < 0.5 ? extremes[below(extremes.length)]! : old + below(17) - 8),
  };
  const value = values[kind]();
  if (width === 8)
    view.setBigInt64(at, BigInt(Math.trunc(value)) << BigInt(next() < 0.2 ? below(40) : 0), true);
  else if (width === 4) view.setInt32(at, value, true);
  else if (width === 2) view.setUint16(at, value, true);
  else view.setUint8(at, value);
}

function strikeAnywhere(mutated: Uint8Array, view: DataView, next: () => number): void {
  const below = (end: number) => Math.floor(next() * end);
  const aligned = (width: number) => below((mutated.byteLength - width) / width) * width;
  const extreme = () => extremes[below(extremes.length)]!;
  const changes: (() => void)[] = [
    () => void (mutated[below(mutated.byteLength)]! ^= 1 << below(8)),
    () => void (mutated[below(mutated.byteLength)] = below(256)),
    () => view.setInt16(aligned(2), extreme(), true),
    () => view.setInt32(aligned(4), extreme(), true),
    () => view.setInt32(aligned(4), below(mutated.byteLength), true),
    () => view.setBigInt64(aligned(8), BigInt(extreme()) << BigInt(below(40)), true),
    () =>
      void mutated.copyWithin(
        below(mutated.byteLength),
        below(mutated.byteLength),
        below(mutated.byteLength),
      ),
  ];
  changes[below(changes.length)]!();
}
