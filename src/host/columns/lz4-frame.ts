/**
 * LZ4 frames, one block after the other. No kept library for Node reads frames whose blocks refer to the blocks before them, which is how
 * Arrow's C++ and Rust writers make them.
 *
 *     frame:     magic 04 22 4D 18 | flags | block size | [content size, 8] [dictionary id, 4] | check | block ... | 0 (u32) | [check, 4]
 *     block:     bytes (u32, the highest bit: stored as they are) | content | [check, 4]
 *     sequence:  token | [more literal length] | literals | distance (u16) | [more match length]      the last ends behind its literals
 *
 * Sources: LZ4 Frame Format Description 1.6.4 and LZ4 Block Format Description. The xxHash checks are stepped over: what a buffer
 * unpacks to is held against the length that it announces, and against its rows.
 */

const magic = 0x184d2204;
const flagsVersionMask = 0xc0;
const flagsVersion1 = 0x40;
const flagBlockChecks = 0x10;
const flagContentSize = 0x08;
const flagContentCheck = 0x04;
const flagReserved = 0x02;
const flagDictionary = 0x01;
const storedBlock = 0x80000000;
const shortestMatch = 4;
/** A length of a token that goes on in the bytes behind it. */
const openLength = 15;

/**
 * Fills `target`; a step of the generator is one block, of 4 MiB at most.
 *
 * @throws RangeError  damaged, or of another length than `target`
 * @throws TypeError  a frame with a dictionary, or of another version
 */
export function* unpackLz4Frame(packed: Uint8Array, target: Uint8Array): Generator<void, void, void> {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const { blocksAt, hasBlockChecks, hasContentCheck } = frameHeader(view);
  let at = blocksAt;
  let filled = 0;
  for (;;) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === 0) break;
    const byteLength = size >= storedBlock ? size - storedBlock : size;
    const end = at + byteLength;
    if (end > packed.byteLength) throw new RangeError(`an LZ4 block ends at ${end} of ${packed.byteLength}`);
    const block = packed.subarray(at, end);
    filled = size >= storedBlock ? stored(block, target, filled) : unpackBlock(block, target, filled);
    at = end + (hasBlockChecks ? 4 : 0);
    yield;
  }
  if (hasContentCheck) at += 4;
  if (at !== packed.byteLength) throw new RangeError(`an LZ4 frame ends at ${at} of ${packed.byteLength}`);
  if (filled !== target.byteLength) throw new RangeError(`${filled} bytes of ${target.byteLength} announced`);
}

function frameHeader(view: DataView): {
  readonly blocksAt: number;
  readonly hasBlockChecks: boolean;
  readonly hasContentCheck: boolean;
} {
  if (view.getUint32(0, true) !== magic) throw new RangeError("no LZ4 frame");
  const flags = view.getUint8(4);
  if ((flags & flagsVersionMask) !== flagsVersion1 || (flags & flagReserved) !== 0)
    throw new TypeError("an LZ4 frame of a version that is not read");
  if ((flags & flagDictionary) !== 0) throw new TypeError("an LZ4 frame with a dictionary");
  const headerBytes = 7 + ((flags & flagContentSize) === 0 ? 0 : 8);
  return {
    blocksAt: headerBytes,
    hasBlockChecks: (flags & flagBlockChecks) !== 0,
    hasContentCheck: (flags & flagContentCheck) !== 0,
  };
}

function stored(block: Uint8Array, target: Uint8Array, filled: number): number {
  if (filled + block.byteLength > target.byteLength) throw tooLong(target);
  target.set(block, filled);
  return filled + block.byteLength;
}

/** @returns how much of `target` is filled */
function unpackBlock(block: Uint8Array, target: Uint8Array, from: number): number {
  const end = block.byteLength;
  let at = 0;
  let filled = from;
  while (at < end) {
    const token = block[at++]!;
    let literals = token >>> 4;
    if (literals === openLength) {
      let more: number;
      do {
        if (at >= end) throw cutOff();
        more = block[at++]!;
        literals += more;
      } while (more === 255);
    }
    if (at + literals > end) throw cutOff();
    if (filled + literals > target.byteLength) throw tooLong(target);
    // A call costs what copying some twenty bytes costs.
    if (literals > 24) target.set(block.subarray(at, at + literals), filled);
    else for (let index = 0; index < literals; index++) target[filled + index] = block[at + index]!;
    at += literals;
    filled += literals;
    if (at === end) return filled;
    if (at + 2 > end) throw cutOff();
    const distance = block[at]! | (block[at + 1]! << 8);
    at += 2;
    if (distance === 0 || distance > filled)
      throw new RangeError(`an LZ4 match ${distance} bytes back at ${filled}`);
    let length = token & openLength;
    if (length === openLength) {
      let more: number;
      do {
        if (at >= end) throw cutOff();
        more = block[at++]!;
        length += more;
      } while (more === 255);
    }
    length += shortestMatch;
    if (filled + length > target.byteLength) throw tooLong(target);
    copyMatch(target, filled, distance, length);
    filled += length;
  }
  throw cutOff();
}

/** A match may reach into what it writes: then it repeats. */
function copyMatch(target: Uint8Array, at: number, distance: number, length: number): void {
  if (distance >= length && length > 24) target.copyWithin(at, at - distance, at - distance + length);
  else if (distance === 1) target.fill(target[at - 1]!, at, at + length);
  else for (let index = at; index < at + length; index++) target[index] = target[index - distance]!;
}

function cutOff(): RangeError {
  return new RangeError("an LZ4 block is cut off");
}

function tooLong(target: Uint8Array): RangeError {
  return new RangeError(`more than the ${target.byteLength} bytes announced`);
}
