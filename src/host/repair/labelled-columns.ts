/** Which columns labelled data needs, and what is refused before a row is read. */
import { MendlineError } from "../../errors.js";
import { labelledBytesMax, labelledRowsMax } from "../../limits.js";
import type { DataSource } from "../columns/column.js";

export interface LabelledColumns {
  readonly features: readonly string[];
  readonly label: string;
  /** Column of the rows' weights; null or absent: all count the same. */
  readonly weight?: string | null;
}

/** All columns that are read, in order. */
export function columnsOf({ features, label, weight }: LabelledColumns): string[] {
  return [...features, label, ...(weight == null ? [] : [weight])];
}

/** What `readLabelled` would refuse before it reads. @throws MendlineError  as there */
export function checkLabelled(source: DataSource, options: LabelledColumns): void {
  checkColumns(source, options);
  checkSize(source, options.features.length);
}

/** @throws MendlineError MENDLINE_DATA_SCHEMA, MENDLINE_ARGUMENT_INVALID */
export function checkFeatures(source: DataSource, features: readonly string[]): void {
  refuseNone(features);
  const missing = features.filter((name) => !source.fields.some((field) => field.name === name));
  if (missing.length === 0) return;
  throw new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `${source.label}: the feature column ${missing.join(", ")} is missing; it has ${source.fields.map((field) => field.name).join(", ")}`,
    { details: { file: source.label, missing } },
  );
}

function checkColumns(source: DataSource, options: LabelledColumns): void {
  const { features, label, weight = null } = options;
  refuseNone(features);
  const names = columnsOf(options);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `column ${twice} is named twice among features, label and weight`,
    );
  }
  const missing = names.filter((name) => !source.fields.some((field) => field.name === name));
  if (missing.length > 0) {
    const what = missing[0] === label ? "label" : missing[0] === weight ? "weight" : "feature";
    throw new MendlineError(
      "MENDLINE_DATA_SCHEMA",
      `${source.label}: the ${what} column ${missing.join(", ")} is missing; it has ${source.fields.map((field) => field.name).join(", ")}`,
      { details: { file: source.label, missing } },
    );
  }
  if (weight !== null && source.fields.find((field) => field.name === weight)!.type === null) {
    throw new MendlineError(
      "MENDLINE_REPAIR_LABELS",
      `${source.label}: the weight column ${weight} holds texts: write numbers above 0`,
      { details: { file: source.label, weight } },
    );
  }
  if (source.fields.find((field) => field.name === label)!.type === null) {
    throw new MendlineError(
      "MENDLINE_REPAIR_LABELS",
      `${source.label}: the label column ${label} holds texts: write class indices (0, 1, 2, …) in the order of the model's outputs`,
      { details: { file: source.label, label } },
    );
  }
}

export function checkSize(source: DataSource, featureCount: number): void {
  const byteLength = source.rowCount * (8 * (featureCount + 1) + 4);
  if (source.rowCount <= labelledRowsMax && byteLength <= labelledBytesMax) return;
  throw new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `${source.label}: ${source.rowCount} labelled rows take ${byteLength} bytes; at most ${labelledRowsMax} rows and ${labelledBytesMax} bytes are judged: take a sample`,
    { details: { rows: source.rowCount, rowsMax: labelledRowsMax, byteLength, bytesMax: labelledBytesMax } },
  );
}

function refuseNone(features: readonly string[]): void {
  if (features.length > 0) return;
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    "no features are named: add --features a,b to the model",
  );
}
