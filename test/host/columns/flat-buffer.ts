/** A flatbuffer put together by hand, field by field: also ones that no honest writer makes. */

export type Part = { readonly at: number };

export class FlatBuffer {
  readonly #bytes = new Uint8Array(4 * 1024 * 1024);
  readonly #view = new DataView(this.#bytes.buffer);
  /** The root's offset comes first. */
  #end = 8;

  #take(byteLength: number): number {
    const at = this.#end;
    this.#end = Math.ceil((at + byteLength) / 8) * 8;
    return at;
  }

  /** Sizes of inline fields: i8, i16, i64 by value, a reference by the part it points to, which must come later. */
  table(fields: readonly (null | { bytes: 1 | 2 | 4 | 8; value: number } | "reference")[]): TablePart {
    const vtableBytes = 4 + fields.length * 2;
    const vtable = this.#take(vtableBytes);
    const at = this.#take(8 + fields.length * 8);
    this.#view.setUint16(vtable, vtableBytes, true);
    this.#view.setUint16(vtable + 2, 8 + fields.length * 8, true);
    this.#view.setInt32(at, at - vtable, true);
    fields.forEach((field, index) => {
      if (field === null) return;
      const offset = 8 + index * 8;
      this.#view.setUint16(vtable + 4 + index * 2, offset, true);
      if (field === "reference") return;
      if (field.bytes === 1) this.#view.setInt8(at + offset, field.value);
      if (field.bytes === 2) this.#view.setInt16(at + offset, field.value, true);
      if (field.bytes === 4) this.#view.setInt32(at + offset, field.value, true);
      if (field.bytes === 8) this.#view.setBigInt64(at + offset, BigInt(field.value), true);
    });
    return { at, field: (index) => at + 8 + index * 8 };
  }

  vector(length: number, elementBytes: number): Part {
    // Elements of eight bytes begin at a multiple of eight, behind the length.
    const at = this.#take(8 + length * elementBytes) + 4;
    this.#view.setUint32(at, length, true);
    return { at };
  }

  text(value: string): Part {
    const encoded = Buffer.from(value);
    const part = this.vector(encoded.byteLength + 1, 1);
    this.#view.setUint32(part.at, encoded.byteLength, true);
    this.#bytes.set(encoded, part.at + 4);
    return part;
  }

  /** Writes the offset of `part` at byte `at`, counted from there. */
  refer(at: number, part: Part): void {
    this.#view.setUint32(at, part.at - at, true);
  }

  i32(at: number, value: number): void {
    this.#view.setInt32(at, value, true);
  }

  i64(at: number, value: bigint): void {
    this.#view.setBigInt64(at, value, true);
  }

  bytes(root: Part): Uint8Array {
    this.#view.setUint32(0, root.at, true);
    return this.#bytes.slice(0, this.#end);
  }
}

export interface TablePart extends Part {
  /** Where an inline field stands. */
  field(index: number): number;
}

/** Metadata behind a continuation marker and its length: a frame without a body. */
export function framed(metadata: Uint8Array): Uint8Array {
  const frame = new Uint8Array(8 + metadata.byteLength);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 0xffffffff, true);
  view.setInt32(4, metadata.byteLength, true);
  frame.set(metadata, 8);
  return frame;
}
