/**
 * The schema of Arrow data as plain fields, decoded within bounds: of a flatbuffer's parts many can be one and the same, so that a
 * small message could stand for a huge schema. Custom metadata is not looked at.
 * Source: Arrow columnar format, Schema.fbs; the numbers of types and the defaults of absent fields are its.
 */
import { MendlineError } from "../../errors.js";
import { columnsMax } from "../../limits.js";
import type { FlatTable } from "./flat-table.js";

/** Types are told apart as far as their buffers, or what is monitored, differ. */
export type ArrowType =
  | {
      readonly kind:
        | "null"
        | "bool"
        | "binary"
        | "utf8"
        | "largeBinary"
        | "largeUtf8"
        | "struct"
        | "fixedList"
        | "duration";
    }
  | { readonly kind: "int"; readonly bitWidth: number; readonly isSigned: boolean }
  | { readonly kind: "float"; readonly precision: number }
  | { readonly kind: "date" | "timestamp"; readonly unit: number }
  | { readonly kind: "time"; readonly bitWidth: number }
  | { readonly kind: "union"; readonly isDense: boolean }
  /** Validity and values, or validity and offsets: decimals, intervals, lists, maps, binaries of fixed size. */
  | { readonly kind: "other" };

export interface ArrowField {
  readonly name: string;
  /** Of the values; where they are dictionary-encoded, of what the dictionary holds. */
  readonly type: ArrowType;
  readonly dictionary: ArrowDictionary | null;
  readonly children: readonly ArrowField[];
}

export interface ArrowDictionary {
  readonly id: number;
  readonly codes: ArrowType;
}

/** Fields of a schema, nested ones included. */
const fieldsMax = columnsMax * 4;
const depthMax = 64;

/** Types from here on (run-end-encoded, views) have other buffers than those that are read. */
const typeFirstUnread = 22;

interface Budget {
  fields: number;
  nameBytes: number;
}

/**
 * @param metadataByteLength  of the message or footer that holds the schema
 * @throws RangeError  damaged
 * @throws MendlineError MENDLINE_DATA_FORMAT  big-endian, or of a type that is not read
 */
export function parseSchema(schema: FlatTable, metadataByteLength: number, label: string): ArrowField[] {
  if (schema.i16(0) !== 0)
    throw notRead(label, "its numbers are big-endian; write it on a little-endian machine");
  // Parts may be shared, but in no honest file more often than this.
  const budget = { fields: fieldsMax, nameBytes: 4 * metadataByteLength };
  return parseFields(schema.tables(1, budget.fields), budget, 0, label);
}

function parseFields(
  fields: readonly FlatTable[],
  budget: Budget,
  depth: number,
  label: string,
): ArrowField[] {
  if (depth > depthMax) throw new RangeError(`fields nested more than ${depthMax} deep`);
  budget.fields -= fields.length;
  if (budget.fields < 0) throw new RangeError(`more than ${fieldsMax} fields`);
  return fields.map((field) => parseField(field, budget, depth, label));
}

function parseField(field: FlatTable, budget: Budget, depth: number, label: string): ArrowField {
  budget.nameBytes -= field.length(0);
  if (budget.nameBytes < 0) throw new RangeError("names that overlap");
  const name = field.text(0);
  const typeNumber = field.u8(2);
  if (typeNumber >= typeFirstUnread) {
    throw notRead(
      label,
      `column "${name}" is a view or run-end-encoded; cast it to a plain type (pyarrow: .cast(pa.string()), polars: compat_level=CompatLevel.oldest())`,
    );
  }
  const type = parseType(typeNumber, field.table(3), name);
  const children = parseFields(field.tables(5, budget.fields), budget, depth + 1, label);
  return { name, type, dictionary: parseDictionary(field.table(4)), children };
}

function parseDictionary(encoding: FlatTable | null): ArrowDictionary | null {
  if (encoding === null) return null;
  const codes = encoding.table(1);
  // Codes of no stated type are i32.
  return {
    id: encoding.i64(0),
    codes: codes === null ? { kind: "int", bitWidth: 32, isSigned: true } : intOf(codes),
  };
}

function intOf(type: FlatTable): ArrowType {
  return { kind: "int", bitWidth: type.i32(0), isSigned: type.u8(1) !== 0 };
}

/** The union `Type`, in its order. */
function parseType(typeNumber: number, type: FlatTable | null, name: string): ArrowType {
  if (type === null) throw new RangeError(`column "${name}" has no type`);
  switch (typeNumber) {
    case 1:
      return { kind: "null" };
    case 2:
      return intOf(type);
    case 3:
      return { kind: "float", precision: choiceOf(type.i16(0), 3, name) };
    case 4:
      return { kind: "binary" };
    case 5:
      return { kind: "utf8" };
    case 6:
      return { kind: "bool" };
    case 8:
      return { kind: "date", unit: choiceOf(type.i16(0, 1), 2, name) };
    case 9:
      return { kind: "time", bitWidth: type.i32(1, 32) };
    case 10:
      return { kind: "timestamp", unit: choiceOf(type.i16(0), 4, name) };
    case 13:
      return { kind: "struct" };
    case 14:
      return { kind: "union", isDense: type.i16(0) === 1 };
    case 16:
      return { kind: "fixedList" };
    case 18:
      return { kind: "duration" };
    case 19:
      return { kind: "largeBinary" };
    case 20:
      return { kind: "largeUtf8" };
    case 7: // Decimal
    case 11: // Interval
    case 12: // List
    case 15: // FixedSizeBinary
    case 17: // Map
    case 21: // LargeList
      return { kind: "other" };
    default:
      throw new RangeError(`column "${name}" is of type ${typeNumber}`);
  }
}

/** A member of an enumeration, from 0. */
function choiceOf(value: number, choices: number, name: string): number {
  if (value >= 0 && value < choices) return value;
  throw new RangeError(`column "${name}" has unit or precision ${value} where ${choices - 1} is the last`);
}

function notRead(label: string, what: string): MendlineError {
  return new MendlineError("MENDLINE_DATA_FORMAT", `${label}: ${what}`);
}
