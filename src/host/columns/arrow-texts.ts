/**
 * Arrow's layout of texts, read in bounded windows.
 *
 *     offsets | o0 | o1 | o2 | ... | on |   i32, or i64 for the large type        data | text 0 | text 1 | ...
 */
import { MendlineError } from "../../errors.js";
import { arrowTextWindowBytes, recordBytesMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import type { BufferRange } from "./arrow-message.js";

export interface TextRanges {
  readonly offsets: BufferRange;
  readonly data: BufferRange;
  readonly offsetBytes: 4 | 8;
}

/**
 * Gives texts [from, from + rowCount) to `use`, in order.
 *
 * @throws RangeError  damaged offsets
 * @throws MendlineError MENDLINE_DATA_LIMIT  a text longer than `recordBytesMax`
 */
export async function eachText(
  source: ByteSource,
  texts: TextRanges,
  from: number,
  rowCount: number,
  use: (text: string, row: number) => void,
): Promise<void> {
  if (rowCount === 0) return;
  const offsets = await readOffsets(source, texts, from, rowCount);
  for (let row = 0; row < rowCount; ) {
    const end = windowEnd(offsets, row, rowCount);
    const start = offsets[row]!;
    const byteLength = offsets[end]! - start;
    if (byteLength > recordBytesMax) {
      throw new MendlineError(
        "MENDLINE_DATA_LIMIT",
        `${source.label}: the text in row ${from + row} has ${byteLength} bytes, the limit is ${recordBytesMax}; leave its column out with --features`,
      );
    }
    const bytes = Buffer.alloc(byteLength);
    await source.read(bytes, texts.data.byteOffset + start);
    for (; row < end; row++)
      use(bytes.toString("utf8", offsets[row]! - start, offsets[row + 1]! - start), row);
  }
}

/** Rows whose texts fit the window together; one at least. */
function windowEnd(offsets: ArrayLike<number>, row: number, rowCount: number): number {
  let end = row + 1;
  while (end < rowCount && offsets[end + 1]! - offsets[row]! <= arrowTextWindowBytes) end += 1;
  return end;
}

async function readOffsets(
  source: ByteSource,
  { offsets, data, offsetBytes }: TextRanges,
  from: number,
  rowCount: number,
): Promise<ArrayLike<number>> {
  const skipBytes = from * offsetBytes;
  const needed = (from + rowCount + 1) * offsetBytes;
  if (needed > offsets.byteLength) {
    throw new RangeError(
      `${from + rowCount} texts need ${needed} bytes of offsets, there are ${offsets.byteLength}`,
    );
  }
  const raw = new Uint8Array(needed - skipBytes);
  await source.read(raw, offsets.byteOffset + skipBytes);
  const found =
    offsetBytes === 4 ? new Int32Array(raw.buffer) : Float64Array.from(new BigInt64Array(raw.buffer), Number);
  let last = 0;
  for (const [index, offset] of found.entries()) {
    if (offset < last) throw new RangeError(`text ${from + index} begins at ${offset}, before ${last}`);
    last = offset;
  }
  if (last > data.byteLength) throw new RangeError(`texts end at ${last}, their data at ${data.byteLength}`);
  return found;
}
