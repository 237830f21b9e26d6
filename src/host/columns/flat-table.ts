/**
 * A bounded reader of the flatbuffers that frame Arrow messages: every offset is checked against the bytes there are, so a damaged
 * message throws instead of sending the reader through gigabytes of imagined vectors.
 *
 *     table:   | soffset to vtable (i32) | inline fields ...
 *     vtable:  | own bytes (u16) | table bytes (u16) | offset of field 0 (u16, 0 = absent) | field 1 | ...
 *
 * Source: FlatBuffers internals, https://flatbuffers.dev/internals/
 */
export class FlatTable {
  readonly #view: DataView;
  readonly #at: number;
  readonly #vtable: number;
  readonly #vtableBytes: number;

  constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
    this.#vtable = at - view.getInt32(at, true);
    this.#vtableBytes = view.getUint16(this.#vtable, true);
    if (this.#vtable < 0 || this.#vtableBytes < 4) throw new RangeError("a table without its vtable");
  }

  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, view.getUint32(0, true));
  }

  u8(field: number): number {
    const at = this.#position(field);
    return at === 0 ? 0 : this.#view.getUint8(at);
  }

  /** @param absent  the schema's default: what an absent field stands for */
  i16(field: number, absent = 0): number {
    const at = this.#position(field);
    return at === 0 ? absent : this.#view.getInt16(at, true);
  }

  i32(field: number, absent = 0): number {
    const at = this.#position(field);
    return at === 0 ? absent : this.#view.getInt32(at, true);
  }

  i64(field: number): number {
    const at = this.#position(field);
    return at === 0 ? 0 : safeAt(this.#view, at);
  }

  table(field: number): FlatTable | null {
    const at = this.#position(field);
    return at === 0 ? null : new FlatTable(this.#view, at + this.#view.getUint32(at, true));
  }

  /** A text; "" where there is none. */
  text(field: number): string {
    const { at, length } = this.#vector(field, 1);
    return Buffer.from(this.#view.buffer, this.#view.byteOffset + at, length).toString("utf8");
  }

  /** Elements of a vector, bytes of a text. */
  length(field: number): number {
    return this.#vector(field, 1).length;
  }

  /** Arrow's Block: a vector of structs of i64, i32, four bytes of padding, i64. */
  blocks(field: number): { byteOffset: number; metadataByteLength: number; bodyByteLength: number }[] {
    const vector = this.#vector(field, 24);
    return Array.from({ length: vector.length }, (_, i) => ({
      byteOffset: safeAt(this.#view, vector.at + i * 24),
      metadataByteLength: this.#view.getInt32(vector.at + i * 24 + 8, true),
      bodyByteLength: safeAt(this.#view, vector.at + i * 24 + 16),
    }));
  }

  /** A vector of structs of two i64 each: Arrow's FieldNode and Buffer. */
  pairs(field: number): { first: number; second: number }[] {
    const { at, length } = this.#vector(field, 16);
    const pairs = new Array<{ first: number; second: number }>(length);
    for (let i = 0; i < length; i++)
      pairs[i] = { first: safeAt(this.#view, at + i * 16), second: safeAt(this.#view, at + i * 16 + 8) };
    return pairs;
  }

  /** @param countMax  more tables than this are refused before one is made */
  tables(field: number, countMax: number): FlatTable[] {
    const vector = this.#vector(field, 4);
    if (vector.length > countMax) throw new RangeError(`${vector.length} tables, the limit is ${countMax}`);
    return Array.from({ length: vector.length }, (_, i) => {
      const at = vector.at + i * 4;
      return new FlatTable(this.#view, at + this.#view.getUint32(at, true));
    });
  }

  #position(field: number): number {
    const slot = 4 + field * 2;
    if (slot + 2 > this.#vtableBytes) return 0;
    const offset = this.#view.getUint16(this.#vtable + slot, true);
    return offset === 0 ? 0 : this.#at + offset;
  }

  #vector(field: number, elementBytes: number): { at: number; length: number } {
    const position = this.#position(field);
    if (position === 0) return { at: 0, length: 0 };
    const start = position + this.#view.getUint32(position, true);
    const length = this.#view.getUint32(start, true);
    const room = this.#view.byteLength - start - 4;
    if (length * elementBytes > room) {
      throw new RangeError(`a vector of ${length} elements in ${room} bytes`);
    }
    return { at: start + 4, length };
  }
}

/** An i64 that a double holds exactly, and not below 0. By halves: a BigInt an offset is most of what small batches take. */
function safeAt(view: DataView, at: number): number {
  const high = view.getInt32(at + 4, true);
  if (high < 0 || high >= 2 ** 21) throw new RangeError(`a length of ${view.getBigInt64(at, true)}`);
  return high * 2 ** 32 + view.getUint32(at, true);
}
