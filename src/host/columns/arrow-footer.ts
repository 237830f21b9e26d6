/**
 * The footer of an Arrow IPC file.
 *
 *     ... | footer (flatbuffer) | footer bytes (i32) | "ARROW1"
 *
 * Source: Arrow columnar format, "IPC file format", and File.fbs.
 */
import { arrowMetadataBytesMax } from "../../limits.js";
import type { ByteSource } from "./byte-source.js";
import { FlatTable } from "./flat-table.js";

export const arrowMagic = "ARROW1";

export interface Footer {
  /** The schema as a message, as a stream would begin with it. */
  readonly schema: Uint8Array;
  readonly dictionaryOffsets: readonly number[];
  readonly batchOffsets: readonly number[];
  /** For the byte offset of each frame, where it must have ended. */
  readonly frameEnds: ReadonlyMap<number, number>;
}

const tailBytes = 4 + arrowMagic.length;

/** @throws RangeError  damaged */
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
  return parseFooter(bytes, tailOffset - byteLength);
}

function parseFooter(bytes: Uint8Array, footerOffset: number): Footer {
  const footer = FlatTable.root(bytes);
  const schema = footer.table(1);
  if (schema === null) throw new RangeError("no schema");
  const dictionaryOffsets = footer.blocks(2).map(({ byteOffset }) => byteOffset);
  const batchOffsets = footer.blocks(3).map(({ byteOffset }) => byteOffset);
  const offsets = [...dictionaryOffsets, ...batchOffsets].sort((left, right) => left - right);
  const frameEnds = new Map(offsets.map((offset, index) => [offset, offsets[index + 1] ?? footerOffset]));
  if (frameEnds.size < offsets.length) throw new RangeError("one frame listed twice");
  return { schema: schemaMessage(bytes, schema), dictionaryOffsets, batchOffsets, frameEnds };
}

/**
 * A Message around the schema of a footer. Offsets in a flatbuffer are relative, so the footer's bytes can stand behind a table of
 * ours that points into them:
 *
 *     0: offset of the table (16)       4: vtable: 10 bytes, table of 12; version at 8, kind at 10, content at 4
 *    16: back to the vtable (12)       20: offset of the schema      24: version 4 (V5)      26: kind 1 (schema)      32: footer
 */
function schemaMessage(footer: Uint8Array, schema: FlatTable): Uint8Array {
  const message = new Uint8Array(32 + Math.ceil(footer.byteLength / 8) * 8);
  const view = new DataView(message.buffer);
  view.setUint32(0, 16, true);
  [10, 12, 8, 10, 4].forEach((value, index) => {
    view.setUint16(4 + index * 2, value, true);
  });
  view.setInt32(16, 12, true);
  view.setUint32(20, 32 + schema.byteOffset - 20, true);
  view.setInt16(24, 4, true);
  view.setUint8(26, 1);
  message.set(footer, 32);
  return message;
}
