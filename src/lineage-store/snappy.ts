/** Snappy, unpacked: the compression of LevelDB's blocks. Source: google/snappy, format_description.txt. */

/** @returns null where the bytes are no Snappy of at most so many bytes */
export function unsnappy(bytes: Uint8Array, byteLengthMax: number): Uint8Array | null {
  const head = varint(bytes, 0);
  if (head === null || head.value > byteLengthMax) return null;
  const out = new Uint8Array(head.value);
  let filled = 0;
  for (let at = head.end; at < bytes.length; ) {
    const part = (bytes[at]! & 3) === 0 ? literal(bytes, at) : copy(bytes, at);
    if (part === null || filled + part.length > out.length) return null;
    if (part.distance === 0) {
      out.set(bytes.subarray(part.end - part.length, part.end), filled);
    } else {
      if (part.distance > filled) return null;
      // Byte by byte: a copy may read what it writes.
      for (let index = 0; index < part.length; index++)
        out[filled + index] = out[filled + index - part.distance]!;
    }
    filled += part.length;
    at = part.end;
  }
  return filled === out.length ? out : null;
}

interface Part {
  readonly length: number;
  /** Back to where it is copied from; 0 for bytes that stand before `end`. */
  readonly distance: number;
  readonly end: number;
}

function literal(bytes: Uint8Array, at: number): Part | null {
  const code = bytes[at]! >> 2;
  const lengthBytes = code < 60 ? 0 : code - 59;
  let length = code;
  if (lengthBytes > 0) length = little(bytes, at + 1, lengthBytes);
  const end = at + 1 + lengthBytes + length + 1;
  return end > bytes.length ? null : { length: length + 1, distance: 0, end };
}

function copy(bytes: Uint8Array, at: number): Part | null {
  const tag = bytes[at]!;
  const kind = tag & 3;
  const end = at + (kind === 1 ? 2 : kind === 2 ? 3 : 5);
  if (end > bytes.length) return null;
  const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
  const distance =
    kind === 1 ? ((tag >> 5) << 8) | bytes[at + 1]! : little(bytes, at + 1, kind === 2 ? 2 : 4);
  return distance === 0 ? null : { length, distance, end };
}

function little(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = count - 1; index >= 0; index--) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}

/** LevelDB's and Snappy's varint: seven bits a byte, lowest first. Beyond 2^53 it is no length of anything here: null. */
export function varint(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly end: number } | null {
  let value = 0;
  for (let index = 0; index < 8 && at + index < bytes.length; index++) {
    const byte = bytes[at + index]!;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return value > Number.MAX_SAFE_INTEGER ? null : { value, end: at + index + 1 };
  }
  return null;
}
