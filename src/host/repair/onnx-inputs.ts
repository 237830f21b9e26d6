/** How labelled columns are fed to an ONNX graph: which input takes what, in which element type, how many rows at a time. */
import type { InferenceSession } from "onnxruntime-web";
import { MendlineError } from "../../errors.js";
import { judgeBatchCellsMax, judgeBatchRowsMax } from "../../limits.js";
import type { LabelledData } from "./labelled-data.js";

/** What a graph needs to know of labelled data. */
export type JudgeRows = Pick<
  LabelledData,
  "source" | "rowCount" | "features" | "columns" | "texts" | "rowNumbers"
>;

type ElementArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A tensor before a runtime has made it its own. */
export interface Feed {
  readonly input: string;
  readonly type: ElementType;
  readonly data: ElementArray;
  readonly dims: readonly number[];
}

export interface InputPlan {
  /** Rows of one call. */
  readonly batchRows: number;
  /** Whether the graph takes exactly `batchRows` rows: then the last batch is filled up with its last row. */
  readonly isFixed: boolean;
  feeds(from: number, rowCount: number): Feed[];
}

const elementTypes = {
  float32: { array: Float32Array, whole: false, lowest: -Infinity, highest: Infinity },
  float64: { array: Float64Array, whole: false, lowest: -Infinity, highest: Infinity },
  int8: { array: Int8Array, whole: true, lowest: -(2 ** 7), highest: 2 ** 7 - 1 },
  uint8: { array: Uint8Array, whole: true, lowest: 0, highest: 2 ** 8 - 1 },
  int16: { array: Int16Array, whole: true, lowest: -(2 ** 15), highest: 2 ** 15 - 1 },
  uint16: { array: Uint16Array, whole: true, lowest: 0, highest: 2 ** 16 - 1 },
  int32: { array: Int32Array, whole: true, lowest: -(2 ** 31), highest: 2 ** 31 - 1 },
  uint32: { array: Uint32Array, whole: true, lowest: 0, highest: 2 ** 32 - 1 },
  // Beyond 2^53 the columns' doubles have lost digits already.
  int64: { array: BigInt64Array, whole: true, lowest: -(2 ** 53), highest: 2 ** 53 },
  uint64: { array: BigUint64Array, whole: true, lowest: 0, highest: 2 ** 53 },
  bool: { array: Uint8Array, whole: true, lowest: 0, highest: 1 },
} as const;
type ElementType = keyof typeof elementTypes;

/** One input and the columns that it takes, in order. */
interface Slot {
  readonly input: string;
  readonly type: ElementType;
  /** Indices into the columns. */
  readonly columns: readonly number[];
  /** 2 = [rows, columns], 1 = [rows]. */
  readonly rank: 1 | 2;
}

/**
 * One input of shape [rows, features] takes the features in order; inputs named as features take one each.
 *
 * @throws MendlineError MENDLINE_REPAIR_VALIDATOR  the inputs are neither: names them
 */
export function planInputs(inputs: readonly InferenceSession.ValueMetadata[], rows: JudgeRows): InputPlan {
  const slots = matrixSlot(inputs, rows) ?? namedSlots(inputs, rows);
  if (slots === null) throw unfitting(inputs, rows);
  for (const slot of slots) refuseTexts(slot, rows);
  const { batchRows, isFixed } = batchOf(inputs, slots);
  return {
    batchRows,
    isFixed,
    feeds: (from, rowCount) => slots.map((slot) => feedOf(slot, rows, from, isFixed ? batchRows : rowCount)),
  };
}

function matrixSlot(inputs: readonly InferenceSession.ValueMetadata[], rows: JudgeRows): Slot[] | null {
  const [input] = inputs;
  if (inputs.length !== 1 || !input?.isTensor || !isElementType(input.type)) return null;
  const width = sizeOf(input.shape[1]);
  const fits = width === null ? !rows.features.includes(input.name) : width === rows.features.length;
  // An empty shape is one that the graph leaves open.
  if (input.shape.length !== 0 && !(input.shape.length === 2 && fits)) return null;
  if (input.shape.length === 0 && rows.features.includes(input.name)) return null;
  return [{ input: input.name, type: input.type, columns: rows.features.map((_, index) => index), rank: 2 }];
}

function namedSlots(inputs: readonly InferenceSession.ValueMetadata[], rows: JudgeRows): Slot[] | null {
  const slots: Slot[] = [];
  for (const input of inputs) {
    const column = rows.features.indexOf(input.name);
    if (column < 0 || !input.isTensor || !isElementType(input.type) || input.shape.length > 2) return null;
    if (input.shape.length === 2 && (sizeOf(input.shape[1]) ?? 1) !== 1) return null;
    slots.push({
      input: input.name,
      type: input.type,
      columns: [column],
      rank: input.shape.length === 1 ? 1 : 2,
    });
  }
  return slots.length > 0 ? slots : null;
}

function batchOf(
  inputs: readonly InferenceSession.ValueMetadata[],
  slots: readonly Slot[],
): { batchRows: number; isFixed: boolean } {
  const cellsPerRow = slots.reduce((sum, slot) => sum + slot.columns.length, 0);
  const fitting = Math.max(1, Math.min(judgeBatchRowsMax, Math.floor(judgeBatchCellsMax / cellsPerRow)));
  const fixed = new Set(inputs.map((input) => (input.isTensor ? sizeOf(input.shape[0]) : null)));
  fixed.delete(null);
  if (fixed.size === 0) return { batchRows: fitting, isFixed: false };
  const [batchRows] = fixed;
  if (fixed.size > 1 || batchRows! < 1 || batchRows! * cellsPerRow > judgeBatchCellsMax) {
    throw new MendlineError(
      "MENDLINE_REPAIR_VALIDATOR",
      `the model takes ${[...fixed].join(" and ")} rows at a time: export it with an open first dimension`,
      { details: { inputs: inputs.map(describe), cellsMax: judgeBatchCellsMax } },
    );
  }
  return { batchRows: batchRows!, isFixed: true };
}

/** Rows past the last one repeat it: a fixed batch has to be full. */
function feedOf(slot: Slot, rows: JudgeRows, from: number, rowCount: number): Feed {
  const { input, type, columns, rank } = slot;
  const element = elementTypes[type];
  const width = columns.length;
  const data = new element.array(rowCount * width);
  columns.forEach((column, at) => {
    const values = rows.columns[column]!;
    for (let i = 0; i < rowCount; i++) {
      const row = Math.min(from + i, rows.rowCount - 1);
      const value = values[row]!;
      if (
        element.whole &&
        !(Number.isInteger(value) && value >= element.lowest && value <= element.highest)
      ) {
        throw unfittingValue(slot, rows, column, row);
      }
      if (data instanceof BigInt64Array || data instanceof BigUint64Array)
        data[i * width + at] = BigInt(value);
      else data[i * width + at] = value;
    }
  });
  return { input, type, data, dims: rank === 1 ? [rowCount] : [rowCount, width] };
}

/** A named dimension is open, and so is one without a name: -1, which onnxruntime-web tells as 2^32 - 1. */
function sizeOf(dimension: number | string | undefined): number | null {
  return typeof dimension === "number" && dimension >= 0 && dimension < 2 ** 32 - 1 ? dimension : null;
}

function isElementType(type: string): type is ElementType {
  return Object.hasOwn(elementTypes, type);
}

/** A value of a graph as people write it: `features float32[rows, 4]`. */
export function describe(value: InferenceSession.ValueMetadata): string {
  if (!value.isTensor) return `${value.name} (no tensor)`;
  const dims = value.shape
    .map((size) => (typeof size === "string" && size !== "" ? size : (sizeOf(size) ?? "?")))
    .join(", ");
  return `${value.name} ${value.type}[${dims}]`;
}

function unfitting(inputs: readonly InferenceSession.ValueMetadata[], rows: JudgeRows): MendlineError {
  const { features } = rows;
  return new MendlineError(
    "MENDLINE_REPAIR_VALIDATOR",
    `the model's inputs are ${inputs.map(describe).join(", ") || "none"}, where one of numbers [rows, ${features.length}], or inputs named as the features ${features.join(", ")}, are fed: name the features in the model's order, or use --validator`,
    { details: { inputs: inputs.map(describe), features } },
  );
}

function refuseTexts(slot: Slot, rows: JudgeRows): void {
  const column = slot.columns.find((index) => rows.texts[index] !== null);
  if (column === undefined) return;
  throw new MendlineError(
    "MENDLINE_REPAIR_VALIDATOR",
    `${rows.source}: feature ${rows.features[column]} holds texts, but the model's input ${slot.input} takes ${slot.type}: encode it as the model expects, or use --validator`,
    { details: { file: rows.source, feature: rows.features[column], input: slot.input, type: slot.type } },
  );
}

function unfittingValue(slot: Slot, rows: JudgeRows, column: number, row: number): MendlineError {
  const value = rows.columns[column]![row]!;
  const said = Number.isNaN(value) ? "missing" : String(value);
  return new MendlineError(
    "MENDLINE_REPAIR_VALIDATOR",
    `${rows.source}: row ${rows.rowNumbers[row]}: feature ${rows.features[column]} is ${said}, but the model's input ${slot.input} takes ${slot.type}: leave such rows out, or use --validator`,
    {
      details: {
        file: rows.source,
        row: rows.rowNumbers[row],
        feature: rows.features[column],
        type: slot.type,
      },
    },
  );
}
