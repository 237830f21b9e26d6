/**
 * What the cells of a text format say about their column's type: the lattice that CSV and NDJSON share.
 *
 *     nothing present < boolean | integer < float < text          boolean beside numbers is text
 *
 * A column's evidence is a set of the bits below: it does not depend on the order of the rows. Cells are parsed again, by the type
 * found, when the source is read.
 */
import type { Cell } from "./batch-builder.js";
import type { Field } from "./column.js";

export const sawNothing = 0;
export const sawBoolean = 1;
export const sawInteger = 2;
export const sawFloat = 4;
export const sawText = 8;
/** JSON strings that stand for NaN and the infinities: numbers beside numbers, else texts. */
export const sawNanWord = 16;
export const sawInfinityWord = 32;

const sawNumber = sawInteger | sawFloat;

const wholePattern = /^[ \t]*[+-]?\d+[ \t]*$/;
// One way to match each text, so that a hostile cell of megabytes takes linear time.
const decimalPattern = /^[ \t]*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[ \t]*$/;
const infinityPattern = /^[ \t]*([+-]?)inf(?:inity)?[ \t]*$/i;
const truePattern = /^[ \t]*(?:true|True|TRUE)[ \t]*$/;
const falsePattern = /^[ \t]*(?:false|False|FALSE)[ \t]*$/;
/** Missing in a column of numbers or booleans; in a text column a text. */
const weaklyMissingPattern = /^[ \t]*(?:nan[ \t]*)?$/i;

/** Longest whole number that a double holds exactly whatever its digits. */
const exactDigits = 15;
/** No int64 is longer, with room for a sign, padding and leading zeros; longer ones are not worth a BigInt. */
const wholeLengthMax = 64;
const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

/** The field that a column's evidence amounts to. A column with nothing present counts as float. */
export function fieldOf(name: string, seen: number): Field {
  const words = seen & (sawNanWord | sawInfinityWord);
  const solid = seen & ~(sawNanWord | sawInfinityWord);
  const numbers = (solid & sawNumber) !== 0;
  const isText =
    (solid & sawText) !== 0 || (numbers && (solid & sawBoolean) !== 0) || (words !== 0 && !numbers);
  if (isText) return { name, logical: "text", type: null };
  if (solid === sawBoolean) return { name, logical: "boolean", type: "u8" };
  if (solid === sawInteger && (words & sawInfinityWord) === 0)
    return { name, logical: "integer", type: "i64" };
  return { name, logical: "float", type: "f64" };
}

/** Evidence of one CSV cell. */
export function evidenceOfText(cell: string): number {
  if (cell === "" || cell === "NaN") return sawNothing;
  if (wholePattern.test(cell)) return fitsInt64(cell) ? sawInteger : sawFloat;
  if (decimalPattern.test(cell)) return sawFloat;
  if (truePattern.test(cell) || falsePattern.test(cell)) return sawBoolean;
  if (infinityPattern.test(cell)) return sawFloat;
  return weaklyMissingPattern.test(cell) ? sawNothing : sawText;
}

/** Evidence of one JSON cell: null, boolean, number or string. */
export function evidenceOfJson(cell: null | boolean | number | string): number {
  if (cell === null) return sawNothing;
  if (typeof cell === "boolean") return sawBoolean;
  if (typeof cell === "number") {
    if (Number.isNaN(cell)) return sawNothing;
    return Number.isSafeInteger(cell) ? sawInteger : sawFloat;
  }
  if (cell === "NaN") return sawNanWord;
  return jsonInfinity(cell) === null ? sawText : sawInfinityWord;
}

/** Reads a CSV cell as its field's type; undefined where it is no such cell (the file changed since it was looked through). */
export type TextCellReader = (cell: string) => Cell | undefined;

export function textCellReader(field: Field): TextCellReader {
  if (field.type === null) return (cell) => (cell === "" || cell === "NaN" ? null : cell);
  if (field.logical === "boolean") return readBoolean;
  return field.logical === "integer" ? readWhole : readDecimal;
}

/** Reads a JSON cell as its field's type; undefined as above. */
export type JsonCellReader = (cell: null | boolean | number | string) => Cell | undefined;

export function jsonCellReader(field: Field): JsonCellReader {
  if (field.type === null) return (cell) => (isMissing(cell) ? null : String(cell));
  if (field.logical === "boolean") {
    return (cell) => (isMissing(cell) ? null : typeof cell === "boolean" ? cell : undefined);
  }
  const isWhole = field.logical === "integer";
  return (cell) => {
    if (isMissing(cell) || cell === "NaN") return null;
    if (typeof cell === "number") return isWhole && !Number.isSafeInteger(cell) ? undefined : cell;
    if (typeof cell === "boolean" || isWhole) return undefined;
    return jsonInfinity(cell) ?? undefined;
  };
}

/** JSON has no NaN, but row objects of an application do. */
function isMissing(cell: null | boolean | number | string): cell is null {
  return cell === null || (typeof cell === "number" && Number.isNaN(cell));
}

function readBoolean(cell: string): Cell | undefined {
  if (truePattern.test(cell)) return true;
  if (falsePattern.test(cell)) return false;
  return weaklyMissingPattern.test(cell) ? null : undefined;
}

function readWhole(cell: string): Cell | undefined {
  if (wholePattern.test(cell)) {
    if (cell.length <= exactDigits) return Number(cell);
    return fitsInt64(cell) ? BigInt(cell.trim()) : undefined;
  }
  return weaklyMissingPattern.test(cell) ? null : undefined;
}

function readDecimal(cell: string): Cell | undefined {
  if (decimalPattern.test(cell)) return Number(cell);
  const infinity = infinityPattern.exec(cell);
  if (infinity !== null) return infinity[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return weaklyMissingPattern.test(cell) ? null : undefined;
}

/** @param cell  matches `wholePattern` */
function fitsInt64(cell: string): boolean {
  if (cell.length <= exactDigits) return true;
  if (cell.length > wholeLengthMax) return false;
  const whole = BigInt(cell.trim());
  return whole >= int64Min && whole <= int64Max;
}

function jsonInfinity(cell: string): number | null {
  if (cell === "Infinity" || cell === "inf") return Number.POSITIVE_INFINITY;
  return cell === "-Infinity" || cell === "-inf" ? Number.NEGATIVE_INFINITY : null;
}
