/**
 * Which slice a row may go to, told by its values alone: the same in every round, and the same for rows that are alike. So what one
 * round asked for the selection slice leaves no gap in what the next one draws its gate rows from.
 */
import { createHash } from "node:crypto";
import type { PoolColumns } from "./feature-space.js";
import type { FeatureValue } from "./label-request.js";

/** The gate decides, and needs the most labels. */
const gateShare = 0.75;
const contentHexLength = 16;
/** Hexadecimal digits of a content that the side is told by, and how many values they have. */
const sideHexLength = 8;
const sideValues = 16 ** sideHexLength;

/** The row's features as a request keeps them. */
export function valuesAt({ columns, texts }: PoolColumns, row: number): FeatureValue[] {
  return columns.map((column, index) => {
    const value = column[row]!;
    return Number.isNaN(value) ? null : (texts[index]?.[value] ?? value);
  });
}

/** Hash of the values: hexadecimal digits. */
export function contentOf(values: readonly FeatureValue[]): string {
  return createHash("sha256").update(JSON.stringify(values)).digest("hex").slice(0, contentHexLength);
}

/** Whether a row of this content may judge; the others may only choose. */
export function mayJudge(content: string): boolean {
  return Number.parseInt(content.slice(0, sideHexLength), 16) < gateShare * sideValues;
}
