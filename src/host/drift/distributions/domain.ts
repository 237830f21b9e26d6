/**
 * The domain checks of all distributions. A NaN that slipped through would compare false with every alpha and read as
 * "no drift", so arguments outside the domain are errors, never NaN results.
 */
import { MendlineError } from "../../../errors.js";
import { distributionParameterMax } from "../../../limits.js";

function refuse(what: string, expected: string, actual: number): never {
  throw new MendlineError("MENDLINE_ARGUMENT_INVALID", `${what} must be ${expected}, but is ${actual}`, {
    details: { argument: what, expected, actual },
  });
}

/** Any number and the two infinities, but not NaN. */
export function requireNumber(what: string, value: number): void {
  if (Number.isNaN(value)) refuse(what, "a number", value);
}

/** A probability, 0 and 1 included. */
export function requireProbability(what: string, value: number): void {
  if (!(value >= 0 && value <= 1)) refuse(what, "from 0 to 1", value);
}

/** Degrees of freedom: above 0, not necessarily whole. */
export function requireDegrees(what: string, value: number): void {
  if (!(value > 0 && value <= distributionParameterMax)) {
    refuse(what, `above 0 and at most ${distributionParameterMax}`, value);
  }
}

/** Non-centrality: 0 or more. */
export function requireNonCentrality(what: string, value: number): void {
  if (!(value >= 0 && value <= distributionParameterMax)) {
    refuse(what, `from 0 to ${distributionParameterMax}`, value);
  }
}

/** A whole number from `min` to `max`. */
export function requireCount(what: string, value: number, min: number, max: number): void {
  if (!(Number.isSafeInteger(value) && value >= min && value <= max)) {
    refuse(what, `a whole number from ${min} to ${max}`, value);
  }
}
