/**
 * Which nodes and buffers of a record batch belong to which column. Record batches list them in the pre-order of the schema; how
 * many each type has is fixed by the Arrow columnar format, "Buffer listing for each layout".
 */
import { bytesOf, type CodeType, type NumericType, numericTypes } from "../kernels/types.js";
import type { ArrowDictionary, ArrowField, ArrowType } from "./arrow-schema.js";
import type { Field, Logical } from "./column.js";

/** How a column's values buffer becomes a column. */
export type Storage =
  | { readonly kind: "direct"; readonly type: NumericType }
  | { readonly kind: "bits" }
  | { readonly kind: "half" }
  | { readonly kind: "offsets"; readonly offsetBytes: 4 | 8 }
  | {
      readonly kind: "codes";
      readonly type: CodeType;
      readonly dictionaryId: number;
      /** Of the dictionary's texts. */
      readonly offsetBytes: 4 | 8;
    };

export interface ArrowColumn {
  readonly field: Field;
  readonly storage: Storage;
  readonly nodeIndex: number;
  /** Of the validity buffer; values (or offsets, then data) follow it. */
  readonly bufferIndex: number;
}

export interface Layout {
  readonly columns: ArrowColumn[];
  readonly nodeCount: number;
  readonly bufferCount: number;
}

export function layoutOf(fields: readonly ArrowField[]): Layout {
  const columns: ArrowColumn[] = [];
  let nodeCount = 0;
  let bufferCount = 0;
  const pass = (field: ArrowField): void => {
    nodeCount += 1;
    bufferCount += ownBuffers(field);
    // What a dictionary holds lies in its own message.
    if (field.dictionary === null) for (const child of field.children) pass(child);
  };
  for (const field of fields) {
    const monitored =
      field.dictionary === null ? monitoredAs(field.type) : monitoredCodes(field.dictionary, field.type);
    if (monitored !== null) {
      columns.push({
        field: { name: field.name, logical: monitored.logical, type: monitored.type },
        storage: monitored.storage,
        nodeIndex: nodeCount,
        bufferIndex: bufferCount,
      });
    }
    pass(field);
  }
  return { columns, nodeCount, bufferCount };
}

/** Bytes that the values buffer (of texts, the offsets buffer) must have for so many rows. */
export function storedBytes(storage: Storage, rowCount: number): number {
  if (storage.kind === "bits") return Math.ceil(rowCount / 8);
  if (storage.kind === "half") return rowCount * 2;
  if (storage.kind === "offsets") return rowCount === 0 ? 0 : (rowCount + 1) * storage.offsetBytes;
  return rowCount * bytesOf(storage.type);
}

function ownBuffers({ type, dictionary }: ArrowField): number {
  if (dictionary !== null) return 2;
  switch (type.kind) {
    case "null":
      return 0;
    case "struct":
    case "fixedList":
      return 1;
    case "union":
      return type.isDense ? 2 : 1;
    case "utf8":
    case "binary":
    case "largeUtf8":
    case "largeBinary":
      return 3;
    default:
      return 2;
  }
}

interface Monitored {
  readonly logical: Logical;
  readonly type: NumericType | null;
  readonly storage: Storage;
}

function direct(logical: Logical, type: NumericType): Monitored {
  return { logical, type, storage: { kind: "direct", type } };
}

/** The order of TimeUnit in Schema.fbs. */
const timestamps: readonly Logical[] = ["timestamp[s]", "timestamp[ms]", "timestamp[us]", "timestamp[ns]"];

/** Texts by code; null where the dictionary holds something else. */
function monitoredCodes({ id, codes }: ArrowDictionary, names: ArrowType): Monitored | null {
  const type = integerType(codes);
  if (names.kind !== "utf8" && names.kind !== "largeUtf8") return null;
  if (type === null || type === "i64" || type === "u64") return null;
  const offsetBytes = names.kind === "utf8" ? 4 : 8;
  return { logical: "text", type: null, storage: { kind: "codes", type, dictionaryId: id, offsetBytes } };
}

/** Null for types that have no distribution to watch (lists, structs, decimals, binary, …). */
function monitoredAs(type: ArrowType): Monitored | null {
  switch (type.kind) {
    case "utf8":
      return { logical: "text", type: null, storage: { kind: "offsets", offsetBytes: 4 } };
    case "largeUtf8":
      return { logical: "text", type: null, storage: { kind: "offsets", offsetBytes: 8 } };
    case "bool":
      return { logical: "boolean", type: "u8", storage: { kind: "bits" } };
    case "int": {
      const stored = integerType(type);
      return stored === null ? null : direct("integer", stored);
    }
    case "float":
      if (type.precision === 0) return { logical: "float", type: "f32", storage: { kind: "half" } };
      return direct("float", type.precision === 1 ? "f32" : "f64");
    case "date":
      return direct("date", type.unit === 0 ? "i32" : "i64");
    case "timestamp":
      return direct(timestamps[type.unit]!, "i64");
    case "time":
      return direct("integer", type.bitWidth === 32 ? "i32" : "i64");
    case "duration":
      return direct("integer", "i64");
    default:
      return null;
  }
}

/** Null for what is no integer, or one of a width that only damaged data has. */
function integerType(type: ArrowType): Exclude<NumericType, "f32" | "f64"> | null {
  if (type.kind !== "int") return null;
  const stored = `${type.isSigned ? "i" : "u"}${type.bitWidth}` as Exclude<NumericType, "f32" | "f64">;
  return numericTypes.includes(stored) ? stored : null;
}
