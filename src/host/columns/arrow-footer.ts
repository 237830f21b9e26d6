/**
 * The footer of an Arrow IPC file.
 *
 *     ... | footer (flatbuffer) | footer bytes (i32) | "ARROW1"
 *
 * Source: Arrow columnar format, "IPC file format", and File.fbs.
 */
import { arrowMetadataBytesMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { type ArrowField, parseSchema } from "./arrow-schema.js";
import { FlatTable } from "./flat-table.js";

export const arrowMagic = "ARROW1";

export interface Footer {
  readonly fields: readonly ArrowField[];
  readonly dictionaryOffsets: readonly number[];
  readonly batchOffsets: readonly number[];
  /** For the byte offset of each frame, where it must have ended. */
  readonly frameEnds: ReadonlyMap<number, number>;
}

const tailBytes = 4 + arrowMagic.length;

/**
 * @throws RangeError  damaged
 * @throws MendlineError MENDLINE_DATA_FORMAT  the schema is of a kind that is not read
 */
export async function readFooter(source: ByteSource): Promise<Footer> {
  const tail = new Uint8Array(tailBytes);
  const tailOffset = source.byteLength - tailBytes;
  if (tailOffset < 0) throw new RangeError(`a file of ${source.byteLength} bytes`);
  await source.read(tail, tailOffset);
  if (Buffer.from(tail.subarray(4)).toString("latin1") !== arrowMagic) {
    throw new RangeError(`the file does not end with ${arrowMagic}: it is cut off; write it again`);
  }
  const byteLength = new DataView(tail.buffer).getInt32(0, true);
  const most = Math.min(tailOffset, arrowMetadataBytesMax);
  if (byteLength < 0 || byteLength > most)
    throw new RangeError(`${byteLength} bytes where ${most} are the most`);
  const bytes = new Uint8Array(byteLength);
  await source.read(bytes, tailOffset - byteLength);
  return parseFooter(bytes, tailOffset - byteLength, source.label);
}

function parseFooter(bytes: Uint8Array, footerOffset: number, label: string): Footer {
  const footer = FlatTable.root(bytes);
  const schema = footer.table(1);
  if (schema === null) throw new RangeError("no schema");
  const dictionaryOffsets = footer.blocks(2).map(({ byteOffset }) => byteOffset);
  const batchOffsets = footer.blocks(3).map(({ byteOffset }) => byteOffset);
  const offsets = [...dictionaryOffsets, ...batchOffsets].sort((left, right) => left - right);
  const frameEnds = new Map(offsets.map((offset, index) => [offset, offsets[index + 1] ?? footerOffset]));
  if (frameEnds.size < offsets.length) throw new RangeError("one frame listed twice");
  const fields = parseSchema(schema, bytes.byteLength, label);
  return { fields, dictionaryOffsets, batchOffsets, frameEnds };
}
