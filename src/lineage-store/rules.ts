/** What may be given to the store: every check of an argument, with the message a person gets. */
import { MendlineError } from "../errors.js";
import { modelTagsMax, storeNameLengthMax } from "../limits.js";
import { isPlainObject } from "./plain-object.js";

/** Control characters, line ends, and the marks that turn text round in a terminal. */
const forbidden = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u;
const loneSurrogate = /\p{Surrogate}/u;
const sha256Hex = /^[0-9a-f]{64}$/;
/** What `resolve` reads as an id or its beginning; no alias may look so. */
export const idPrefix = /^[0-9a-f]{8,64}$/i;

export function invalid(what: string, problem: string, details: Record<string, unknown> = {}): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", `${what} ${problem}`, { details });
}

/** A name in a message: quoted, and cut where it would fill the screen. */
export function shown(value: unknown): string {
  if (typeof value !== "string") return `of type ${value === null ? "null" : typeof value}`;
  return JSON.stringify(value.length > storeNameLengthMax ? `${value.slice(0, 80)}…` : value);
}

/** Any text that becomes part of a key: run ids, monitor keys, and below, names, versions and aliases. */
export function checkText(what: string, value: unknown): asserts value is string {
  const problem = textProblem(value);
  if (problem !== null) throw invalid(`${what} ${shown(value)}`, problem);
}

/** Whether a key could hold it, be it as long as a name and a version together. */
export function isText(value: string): boolean {
  return value.length <= 2 * storeNameLengthMax + 1 && !forbidden.test(value) && !loneSurrogate.test(value);
}

/** Text of others, which becomes no part of a key. */
export function checkLongText(what: string, value: unknown, lengthMax: number): asserts value is string {
  const problem = textProblem(value, lengthMax);
  if (problem !== null) throw invalid(`${what} ${shown(value)}`, problem);
}

function textProblem(value: unknown, lengthMax = storeNameLengthMax): string | null {
  if (typeof value !== "string") return "must be text";
  if (value.length < 1 || value.length > lengthMax)
    return `has ${value.length} characters: choose 1 to ${lengthMax}`;
  if (forbidden.test(value)) return "holds a control character: leave it out";
  return loneSurrogate.test(value) ? "holds half of a surrogate pair: give well-formed text" : null;
}

/** A model's name or its version: `name@version` must have one reading. */
export function checkLabelPart(what: "name" | "version", value: unknown): asserts value is string {
  checkText(what, value);
  if (value.includes("@"))
    throw invalid(`${what} ${shown(value)}`, 'holds "@", which separates name and version');
}

/** Whether there could be a label with it. */
export function isLabelPart(value: string): boolean {
  return textProblem(value) === null && !value.includes("@");
}

export function checkAlias(value: unknown): asserts value is string {
  checkText("alias", value);
  if (value.includes("@")) throw invalid(`alias ${shown(value)}`, 'holds "@", which is for name@version');
  if (/\s/u.test(value)) throw invalid(`alias ${shown(value)}`, "holds white space");
  if (idPrefix.test(value)) throw invalid(`alias ${shown(value)}`, "looks like a model's id: choose another");
}

export function isHash(value: unknown): value is string {
  return typeof value === "string" && sha256Hex.test(value);
}

export function checkHash(what: string, value: unknown): asserts value is string {
  if (!isHash(value)) {
    throw invalid(`${what} ${shown(value)}`, "is no sha256: give 64 lower-case hex digits");
  }
}

export function checkCount(what: string, value: unknown): asserts value is number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw invalid(`${what} ${String(value)}`, "must be a whole number of 0 or more");
  }
}

export function checkOneOf<T extends string>(
  what: string,
  value: unknown,
  allowed: readonly T[],
): asserts value is T {
  if (!allowed.includes(value as T))
    throw invalid(`${what} ${shown(value)}`, `is not one of ${allowed.join(", ")}`);
}

/** Names to finite numbers. */
export function checkMetrics(what: string, value: unknown): asserts value is Record<string, number> {
  checkObject(what, value);
  for (const [name, metric] of Object.entries(value)) {
    if (!Number.isFinite(metric))
      throw invalid(`${what} ${shown(name)}`, `must be a finite number, not ${String(metric)}`);
  }
}

export function checkTags(value: unknown): asserts value is Record<string, string> {
  checkObject("tags", value);
  const count = Object.keys(value).length;
  if (count > modelTagsMax) throw invalid("tags", `are ${count}, a model has ${modelTagsMax} at most`);
  for (const [name, tag] of Object.entries(value)) {
    if (typeof tag !== "string") throw invalid(`tag ${shown(name)}`, "must be text");
  }
}

export function checkObject(what: string, value: unknown): asserts value is Record<string, unknown> {
  if (!isPlainObject(value)) throw invalid(what, "must be an object of names and values");
}

export function checkTextOrNull(what: string, value: unknown): asserts value is string | null {
  if (value !== null && typeof value !== "string") throw invalid(what, "must be text or null");
}
