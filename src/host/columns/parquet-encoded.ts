/** Encoded values of a Parquet page, and the checks that every decoder of them begins with. */

/** The present values of a page or dictionary: `count` of them, from `offset` to the end of `bytes`. */
export interface Encoded {
  readonly encoding: string;
  readonly bytes: Buffer;
  readonly offset: number;
  readonly count: number;
}

export function checkRoom(bytes: Buffer, offset: number, byteLength: number): void {
  if (byteLength > bytes.length - offset) {
    throw new RangeError(`${byteLength} bytes of values are announced, ${bytes.length - offset} are there`);
  }
}

export function checkDeltaCount(count: number, limit: number): void {
  if (count > limit) throw new RangeError(`${count} delta-encoded values in one page, more than ${limit}`);
}

export function requireEncoding(encoding: string, wanted: string): void {
  if (encoding !== wanted) throw new TypeError(`values encoded as ${encoding}, which is not read`);
}

/** The same bytes for the Parquet library. */
export function readerOf(bytes: Buffer, offset: number): { view: DataView; offset: number } {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset };
}
