/**
 * One message of Arrow IPC, checked before anything trusts it: a schema, a dictionary batch or a record batch.
 * Source: Arrow columnar format, "Encapsulated message format", and its flatbuffers Message.fbs and Schema.fbs.
 */
import { MendlineError } from "../../errors.js";
import { type ArrowField, parseSchema } from "./arrow-schema.js";
import { FlatTable } from "./flat-table.js";

/** How the buffers of a body are packed, each for itself. */
export type ArrowCodec = "lz4" | "zstd";

/** Rows and buffers of a record batch or a dictionary. */
export interface BatchParts {
  readonly rowCount: number;
  readonly nodes: readonly { readonly rowCount: number; readonly nullCount: number }[];
  readonly buffers: readonly BufferRange[];
  /** Null where they are stored as they are. */
  readonly codec: ArrowCodec | null;
}

/** Where one buffer lies: in the body, or in the source once `placed`. */
export interface BufferRange {
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface DictionaryParts extends BatchParts {
  readonly id: number;
  /** Whether its names follow those that are there, instead of replacing them. */
  readonly isDelta: boolean;
}

export type Message = { readonly bodyByteLength: number } & (
  | { readonly kind: "schema"; readonly fields: readonly ArrowField[] }
  | { readonly kind: "dictionary"; readonly dictionary: DictionaryParts }
  | { readonly kind: "batch"; readonly batch: BatchParts }
);

const headerSchema = 1;
const headerDictionary = 2;
const headerBatch = 3;

/**
 * @throws RangeError  damaged
 * @throws MendlineError MENDLINE_DATA_FORMAT  of an unknown compression, big-endian, or of a type that is not read
 */
export function parseMessage(metadata: Uint8Array, label: string): Message {
  const message = FlatTable.root(metadata);
  const header = message.u8(1);
  const bodyByteLength = message.i64(3);
  const content = message.table(2);
  if (content === null) throw new RangeError("a message without content");
  if (bodyByteLength % 8 !== 0) throw new RangeError(`a body of ${bodyByteLength} bytes`);
  if (header === headerSchema) {
    return { kind: "schema", bodyByteLength, fields: parseSchema(content, metadata.byteLength, label) };
  }
  if (header === headerBatch) {
    return { kind: "batch", bodyByteLength, batch: parseBatch(content, bodyByteLength, label) };
  }
  if (header !== headerDictionary) throw new RangeError(`a message of kind ${header}`);
  const names = content.table(1);
  if (names === null) throw new RangeError("a dictionary without its values");
  const batch = parseBatch(names, bodyByteLength, label);
  return {
    kind: "dictionary",
    bodyByteLength,
    dictionary: { ...batch, id: content.i64(0), isDelta: content.u8(2) !== 0 },
  };
}

/** Whether a message is of data, and compressed; false where it is damaged. */
export function isPackedMessage(metadata: Uint8Array): boolean {
  try {
    const message = FlatTable.root(metadata);
    const content = message.table(2);
    const batch = message.u8(1) === headerDictionary ? content?.table(1) : content;
    return message.u8(1) !== headerSchema && (batch?.table(3) ?? null) !== null;
  } catch (thrown) {
    if (thrown instanceof RangeError) return false;
    throw thrown;
  }
}

/** The same parts with buffers as ranges of the source that holds the body at `bodyByteOffset`. */
export function placed<T extends BatchParts>(parts: T, bodyByteOffset: number): T {
  return {
    ...parts,
    buffers: parts.buffers.map(({ byteOffset, byteLength }) => ({
      byteOffset: bodyByteOffset + byteOffset,
      byteLength,
    })),
  };
}

function parseBatch(batch: FlatTable, bodyByteLength: number, label: string): BatchParts {
  const buffers = batch.pairs(2).map(({ first, second }) => ({ byteOffset: first, byteLength: second }));
  for (const { byteOffset, byteLength } of buffers) {
    // Where a buffer of no bytes begins does not matter, and not all writers align it.
    if ((byteOffset % 8 !== 0 && byteLength > 0) || byteOffset + byteLength > bodyByteLength) {
      throw new RangeError(`a buffer of ${byteLength} bytes at ${byteOffset} in a body of ${bodyByteLength}`);
    }
  }
  const nodes = batch.pairs(1).map(({ first, second }) => ({ rowCount: first, nullCount: second }));
  return { rowCount: batch.i64(0), nodes, buffers, codec: codecOf(batch, label) };
}

const codecs: readonly ArrowCodec[] = ["lz4", "zstd"];

function codecOf(batch: FlatTable, label: string): ArrowCodec | null {
  const compression = batch.table(3);
  if (compression === null) return null;
  const codec = codecs[compression.u8(0)];
  if (codec !== undefined && compression.u8(1) === 0) return codec;
  throw notRead(
    label,
    'its Arrow buffers are compressed in a way that is not read; write them with lz4, zstd or uncompressed (pyarrow: compression="lz4")',
  );
}

function notRead(label: string, what: string): MendlineError {
  return new MendlineError("MENDLINE_DATA_FORMAT", `${label}: ${what}`);
}
