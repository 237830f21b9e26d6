/**
 * The file of a packed object: frames, where they are, and what they make up. All numbers little-endian.
 *
 *     frame …            one for every `packFrameBytes` of content, the last may be shorter
 *     index              u32 byteLength of each frame
 *     footer, 72 bytes:
 *       0: "mlpacked"
 *       8: u64 byteLength of the content
 *      16: u32 content of a frame, packFrameBytes
 *      20: u32 number of frames
 *      24: u8  depth: objects behind this one down to one without a base; 0 without a base
 *      25: 3 zero bytes
 *      28: 32  sha256 of the base's content, zeros without a base
 *      60: u32 crc32 of the index
 *      64: 4 zero bytes
 *      68: u32 crc32 of the footer before it
 *
 *     frame:
 *       0: u32 crc32 of what follows
 *       4: u32 byteLength of the content
 *       8: u8  kind: 0 the content as it is, 1 planes against zeros, 2 planes against the same frame of the base
 *       9: u8  width of an element, 1, 2, 4 or 8
 *      10: 2 zero bytes
 *      12: a plane's head each, 8 bytes: u8 method (planes.ts), 3 zero bytes, u32 byteLength; then the planes' bytes. Kind 0: the content
 *
 * The crc32 find any flipped bit where it is; the content's sha256, which is the object's name, proves the whole.
 */
import { crc32 } from "node:zlib";
import { packFrameBytes } from "../limits.js";
import type { ElementBytes } from "./deltas.js";
import type { PlaneMethod, StoredPlane } from "./planes.js";

export const footerBytes = 72;
export const frameHeadBytes = 12;
const planeHeadBytes = 8;
const magic = Buffer.from("mlpacked", "latin1");
const noBase = "0".repeat(64);

export const frameKinds = { content: 0, full: 1, delta: 2 } as const;
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds];

export interface PackedFooter {
  readonly byteLength: number;
  readonly frameCount: number;
  readonly depth: number;
  /** The object against whose content the deltas stand; null without one. */
  readonly base: string | null;
}

export interface PackedFrame {
  readonly kind: FrameKind;
  readonly width: ElementBytes;
  /** Of the content. */
  readonly byteLength: number;
  /** Kind 0: the content as the one plane. */
  readonly planes: readonly StoredPlane[];
}

/** Bytes that one frame can take at most: its planes are never larger than what they hold. */
export const packedFrameBytesMax = frameHeadBytes + 8 * planeHeadBytes + packFrameBytes;

export function frameBytes({ kind, width, byteLength, planes }: PackedFrame): Buffer {
  const headLength = frameHeadBytes + (kind === frameKinds.content ? 0 : planes.length * planeHeadBytes);
  const stored = planes.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const frame = Buffer.allocUnsafe(headLength + stored);
  frame.fill(0, 0, headLength);
  frame.writeUInt32LE(byteLength, 4);
  frame[8] = kind;
  frame[9] = width;
  let offset = headLength;
  for (const [index, { method, bytes }] of planes.entries()) {
    if (kind !== frameKinds.content) {
      frame[frameHeadBytes + index * planeHeadBytes] = method;
      frame.writeUInt32LE(bytes.length, frameHeadBytes + index * planeHeadBytes + 4);
    }
    frame.set(bytes, offset);
    offset += bytes.length;
  }
  frame.writeUInt32LE(crc32(frame.subarray(4)), 0);
  return frame;
}

/** The frame in these bytes, which it goes on using; null where they are damaged. */
export function frameFrom(bytes: Buffer): PackedFrame | null {
  if (bytes.length < frameHeadBytes || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) return null;
  const byteLength = bytes.readUInt32LE(4);
  const [kind, width] = [bytes[8]!, bytes[9]!];
  if (byteLength > packFrameBytes || !isKind(kind) || !isWidth(width) || byteLength % width !== 0)
    return null;
  if (kind === frameKinds.content) {
    const content = bytes.subarray(frameHeadBytes);
    return content.length === byteLength
      ? { kind, width, byteLength, planes: [{ method: 1, bytes: content }] }
      : null;
  }
  const planes = planesFrom(bytes, width);
  return planes === null ? null : { kind, width, byteLength, planes };
}

function planesFrom(bytes: Buffer, width: number): StoredPlane[] | null {
  const planes: StoredPlane[] = [];
  let offset = frameHeadBytes + width * planeHeadBytes;
  if (bytes.length < offset) return null;
  for (let plane = 0; plane < width; plane++) {
    const head = frameHeadBytes + plane * planeHeadBytes;
    const method = bytes[head]!;
    const end = offset + bytes.readUInt32LE(head + 4);
    if (method > 2 || end > bytes.length) return null;
    planes.push({ method: method as PlaneMethod, bytes: bytes.subarray(offset, end) });
    offset = end;
  }
  return offset === bytes.length ? planes : null;
}

function isKind(kind: number): kind is FrameKind {
  return kind <= frameKinds.delta;
}

function isWidth(width: number): width is ElementBytes {
  return width === 1 || width === 2 || width === 4 || width === 8;
}

/** What stands behind the frames. */
export function tailBytes(
  frameLengths: readonly number[],
  { byteLength, depth, base }: Omit<PackedFooter, "frameCount">,
): Buffer {
  const tail = Buffer.alloc(frameLengths.length * 4 + footerBytes);
  for (const [index, length] of frameLengths.entries()) tail.writeUInt32LE(length, index * 4);
  const footer = frameLengths.length * 4;
  tail.set(magic, footer);
  tail.writeBigUInt64LE(BigInt(byteLength), footer + 8);
  tail.writeUInt32LE(packFrameBytes, footer + 16);
  tail.writeUInt32LE(frameLengths.length, footer + 20);
  tail[footer + 24] = depth;
  tail.set(Buffer.from(base ?? noBase, "hex"), footer + 28);
  tail.writeUInt32LE(crc32(tail.subarray(0, footer)), footer + 60);
  tail.writeUInt32LE(crc32(tail.subarray(footer, -4)), footer + 68);
  return tail;
}

/** What the last bytes of a file of that length say; null where they are damaged, or no footer. */
export function footerFrom(bytes: Buffer, fileBytes: number): PackedFooter | null {
  if (bytes.length !== footerBytes || !bytes.subarray(0, 8).equals(magic)) return null;
  if (crc32(bytes.subarray(0, -4)) !== bytes.readUInt32LE(68)) return null;
  const byteLength = Number(bytes.readBigUInt64LE(8));
  const frameCount = bytes.readUInt32LE(20);
  if (bytes.readUInt32LE(16) !== packFrameBytes || frameCount !== Math.ceil(byteLength / packFrameBytes))
    return null;
  if (frameCount * (4 + frameHeadBytes) + footerBytes > fileBytes) return null;
  const base = bytes.toString("hex", 28, 60);
  return { byteLength, frameCount, depth: bytes[24]!, base: base === noBase ? null : base };
}

/**
 * Where each frame begins, and where the last ends.
 *
 * @param tail  index and footer
 * @returns null where the tail is damaged, or does not fit the file
 */
export function frameOffsets(tail: Buffer, fileBytes: number): Float64Array | null {
  const footer = tail.length - footerBytes;
  if (crc32(tail.subarray(0, footer)) !== tail.readUInt32LE(footer + 60)) return null;
  const frameCount = footer / 4;
  const offsets = new Float64Array(frameCount + 1);
  for (let frame = 0; frame < frameCount; frame++) {
    const length = tail.readUInt32LE(frame * 4);
    if (length > packedFrameBytesMax) return null;
    offsets[frame + 1] = offsets[frame]! + length;
  }
  return offsets[frameCount] === fileBytes - tail.length ? offsets : null;
}
