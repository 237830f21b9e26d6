/**
 * Tables and record batches of the apache-arrow library, recognised by their shape: an application's own copy of the library will do,
 * and ours is not needed. Their buffers are looked at where they lie.
 *
 * Of a sliced vector the library has cut the values (for texts, the offsets), but left validity, and the bits of booleans, whole with an
 * offset in bits.
 */
import { MendlineError } from "../../errors.js";
import { type ArrowColumn, layoutOf } from "./arrow-layout.js";
import type { ArrowField, ArrowType } from "./arrow-schema.js";
import type { HeldBatch, HeldColumn } from "./held.js";
import { heldArrowColumn, heldTexts, textAt } from "./held-arrow.js";

/** What is looked at of the library's objects. */
interface LibraryType {
  readonly typeId: number;
  readonly bitWidth?: number;
  readonly isSigned?: boolean;
  readonly precision?: number;
  readonly unit?: number;
  readonly id?: number;
  readonly indices?: LibraryType;
  readonly dictionary?: LibraryType;
}

interface LibraryData {
  readonly length: number;
  readonly offset: number;
  readonly nullCount: number;
  readonly nullBitmap?: Uint8Array | null;
  readonly values?: ArrayBufferView | null;
  readonly valueOffsets?: ArrayBufferView | null;
  readonly children: readonly LibraryData[];
  readonly dictionary?: { readonly data: readonly LibraryData[] } | null;
}

interface LibrarySchema {
  readonly fields: readonly { readonly name: string; readonly type: LibraryType }[];
}

interface LibraryBatch {
  readonly schema: LibrarySchema;
  readonly data: LibraryData;
}

/** A Table of apache-arrow, or a RecordBatch. */
export type ArrowTable =
  | LibraryBatch
  | { readonly schema: LibrarySchema; readonly batches: readonly LibraryBatch[] };

export function isArrowTable(given: object): given is ArrowTable {
  const { schema, batches, data } = given as Partial<Record<"schema" | "batches" | "data", unknown>>;
  if (typeof schema !== "object" || schema === null || !Array.isArray((schema as LibrarySchema).fields))
    return false;
  return Array.isArray(batches) || (typeof data === "object" && data !== null && "children" in data);
}

/** A column of the schema, and where it stands. */
interface Wanted {
  readonly column: ArrowColumn;
  readonly index: number;
}

const nothing = new Uint8Array(0);

/** Reads tables of one application: what a schema's fields mean is found once a schema. */
export class ArrowTables {
  readonly #wanted: readonly string[];
  readonly #known = new WeakMap<LibrarySchema, readonly Wanted[]>();
  readonly #names = new WeakMap<object, readonly (string | null)[]>();

  /** @param wanted  columns of the batches, in this order */
  constructor(wanted: readonly string[]) {
    this.#wanted = wanted;
  }

  /** @throws MendlineError MENDLINE_DATA_SCHEMA, MENDLINE_DATA_MALFORMED */
  *batches(table: ArrowTable, label: string): Generator<HeldBatch> {
    for (const { schema, data } of "batches" in table ? table.batches : [table]) {
      const columns = this.#columnsOf(schema, label).map(({ column, index }) =>
        this.#held(column, data.children[index], data.length, label),
      );
      yield { label, rowCount: data.length, columns };
    }
  }

  #columnsOf(schema: LibrarySchema, label: string): readonly Wanted[] {
    const known = this.#known.get(schema);
    if (known !== undefined) return known;
    const columns = this.#wanted.map((name): Wanted => {
      const index = schema.fields.findIndex((field) => field.name === name);
      const field = schema.fields[index];
      const [column] = field === undefined ? [] : layoutOf([fieldOf(field.name, field.type)]).columns;
      if (column !== undefined) return { column, index };
      const found = schema.fields
        .slice(0, 8)
        .map((one) => one.name)
        .join(", ");
      const what =
        field === undefined
          ? `has no column "${name}"; it has ${found}`
          : `column "${name}" is of a type that has no distribution to watch`;
      throw new MendlineError("MENDLINE_DATA_SCHEMA", `${label} ${what}`, { details: { column: name } });
    });
    this.#known.set(schema, columns);
    return columns;
  }

  #held(column: ArrowColumn, data: LibraryData | undefined, rowCount: number, label: string): HeldColumn {
    if (data === undefined || data.length !== rowCount) {
      throw new MendlineError(
        "MENDLINE_DATA_MALFORMED",
        `${label}: column "${column.field.name}" has ${data?.length ?? 0} rows in a record batch of ${rowCount}`,
      );
    }
    const { storage } = column;
    const isText = storage.kind === "offsets";
    const buffers = {
      rowCount,
      nullCount: data.nullCount,
      validity: bytesOfView(data.nullBitmap),
      values: bytesOfView(isText ? data.valueOffsets : data.values),
      data: isText ? bytesOfView(data.values) : nothing,
      bitOffset: data.offset,
      names: storage.kind === "codes" ? this.#namesOf(data, storage.offsetBytes, label) : [],
    };
    return heldArrowColumn(column, buffers, label);
  }

  /** The library puts a dictionary together from its deltas anew with each batch that brings one, and shares it between the others. */
  #namesOf({ dictionary }: LibraryData, offsetBytes: 4 | 8, label: string): readonly (string | null)[] {
    if (dictionary == null) return [];
    const known = this.#names.get(dictionary);
    if (known !== undefined) return known;
    const broken = (what: string) =>
      new MendlineError("MENDLINE_DATA_MALFORMED", `${label}: damaged Arrow dictionary: ${what}`);
    const names = dictionary.data.flatMap((data) => {
      const { length: rowCount, offset, nullCount, nullBitmap } = data;
      const texts = heldTexts(
        { rowCount, values: bytesOfView(data.valueOffsets), data: bytesOfView(data.values) },
        offsetBytes,
        broken,
      );
      return Array.from({ length: rowCount }, (_, row) => {
        const bit = offset + row;
        const isAbsent = nullCount > 0 && ((nullBitmap![bit >>> 3]! >>> (bit & 7)) & 1) === 0;
        return isAbsent ? null : textAt(texts, row);
      });
    });
    this.#names.set(dictionary, names);
    return names;
  }
}

function bytesOfView(view: ArrayBufferView | null | undefined): Uint8Array {
  return view == null ? nothing : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function fieldOf(name: string, type: LibraryType): ArrowField {
  const { id, indices, dictionary } = type;
  // The library numbers types as Schema.fbs does, and dictionaries -1.
  if (indices !== undefined && dictionary !== undefined) {
    const codes = { id: id ?? 0, codes: typeOf(indices) };
    return { name, type: typeOf(dictionary), dictionary: codes, children: [] };
  }
  return { name, type: typeOf(type), dictionary: null, children: [] };
}

function typeOf({ typeId, bitWidth = 0, isSigned = true, precision = 0, unit = 0 }: LibraryType): ArrowType {
  switch (typeId) {
    case 2:
      return { kind: "int", bitWidth, isSigned };
    case 3:
      return { kind: "float", precision };
    case 5:
      return { kind: "utf8" };
    case 6:
      return { kind: "bool" };
    case 8:
      return { kind: "date", unit };
    case 9:
      return { kind: "time", bitWidth };
    case 10:
      return { kind: "timestamp", unit };
    case 18:
      return { kind: "duration" };
    case 20:
      return { kind: "largeUtf8" };
    default:
      return { kind: "other" };
  }
}
