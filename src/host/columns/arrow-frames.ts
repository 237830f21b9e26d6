/**
 * The framing of Arrow IPC, checked before anything trusts it.
 *
 *     stream:  frame frame ... end            file:  "ARROW1\0\0" frame frame ... end | footer | footer bytes (i32) | "ARROW1"
 *     frame:   0xFFFFFFFF (u32) | metadata bytes (i32) | metadata, padded to 8 | body, padded to 8
 *
 * A file is read as the stream inside it; its footer only repeats where the frames are.
 * Source: Arrow columnar format, "Serialization and Interprocess Communication (IPC)".
 */
import { MendlineError, messageOf } from "../../errors.js";
import { arrowMetadataBytesMax, columnsMax } from "../../limits.js";
import type { ByteSource } from "./byte-source.js";
import { FlatTable } from "./flat-table.js";

const continuation = 0xffffffff;
export const arrowMagic = "ARROW1";

/** Where one buffer of a record batch lies in the source. */
export interface BufferRange {
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface Frame {
  /** Of the continuation marker. */
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly metadataByteOffset: number;
}

export interface RecordBatchFrame extends Frame {
  readonly rowCount: number;
  readonly nodes: readonly { readonly rowCount: number; readonly nullCount: number }[];
  readonly buffers: readonly BufferRange[];
}

export interface ArrowFrames {
  readonly schema: Frame;
  /** Dictionaries, and how many record batches came before each. */
  readonly dictionaries: readonly { readonly frame: Frame; readonly batchesBefore: number }[];
  readonly batches: readonly RecordBatchFrame[];
}

const headerSchema = 1;
const headerDictionary = 2;
const headerBatch = 3;

/** @throws MendlineError MENDLINE_DATA_MALFORMED  truncated or inconsistent; MENDLINE_DATA_FORMAT  compressed bodies */
export async function readArrowFrames(source: ByteSource): Promise<ArrowFrames> {
  const dictionaries: { frame: Frame; batchesBefore: number }[] = [];
  const batches: RecordBatchFrame[] = [];
  let schema: Frame | null = null;
  let byteOffset = await streamStart(source);
  for (;;) {
    const metadataByteLength = await frameLength(source, byteOffset);
    if (metadataByteLength === 0) break;
    const metadata = new Uint8Array(metadataByteLength);
    await source.read(metadata, byteOffset + 8);
    const message = parseMessage(source, byteOffset, metadata);
    const byteLength = 8 + metadataByteLength + message.bodyByteLength;
    if (byteOffset + byteLength > source.byteLength) {
      throw malformed(
        source,
        byteOffset,
        `its body needs ${byteOffset + byteLength} bytes and the data ends at ${source.byteLength}`,
      );
    }
    const frame = { byteOffset, byteLength, metadataByteOffset: byteOffset + 8 };
    if (message.header === headerSchema) {
      if (schema !== null) throw malformed(source, byteOffset, "a second schema");
      schema = frame;
    } else if (schema === null) {
      throw malformed(source, byteOffset, "data before the schema");
    } else if (message.header === headerDictionary) {
      dictionaries.push({ frame, batchesBefore: batches.length });
    } else {
      const body = byteOffset + 8 + metadataByteLength;
      batches.push({ ...frame, ...message.recordBatch!(body) });
    }
    byteOffset += byteLength;
  }
  if (schema === null) throw malformed(source, byteOffset, "no schema");
  return { schema, dictionaries, batches };
}

async function streamStart(source: ByteSource): Promise<number> {
  const head = new Uint8Array(Math.min(8, source.byteLength));
  await source.read(head, 0);
  return Buffer.from(head).toString("latin1").startsWith(arrowMagic) ? 8 : 0;
}

/** Metadata bytes of the frame at `byteOffset`; 0 at the end of the stream. */
async function frameLength(source: ByteSource, byteOffset: number): Promise<number> {
  // A stream may end without its end marker, but only between two frames.
  if (byteOffset === source.byteLength) return 0;
  const prefix = new Uint8Array(8);
  await source.read(prefix, byteOffset);
  const view = new DataView(prefix.buffer);
  if (view.getUint32(0, true) !== continuation) {
    throw malformed(source, byteOffset, "no frame begins here (streams older than Arrow 0.15 are not read)");
  }
  const length = view.getInt32(4, true);
  if (length < 0 || length % 8 !== 0) throw malformed(source, byteOffset, `metadata of ${length} bytes`);
  if (length > arrowMetadataBytesMax) {
    throw malformed(
      source,
      byteOffset,
      `metadata of ${length} bytes is over the limit of ${arrowMetadataBytesMax}`,
    );
  }
  return length;
}

interface Message {
  readonly header: number;
  readonly bodyByteLength: number;
  readonly recordBatch: ((body: number) => Pick<RecordBatchFrame, "rowCount" | "nodes" | "buffers">) | null;
}

function parseMessage(source: ByteSource, byteOffset: number, metadata: Uint8Array): Message {
  try {
    const message = FlatTable.root(metadata);
    const header = message.u8(1);
    const bodyByteLength = message.i64(3);
    const content = message.table(2);
    if (content === null || header < headerSchema || header > headerBatch) {
      throw new RangeError(`a message of kind ${header}`);
    }
    if (bodyByteLength % 8 !== 0) throw new RangeError(`a body of ${bodyByteLength} bytes`);
    if (header === headerSchema) {
      checkFields(content.tables(1), { left: columnsMax * 4 });
      return { header, bodyByteLength, recordBatch: null };
    }
    const batch = header === headerBatch ? content : content.table(1);
    if (batch === null) throw new RangeError("a dictionary without its values");
    const parsed = parseRecordBatch(source, batch, bodyByteLength);
    return { header, bodyByteLength, recordBatch: header === headerBatch ? parsed : null };
  } catch (thrown) {
    if (thrown instanceof MendlineError) throw thrown;
    throw malformed(source, byteOffset, messageOf(thrown));
  }
}

function parseRecordBatch(source: ByteSource, batch: FlatTable, bodyByteLength: number) {
  if (batch.table(3) !== null) {
    throw new MendlineError(
      "MENDLINE_DATA_FORMAT",
      `${source.label}: its Arrow buffers are compressed; write it uncompressed (pyarrow: compression="uncompressed")`,
    );
  }
  const rowCount = batch.i64(0);
  const nodes = batch.pairs(1).map(({ first, second }) => ({ rowCount: first, nullCount: second }));
  const ranges = batch.pairs(2);
  for (const { first, second } of ranges) {
    if (first % 8 !== 0 || first + second > bodyByteLength) {
      throw new RangeError(`a buffer of ${second} bytes at ${first} in a body of ${bodyByteLength}`);
    }
  }
  return (body: number) => ({
    rowCount,
    nodes,
    buffers: ranges.map(({ first, second }) => ({ byteOffset: body + first, byteLength: second })),
  });
}

/** Walks the schema's fields with a budget, so that shared or circular children cannot multiply. */
function checkFields(fields: FlatTable[], budget: { left: number }, depth = 0): void {
  if (depth > 64) throw new RangeError("fields nested more than 64 deep");
  for (const field of fields) {
    budget.left -= 1;
    if (budget.left < 0) throw new RangeError(`more than ${columnsMax * 4} fields`);
    field.tables(6);
    checkFields(field.tables(5), budget, depth + 1);
  }
}

function malformed(source: ByteSource, byteOffset: number, what: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${source.label}: damaged Arrow data at byte ${byteOffset}: ${what}`,
    {
      details: { byteOffset },
    },
  );
}
