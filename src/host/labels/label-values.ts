/** Labels as people and tools write them. A name of a class, its index, or a number. */
import { MendlineError } from "../../errors.js";
import type { LabelQuestion } from "./label-request.js";

const numberPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * @param where  for the message: the file, and the place in it
 * @throws MendlineError MENDLINE_REPAIR_LABELS  an unknown class, or no number
 */
export function labelFrom(
  written: string | number,
  { kind, classes }: Pick<LabelQuestion, "kind" | "classes">,
  where: string,
): number {
  const text = String(written).trim();
  const value = numberPattern.test(text) ? Number(text) : Number.NaN;
  if (kind === "regression") {
    if (Number.isFinite(value)) return value;
    throw bad(`${where}: label ${shown(text)} is no number`);
  }
  const known = classes!;
  const named = known.indexOf(text);
  if (named >= 0) return named;
  if (Number.isInteger(value) && value >= 0 && value < known.length) return value;
  const told = known.slice(0, 12).map(shown).join(", ");
  throw bad(
    `${where}: label ${shown(text)} is no class of the request: write one of ${told}${known.length > 12 ? ", …" : ""}, or an index below ${known.length}`,
  );
}

/** As a person reads it. */
export function labelText(label: number, { classes }: Pick<LabelQuestion, "classes">): string {
  return classes === null ? String(label) : classes[label]!;
}

export function bad(message: string): MendlineError {
  return new MendlineError("MENDLINE_REPAIR_LABELS", message);
}

export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
