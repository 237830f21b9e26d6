/** Losses as a validator of the user's own gives them: one a row, or their mean. */
import { MendlineError } from "../../errors.js";

/**
 * @param given  a list or typed array of numbers, or one number; null stands for one that is not finite
 * @throws MendlineError MENDLINE_REPAIR_VALIDATOR  anything else, or another count than the slice has rows
 */
export function lossesFrom(given: unknown, rowCount: number): Float64Array | number {
  if (Array.isArray(given) || (ArrayBuffer.isView(given) && !(given instanceof DataView))) {
    const list = given as ArrayLike<unknown>;
    if (list.length !== rowCount) {
      throw lossFailure(`it gave ${list.length} losses for ${rowCount} rows`, {
        losses: list.length,
        rows: rowCount,
      });
    }
    return Float64Array.from(list, (value, row) => numberOf(value, `loss ${row + 1}`));
  }
  return numberOf(given, "the loss");
}

/** JSON has no NaN, and encoders write null for it: either way a loss that is not finite. */
function numberOf(value: unknown, what: string): number {
  if (value === null) return Number.NaN;
  if (typeof value === "number") return value;
  const said = typeof value === "string" ? JSON.stringify(value) : String(value);
  throw lossFailure(`${what} is ${said.slice(0, 40)}, where a number is expected`);
}

export function lossFailure(what: string, details?: Record<string, unknown>): MendlineError {
  return new MendlineError("MENDLINE_REPAIR_VALIDATOR", what, details && { details });
}
