/** LZ4 frames for tests: a greedy writer of blocks that refer to the blocks before them. */

const minMatch = 4;
/** The format wants a block to end in five literals at least, and no match to begin in its last twelve bytes. */
const lastLiterals = 12;

/** @param blockBytes  of content, a block */
export function lz4Frame(data: Uint8Array, blockBytes = 65_536): Uint8Array {
  const parts: number[] = [0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0];
  const seen = new Map<number, number>();
  for (let at = 0; at < data.byteLength; at += blockBytes) {
    const block = lz4Block(data, at, Math.min(at + blockBytes, data.byteLength), seen);
    parts.push(...u32(block.length), ...block);
  }
  parts.push(...u32(0));
  return Uint8Array.from(parts);
}

function lz4Block(data: Uint8Array, from: number, end: number, seen: Map<number, number>): number[] {
  const block: number[] = [];
  let literalsFrom = from;
  for (let at = from; at < end - lastLiterals; ) {
    const key = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    const before = seen.get(key);
    seen.set(key, at);
    if (before === undefined || at - before > 65_535) {
      at += 1;
      continue;
    }
    let length = minMatch;
    while (at + length < end - 5 && data[before + length] === data[at + length]) length += 1;
    sequence(block, data.subarray(literalsFrom, at), at - before, length);
    at += length;
    literalsFrom = at;
  }
  sequence(block, data.subarray(literalsFrom, end), null, 0);
  return block;
}

function sequence(block: number[], literals: Uint8Array, distance: number | null, length: number): void {
  const match = distance === null ? 0 : length - minMatch;
  block.push((Math.min(literals.byteLength, 15) << 4) | Math.min(match, 15));
  openLength(block, literals.byteLength);
  for (const byte of literals) block.push(byte);
  if (distance === null) return;
  block.push(distance & 255, distance >>> 8);
  openLength(block, match);
}

function openLength(block: number[], length: number): void {
  if (length < 15) return;
  let left = length - 15;
  for (; left >= 255; left -= 255) block.push(255);
  block.push(left);
}

function u32(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
}
