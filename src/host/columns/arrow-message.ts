/**
 * One message of Arrow IPC, checked before anything trusts it: a schema, a dictionary batch or a record batch.
 * Source: Arrow columnar format, "Encapsulated message format", and its flatbuffers Message.fbs and Schema.fbs.
 */
import { MendlineError } from "../../errors.js";
import { type ArrowField, parseSchema } from "./arrow-schema.js";
import { FlatTable } from "./flat-table.js";

/** Rows and buffers of a record batch or a dictionary. */
export interface BatchParts {
  readonly rowCount: number;
  readonly nodes: readonly { readonly rowCount: number; readonly nullCount: number }[];
  readonly buffers: readonly BufferRange[];
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
 * @throws MendlineError MENDLINE_DATA_FORMAT  compressed, big-endian, or of a type that is not read
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
  if (batch.table(3) !== null) {
    throw notRead(
      label,
      'its Arrow buffers are compressed; write it uncompressed (pyarrow: compression="uncompressed")',
    );
  }
  const buffers = batch.pairs(2).map(({ first, second }) => ({ byteOffset: first, byteLength: second }));
  for (const { byteOffset, byteLength } of buffers) {
    if (byteOffset % 8 !== 0 || byteOffset + byteLength > bodyByteLength) {
      throw new RangeError(`a buffer of ${byteLength} bytes at ${byteOffset} in a body of ${bodyByteLength}`);
    }
  }
  const nodes = batch.pairs(1).map(({ first, second }) => ({ rowCount: first, nullCount: second }));
  return { rowCount: batch.i64(0), nodes, buffers };
}

function notRead(label: string, what: string): MendlineError {
  return new MendlineError("MENDLINE_DATA_FORMAT", `${label}: ${what}`);
}
