/**
 * A bounded walk over a Thrift compact struct, as Parquet's footer and page headers are. The Parquet library trusts counts: a list of
 * two billion elements is allocated before its first is read. So each struct is walked here first, without allocating anything; what
 * passes has no more elements than bytes, and ends inside its bytes.
 *
 *     struct:  field*, 0x00          field:   delta << 4 | type, [field id when delta = 0], value
 *     list:    size << 4 | type, [size as a varint when 15], value*          binary:  length as a varint, bytes
 *
 * Source: Thrift compact protocol, https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
import { parquetDepthMax } from "../../limits.js";

/** A 64-bit number in groups of seven bits. */
const varintBytesMax = 10;

const type = {
  stop: 0,
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  struct: 12,
};

/**
 * @returns the offset behind the struct, or -1 where the bytes end before it does
 * @throws RangeError  not a struct that Parquet can hold
 */
export function endOfStruct(bytes: Uint8Array, offset: number): number {
  const walk = new ThriftWalk(bytes, offset);
  try {
    walk.struct(0);
    return walk.at;
  } catch (thrown) {
    if (thrown instanceof BytesEnd) return -1;
    throw thrown;
  }
}

class BytesEnd extends Error {}

class ThriftWalk {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  struct(depth: number): void {
    if (depth > parquetDepthMax) throw new RangeError(`structures nest deeper than ${parquetDepthMax}`);
    for (;;) {
      const header = this.#byte();
      if ((header & 0x0f) === type.stop) return;
      if (header >>> 4 === 0) this.#varint();
      const isBoolean = (header & 0x0f) === type.true || (header & 0x0f) === type.false;
      if (!isBoolean) this.#value(header & 0x0f, depth);
    }
  }

  #value(kind: number, depth: number): void {
    if (kind === type.byte) this.#skip(1);
    else if (kind === type.i16 || kind === type.i32 || kind === type.i64) this.#varint();
    else if (kind === type.double) this.#skip(8);
    else if (kind === type.binary) this.#skip(this.#varint());
    else if (kind === type.list) this.#list(depth + 1);
    else if (kind === type.struct) this.struct(depth + 1);
    else throw new RangeError(`a value of the unknown type ${kind}`);
  }

  #list(depth: number): void {
    if (depth > parquetDepthMax) throw new RangeError(`structures nest deeper than ${parquetDepthMax}`);
    const header = this.#byte();
    const kind = header & 0x0f;
    const count = header >>> 4 === 15 ? this.#varint() : header >>> 4;
    if (kind === type.true || kind === type.false) this.#skip(count);
    else for (let i = 0; i < count; i++) this.#value(kind, depth);
  }

  #byte(): number {
    if (this.at >= this.#bytes.length) throw new BytesEnd();
    return this.#bytes[this.at++]!;
  }

  #skip(byteLength: number): void {
    if (byteLength > this.#bytes.length - this.at) throw new BytesEnd();
    this.at += byteLength;
  }

  /** The value is exact below 2^53, beyond only its size matters. */
  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < varintBytesMax; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if ((byte & 0x80) === 0) return value;
    }
    throw new RangeError(`a number of more than ${varintBytesMax} bytes`);
  }
}
