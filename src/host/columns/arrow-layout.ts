/**
 * Which nodes and buffers of a record batch belong to which column. Record batches list them in the pre-order of the schema; how
 * many each type has is fixed by the Arrow columnar format, "Buffer listing for each layout".
 */
import { type Field as ArrowField, DataType, type Schema, TimeUnit, Type } from "apache-arrow";
import { bytesOf, type CodeType, type NumericType, numericTypes } from "../kernels/types.js";
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

export function layoutOf(schema: Schema): Layout {
  const columns: ArrowColumn[] = [];
  let nodeCount = 0;
  let bufferCount = 0;
  const pass = (field: ArrowField): void => {
    nodeCount += 1;
    bufferCount += ownBuffers(field.type as DataType);
    if (!DataType.isDictionary(field.type)) for (const child of field.type.children ?? []) pass(child);
  };
  for (const field of schema.fields) {
    const monitored = monitoredAs(field.type as DataType);
    if (monitored !== null) {
      columns.push({
        // The library has null for a name of no characters.
        field: { name: field.name ?? "", logical: monitored.logical, type: monitored.type },
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

function ownBuffers(type: DataType): number {
  if (DataType.isDictionary(type)) return 2;
  if (DataType.isNull(type)) return 0;
  if (DataType.isStruct(type) || DataType.isFixedSizeList(type)) return 1;
  if (DataType.isUnion(type)) return type.typeId === Type.Union && type.mode === 1 ? 2 : 1;
  if (DataType.isUtf8(type) || DataType.isBinary(type)) return 3;
  if (DataType.isLargeUtf8(type) || DataType.isLargeBinary(type)) return 3;
  return 2;
}

interface Monitored {
  readonly logical: Logical;
  readonly type: NumericType | null;
  readonly storage: Storage;
}

function direct(logical: Logical, type: NumericType): Monitored {
  return { logical, type, storage: { kind: "direct", type } };
}

/** Null for types that have no distribution to watch (lists, structs, decimals, binary, …). */
function monitoredAs(type: DataType): Monitored | null {
  if (DataType.isDictionary(type)) {
    const isText = DataType.isUtf8(type.dictionary) || DataType.isLargeUtf8(type.dictionary);
    const codeType = integerType(type.indices);
    if (!isText || codeType === null || codeType === "i64" || codeType === "u64") return null;
    return {
      logical: "text",
      type: null,
      storage: {
        kind: "codes",
        type: codeType,
        dictionaryId: type.id,
        offsetBytes: DataType.isUtf8(type.dictionary) ? 4 : 8,
      },
    };
  }
  if (DataType.isUtf8(type))
    return { logical: "text", type: null, storage: { kind: "offsets", offsetBytes: 4 } };
  if (DataType.isLargeUtf8(type))
    return { logical: "text", type: null, storage: { kind: "offsets", offsetBytes: 8 } };
  if (DataType.isBool(type)) return { logical: "boolean", type: "u8", storage: { kind: "bits" } };
  if (DataType.isInt(type)) {
    const stored = integerType(type);
    return stored === null ? null : direct("integer", stored);
  }
  if (DataType.isFloat(type)) {
    if (type.precision === 0) return { logical: "float", type: "f32", storage: { kind: "half" } };
    return direct("float", type.precision === 1 ? "f32" : "f64");
  }
  if (DataType.isDate(type)) return direct("date", type.unit === 0 ? "i32" : "i64");
  if (DataType.isTimestamp(type)) return direct(timestampOf(type.unit), "i64");
  if (DataType.isTime(type)) return direct("integer", type.bitWidth === 32 ? "i32" : "i64");
  if (DataType.isDuration(type)) return direct("integer", "i64");
  return null;
}

/** Null for what is no integer, or one of a width that only damaged data has. */
function integerType(type: DataType): Exclude<NumericType, "f32" | "f64"> | null {
  if (!DataType.isInt(type)) return null;
  const stored = `${type.isSigned ? "i" : "u"}${type.bitWidth}` as Exclude<NumericType, "f32" | "f64">;
  return numericTypes.includes(stored) ? stored : null;
}

function timestampOf(unit: TimeUnit): Logical {
  if (unit === TimeUnit.SECOND) return "timestamp[s]";
  if (unit === TimeUnit.MILLISECOND) return "timestamp[ms]";
  return unit === TimeUnit.MICROSECOND ? "timestamp[us]" : "timestamp[ns]";
}
