/**
 * One message of Arrow IPC, checked before anything trusts it: a schema, a dictionary batch or a record batch.
 * Source: Arrow columnar format, "Encapsulated message format", and its flatbuffers Message.fbs and Schema.fbs.
 */
import { MendlineError } from "../../errors.js";
import { columnsMax } from "../../limits.js";
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
  | { readonly kind: "schema" }
  | { readonly kind: "dictionary"; readonly dictionary: DictionaryParts }
  | { readonly kind: "batch"; readonly batch: BatchParts }
);

const headerSchema = 1;
const headerDictionary = 2;
const headerBatch = 3;

/** Fields of a schema, nested ones included, and entries of its custom metadata. */
const fieldsMax = columnsMax * 4;
const depthMax = 64;

/** Types from here on (run-end-encoded, views) have other buffers than those that are read. */
const typeTimestamp = 10;
const typeUnion = 14;
const typeFirstUnread = 22;

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
    checkSchema(content, metadata.byteLength, label);
    return { kind: "schema", bodyByteLength };
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

interface Budget {
  tables: number;
  textBytes: number;
}

/** What a schema may make its decoder do, so that shared or circular parts cannot multiply. */
function checkSchema(schema: FlatTable, metadataByteLength: number, label: string): void {
  if (schema.u8(0) !== 0)
    throw notRead(label, "its numbers are big-endian; write it on a little-endian machine");
  // Parts may be shared, but in no honest file more often than this.
  const budget = { tables: fieldsMax, textBytes: 4 * metadataByteLength };
  checkTexts(schema, 2, budget);
  checkFields(schema.tables(1, budget.tables), budget, 0, label);
}

function checkFields(fields: readonly FlatTable[], budget: Budget, depth: number, label: string): void {
  if (depth > depthMax) throw new RangeError(`fields nested more than ${depthMax} deep`);
  spend(budget, fields.length, 0);
  for (const field of fields) {
    spend(budget, 0, field.length(0));
    const type = field.u8(2);
    if (type >= typeFirstUnread) {
      throw notRead(
        label,
        `column "${field.text(0)}" is a view or run-end-encoded; cast it to a plain type (pyarrow: .cast(pa.string()), polars: compat_level=CompatLevel.oldest())`,
      );
    }
    // A time zone's name, a union's type ids.
    if (type === typeTimestamp || type === typeUnion) spend(budget, 0, 4 * (field.table(3)?.length(1) ?? 0));
    checkTexts(field, 6, budget);
    checkFields(field.tables(5, budget.tables), budget, depth + 1, label);
  }
}

/** Custom metadata: a vector of tables of a key and a value. */
function checkTexts(table: FlatTable, field: number, budget: Budget): void {
  const entries = table.tables(field, budget.tables);
  spend(budget, entries.length, 0);
  for (const entry of entries) spend(budget, 0, entry.length(0) + entry.length(1));
}

function spend(budget: Budget, tables: number, textBytes: number): void {
  budget.tables -= tables;
  budget.textBytes -= textBytes;
  if (budget.tables < 0) throw new RangeError(`more than ${fieldsMax} fields`);
  if (budget.textBytes < 0) throw new RangeError("texts that overlap");
}

function notRead(label: string, what: string): MendlineError {
  return new MendlineError("MENDLINE_DATA_FORMAT", `${label}: ${what}`);
}
