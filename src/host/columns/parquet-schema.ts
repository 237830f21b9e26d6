/** Which columns of a Parquet schema can be monitored, and how their values are stored. */
import type { FileMetaData, SchemaElement } from "hyparquet";
import type { NumericType } from "../kernels/types.js";
import type { Field, Logical } from "./column.js";

export type ParquetType = NonNullable<SchemaElement["type"]>;

/** How a page's values become those of a column. */
export type ParquetStorage =
  /** The bytes are the values; narrower types are stored as INT32 and cut to size. */
  | { readonly kind: "direct"; readonly type: NumericType }
  | { readonly kind: "boolean" }
  | { readonly kind: "half" }
  | { readonly kind: "int96" }
  | { readonly kind: "decimal"; readonly scale: number }
  | { readonly kind: "text" };

export interface ParquetColumn {
  readonly field: Field;
  readonly storage: ParquetStorage;
  readonly physical: ParquetType;
  /** Bytes of a value of FIXED_LEN_BYTE_ARRAY, else 0. */
  readonly fixedBytes: number;
  readonly isOptional: boolean;
  /** Position among the leaves of the schema, which is that of its chunks in a row group. */
  readonly leafIndex: number;
}

/**
 * The flat columns that have a distribution to watch: no lists, structs, binary data, JSON or UUIDs.
 *
 * The schema is a tree listed in pre-order, the root first; it is walked without recursion, however deep it claims to be.
 *
 * @throws RangeError  an element announces children that are not there
 */
export function columnsOf({ schema }: FileMetaData): ParquetColumn[] {
  const columns: ParquetColumn[] = [];
  let leafIndex = 0;
  let at = 1;
  for (let left = schema[0]?.num_children ?? 0; left > 0; left--) {
    const { end, leafCount } = subtreeOf(schema, at);
    const column = end === at + 1 ? columnOf(schema[at]!, leafIndex) : null;
    if (column !== null) columns.push(column);
    at = end;
    leafIndex += leafCount;
  }
  return columns;
}

function subtreeOf(schema: readonly SchemaElement[], start: number): { end: number; leafCount: number } {
  let end = start;
  let leafCount = 0;
  for (let pending = 1; pending > 0; pending--) {
    const element = schema[end++];
    if (element === undefined)
      throw new RangeError(`its schema has ${schema.length} elements and announces more`);
    pending += Math.max(0, element.num_children ?? 0);
    if (element.type !== undefined) leafCount += 1;
  }
  return { end, leafCount };
}

function columnOf(element: SchemaElement, leafIndex: number): ParquetColumn | null {
  const monitored = monitoredAs(element);
  if (monitored === null || element.type === undefined || element.repetition_type === "REPEATED") return null;
  if (element.name === undefined) throw new RangeError("a column without a name");
  return {
    field: { name: element.name, logical: monitored.logical, type: monitored.type },
    storage: monitored.storage,
    physical: element.type,
    fixedBytes: element.type === "FIXED_LEN_BYTE_ARRAY" ? (element.type_length ?? 0) : 0,
    isOptional: element.repetition_type === "OPTIONAL",
    leafIndex,
  };
}

interface Monitored {
  readonly logical: Logical;
  readonly type: NumericType | null;
  readonly storage: ParquetStorage;
}

function direct(logical: Logical, type: NumericType): Monitored {
  return { logical, type, storage: { kind: "direct", type } };
}

function monitoredAs(element: SchemaElement): Monitored | null {
  const decimal = decimalOf(element);
  if (decimal !== null) return decimal;
  switch (element.type) {
    case "BOOLEAN":
      return { logical: "boolean", type: "u8", storage: { kind: "boolean" } };
    case "INT32":
      return monitoredInt32(element);
    case "INT64":
      return monitoredInt64(element);
    case "INT96":
      return { logical: "timestamp[ns]", type: "i64", storage: { kind: "int96" } };
    case "FLOAT":
      return direct("float", "f32");
    case "DOUBLE":
      return direct("float", "f64");
    case "BYTE_ARRAY":
      return isText(element) ? { logical: "text", type: null, storage: { kind: "text" } } : null;
    case "FIXED_LEN_BYTE_ARRAY":
      if (element.logical_type?.type !== "FLOAT16" || element.type_length !== 2) return null;
      return { logical: "float", type: "f32", storage: { kind: "half" } };
    default:
      return null;
  }
}

/** Decimals become f64: their ratios and order are kept, digits beyond the sixteenth are not. */
function decimalOf({ type, type_length, ...element }: SchemaElement): Monitored | null {
  const annotated = element.logical_type?.type === "DECIMAL" ? element.logical_type : null;
  if (annotated === null && element.converted_type !== "DECIMAL") return null;
  if (type === "FIXED_LEN_BYTE_ARRAY" && !((type_length ?? 0) > 0)) return null;
  const scale = annotated?.scale ?? element.scale ?? 0;
  return { logical: "float", type: "f64", storage: { kind: "decimal", scale } };
}

function monitoredInt32({
  logical_type: logical,
  converted_type: converted,
}: SchemaElement): Monitored | null {
  if (logical?.type === "NULL") return null;
  if (logical?.type === "DATE" || converted === "DATE") return direct("date", "i32");
  if (logical?.type === "INTEGER") {
    const { bitWidth, isSigned } = logical;
    if (bitWidth === 8) return direct("integer", isSigned ? "i8" : "u8");
    if (bitWidth === 16) return direct("integer", isSigned ? "i16" : "u16");
    return direct("integer", isSigned ? "i32" : "u32");
  }
  return direct("integer", narrowTypes.get(converted ?? "") ?? "i32");
}

const narrowTypes: ReadonlyMap<string, NumericType> = new Map([
  ["INT_8", "i8"],
  ["INT_16", "i16"],
  ["UINT_8", "u8"],
  ["UINT_16", "u16"],
  ["UINT_32", "u32"],
]);

function monitoredInt64({
  logical_type: logical,
  converted_type: converted,
}: SchemaElement): Monitored | null {
  if (logical?.type === "NULL") return null;
  if (logical?.type === "TIMESTAMP") {
    if (logical.unit === "NANOS") return direct("timestamp[ns]", "i64");
    return direct(logical.unit === "MICROS" ? "timestamp[us]" : "timestamp[ms]", "i64");
  }
  if (converted === "TIMESTAMP_MILLIS") return direct("timestamp[ms]", "i64");
  if (converted === "TIMESTAMP_MICROS") return direct("timestamp[us]", "i64");
  const isUnsigned = logical?.type === "INTEGER" ? !logical.isSigned : converted === "UINT_64";
  return direct("integer", isUnsigned ? "u64" : "i64");
}

function isText({ logical_type: logical, converted_type: converted }: SchemaElement): boolean {
  return (
    logical?.type === "STRING" || logical?.type === "ENUM" || converted === "UTF8" || converted === "ENUM"
  );
}
