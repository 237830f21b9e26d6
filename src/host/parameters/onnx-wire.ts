/**
 * Protobuf's wire format, walked over a random-access source in bounded memory: values are byte ranges, and what nobody
 * asks for (a gigabyte of raw_data) is stepped over without being read.
 *
 *   field = tag varint (number << 3 | type), then by type:  0 varint · 1 eight bytes · 2 varint length, bytes · 5 four bytes
 *
 * Types 3 and 4 (groups) are not in ONNX, 6 and 7 not in protobuf. Source: protobuf.dev, "Encoding".
 */
import { onnxNodesMax, parameterIndexBytesMax, tensorNameBytesMax, tensorsMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import type { ExternalFiles } from "./external-data.js";
import { ByteWindow } from "./model-bytes.js";
import { modelError } from "./tensor-index.js";

export const wireVarint = 0;
export const wireFixed64 = 1;
export const wireBytes = 2;
export const wireFixed32 = 5;

/** Bytes of a source, end exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface WireField extends ByteRange {
  readonly number: number;
  readonly type: number;
  /** Where the tag is, for messages; start and end are those of the value. */
  readonly at: number;
  /** Of a varint: its 64 bits as two signed 32-bit halves. */
  readonly low: number;
  readonly high: number;
}

/** Nothing where it is done already. */
export type Pending = void | Promise<void>;
export type FieldVisitor = (field: WireField) => Pending;

/** `next` at once where there is nothing to wait for. */
export function after(pending: Pending, next: () => Pending): Pending {
  return pending === undefined ? next() : pending.then(next);
}

/** A tag and a length or varint of 10 bytes each. */
const fieldHeadBytesMax = 20;
const varintBytesMax = 10;

/** One walk over one model: its window, and what its index may still take. */
export class Wire {
  readonly source: ByteSource;
  /** Files beside the model's that it may name; null where it must not. */
  readonly external: ExternalFiles | null;
  private readonly window: ByteWindow;
  private readonly decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  private indexBytes = 0;
  private tensorCount = 0;
  private nodeCount = 0;
  // The last varint, here instead of in an object a varint.
  private low = 0;
  private high = 0;
  private next = 0;

  constructor(source: ByteSource, external: ExternalFiles | null = null) {
    this.source = source;
    this.external = external;
    this.window = new ByteWindow(source);
  }

  /**
   * Calls `visit` with each field of the message in that range. A visitor may walk the field's value, or skip it.
   * Works at once as long as nothing has to be read: a promise for every field of every node would cost ten times the walk.
   *
   * @throws MendlineError MENDLINE_MODEL_MALFORMED  with the byte offset
   */
  walk(range: ByteRange, visit: FieldVisitor): Pending {
    let position = range.start;
    while (position < range.end) {
      if (!this.window.covers(position, fieldHeadBytesMax))
        return this.walkOn(this.window.load(position), position, range.end, visit);
      const field = this.field(position, range.end);
      position = field.end;
      const pending = visit(field);
      if (pending !== undefined) return this.walkOn(pending, position, range.end, visit);
    }
  }

  private async walkOn(first: Promise<void>, start: number, end: number, visit: FieldVisitor): Promise<void> {
    await first;
    let position = start;
    while (position < end) {
      if (!this.window.covers(position, fieldHeadBytesMax)) await this.window.load(position);
      const field = this.field(position, end);
      position = field.end;
      const pending = visit(field);
      if (pending !== undefined) await pending;
    }
  }

  /** Calls `emit` with each varint of a packed field. */
  async walkPacked(range: ByteRange, emit: (low: number, high: number) => void): Promise<void> {
    let position = range.start;
    while (position < range.end) {
      if (!this.window.covers(position, varintBytesMax)) await this.window.load(position);
      this.varint(position, range.end);
      position = this.next;
      emit(this.low, this.high);
    }
  }

  /**
   * Hands a name to `take`.
   *
   * @throws MendlineError MENDLINE_MODEL_FORMAT  longer than `tensorNameBytesMax`; MENDLINE_MODEL_MALFORMED  not UTF-8
   */
  text(field: WireField, what: string, take: (text: string) => Pending): Pending {
    this.expect(field, wireBytes, what);
    const byteCount = field.end - field.start;
    if (byteCount > tensorNameBytesMax)
      throw this.unsupported(
        field.start,
        `${what} has ${byteCount} bytes; at most ${tensorNameBytesMax} are read`,
      );
    const loaded = this.window.covers(field.start, byteCount) ? undefined : this.window.load(field.start);
    return after(loaded, () => take(this.decode(field, what)));
  }

  private decode(field: ByteRange, what: string): string {
    const from = field.start - this.window.start;
    try {
      return this.decoder.decode(this.window.bytes.subarray(from, from + field.end - field.start));
    } catch {
      throw this.malformed(field.start, `${what} is not UTF-8`);
    }
  }

  /** Copies a range of the source to where `target` begins; at once where the window holds it. */
  copy(range: ByteRange, target: Uint8Array): Pending {
    const byteCount = range.end - range.start;
    if (!this.window.covers(range.start, byteCount))
      return this.source.read(target.subarray(0, byteCount), range.start);
    const from = range.start - this.window.start;
    target.set(this.window.bytes.subarray(from, from + byteCount));
  }

  /** A varint as a number from 0 to 2^53 - 1: a count, an enum, a dimension. */
  count(field: WireField, what: string): number {
    this.expect(field, wireVarint, what);
    const value = unsigned(field.low, field.high);
    if (!Number.isSafeInteger(value))
      throw this.malformed(field.start, `${what} is negative or beyond ${Number.MAX_SAFE_INTEGER}`);
    return value;
  }

  expect(field: WireField, type: number, what: string): void {
    if (field.type !== type)
      throw this.malformed(field.at, `${what} has wire type ${field.type} where ${type} belongs`);
  }

  /** Books memory for the index before it is taken. */
  charge(byteCount: number, at: number): void {
    this.indexBytes += byteCount;
    if (this.indexBytes > parameterIndexBytesMax)
      throw this.unsupported(
        at,
        `the model's names, shapes and values outside raw_data exceed ${parameterIndexBytesMax} bytes; save its tensors as raw_data`,
      );
  }

  chargeTensor(name: string, at: number): void {
    if (++this.tensorCount > tensorsMax) throw this.unsupported(at, `more than ${tensorsMax} tensors`);
    // An entry, its shape and its place in the maps take about 400 bytes.
    this.charge(2 * name.length + 400, at);
  }

  chargeNode(at: number): void {
    if (++this.nodeCount > onnxNodesMax) throw this.unsupported(at, `more than ${onnxNodesMax} nodes`);
  }

  malformed(at: number, problem: string): Error {
    return modelError("MENDLINE_MODEL_MALFORMED", this.source.label, `${problem} (byte ${at})`, {
      byteOffset: at,
    });
  }

  unsupported(at: number, problem: string): Error {
    return modelError("MENDLINE_MODEL_FORMAT", this.source.label, `${problem} (byte ${at})`, {
      byteOffset: at,
    });
  }

  private field(at: number, end: number): WireField {
    this.varint(at, end);
    const tag = unsigned(this.low, this.high);
    const number = Math.floor(tag / 8);
    const type = tag % 8;
    // 2^29 - 1 is the highest field number of protobuf.
    if (number === 0 || number >= 2 ** 29) throw this.malformed(at, `field number ${number} is not allowed`);
    const start = this.next;
    switch (type) {
      case wireVarint:
        this.varint(start, end);
        return { number, type, at, start, end: this.next, low: this.low, high: this.high };
      case wireFixed64:
        return this.sized(number, type, at, start, 8, end);
      case wireFixed32:
        return this.sized(number, type, at, start, 4, end);
      case wireBytes: {
        this.varint(start, end);
        return this.sized(number, type, at, this.next, unsigned(this.low, this.high), end);
      }
      default:
        throw this.malformed(
          at,
          `field ${number} has wire type ${type}${type < 5 ? " (a group)" : ""}, which ONNX does not use`,
        );
    }
  }

  private sized(
    number: number,
    type: number,
    at: number,
    start: number,
    size: number,
    end: number,
  ): WireField {
    if (size > end - start)
      throw this.malformed(
        at,
        `field ${number} is ${size} bytes long where ${end - start} are left; is the file cut off?`,
      );
    return { number, type, at, start, end: start + size, low: 0, high: 0 };
  }

  /** Reads a varint within the window, which covers it or ends with the source. */
  private varint(at: number, end: number): void {
    const { bytes, start } = this.window;
    let low = 0;
    let high = 0;
    for (let index = 0; index < varintBytesMax; index++) {
      const position = at + index;
      if (position >= end) throw this.malformed(at, "a number is cut off");
      const byte = bytes[position - start]!;
      const group = byte & 0x7f;
      if (index < 4) low |= group << (7 * index);
      else if (index === 4) {
        low |= group << 28;
        high = group >>> 4;
      } else high |= group << (7 * index - 32);
      if (byte < 0x80) {
        if (index === varintBytesMax - 1 && byte > 1) break;
        this.low = low;
        this.high = high;
        this.next = position + 1;
        return;
      }
    }
    throw this.malformed(at, "a number takes more than 64 bits");
  }
}

/** Exact up to 2^53; above it, large is all that matters. */
function unsigned(low: number, high: number): number {
  return (high >>> 0) * 2 ** 32 + (low >>> 0);
}

/** Refuses a second occurrence of the fields that a message may hold once: readers differ in which one they take. */
export class Singular {
  private seen = 0;
  private readonly wire: Wire;
  private readonly message: string;

  constructor(wire: Wire, message: string) {
    this.wire = wire;
    this.message = message;
  }

  /** Field numbers below 32. */
  once(field: WireField): void {
    const bit = 1 << field.number;
    if (this.seen & bit)
      throw this.wire.malformed(
        field.at,
        `${this.message} holds field ${field.number} twice, which readers do not agree on`,
      );
    this.seen |= bit;
  }
}
