/** How the values of options are read. A bad one is a usage error; commander's message names the option and the value. */
import { InvalidArgumentError } from "commander";
import type { MetricCondition, Smoothing } from "../../index.js";
import { arenaBytesMax, arenaBytesMin } from "../../limits.js";

const numberPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

export function parseText(text: string): string {
  if (text === "") throw new InvalidArgumentError("It is empty.");
  return text;
}

/** Numbers as people write them: no hexadecimal, no blanks, no words. */
export function numberFrom(text: string): number | null {
  const value = numberPattern.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : null;
}

export function parseNumber(text: string): number {
  const value = numberFrom(text);
  if (value !== null) return value;
  throw new InvalidArgumentError("Choose a number.");
}

export function parseWhole(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = numberFrom(text);
    if (value !== null && Number.isInteger(value) && value >= from && value <= to) return value;
    throw new InvalidArgumentError(`Choose a whole number from ${from} to ${to}.`);
  };
}

/** @param below  values from here on are refused; none by default */
export function parsePositive(below = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = numberFrom(text);
    if (value !== null && value > 0 && value < below) return value;
    throw new InvalidArgumentError(
      Number.isFinite(below) ? `Choose a number between 0 and ${below}.` : "Choose a number above 0.",
    );
  };
}

/** 0 is allowed, as for a margin. */
export function parseShare(text: string): number {
  const value = numberFrom(text);
  if (value !== null && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("Choose a number from 0 to 1; 0.05 is 5 %.");
}

const unitBytes: Readonly<Record<string, number>> = { "": 1, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };

/** The arena's bound: bytes, or a number with KiB, MiB or GiB. */
export function parseBytes(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
  const factor = unitBytes[unit?.toLowerCase() ?? "none"];
  const bytes = factor === undefined ? Number.NaN : Math.floor(Number(amount) * factor);
  if (bytes >= arenaBytesMin && bytes <= arenaBytesMax) return bytes;
  throw new InvalidArgumentError(
    `Choose ${arenaBytesMin / 2 ** 20}MiB to ${Math.floor(arenaBytesMax / 2 ** 20)}MiB, as bytes or with KiB, MiB, GiB.`,
  );
}

/** `0.5`, a pseudo-count for each bin, or `floor:1e-4`, a least share. */
export function parseSmoothing(text: string): Smoothing {
  const isFloor = text.startsWith("floor:");
  const amount = numberFrom(isFloor ? text.slice("floor:".length) : text);
  if (amount === null || !(amount > 0) || amount > (isFloor ? 1 : 1e6)) {
    throw new InvalidArgumentError(
      "Give a pseudo-count above 0, such as 0.5, or a floor, such as floor:1e-4.",
    );
  }
  return isFloor ? { kind: "floor", floor: amount } : { kind: "additive", s: amount };
}

/** `a,b`; a comma of a name is written `\,`. The option may be repeated. */
export function parseNames(text: string, before: readonly string[] = []): string[] {
  const names = text.split(/(?<!\\),/).map((name) => name.replaceAll("\\,", ","));
  const all = [...before, ...names];
  if (names.includes("")) throw new InvalidArgumentError("One of the names is empty.");
  const twice = all.find((name, index) => all.indexOf(name) !== index);
  if (twice !== undefined) throw new InvalidArgumentError(`"${twice}" is named twice.`);
  return all;
}

export function parseList(text: string, before: readonly string[] = []): string[] {
  return [...before, parseText(text)];
}

/** `k=v`, for options that may be repeated. */
function parsePairs<Value>(read: (text: string) => Value) {
  return (text: string, before: ReadonlyMap<string, Value> = new Map()): Map<string, Value> => {
    const at = text.indexOf("=");
    if (at < 1) throw new InvalidArgumentError("Give a name and a value, as in epochs=3.");
    const name = text.slice(0, at);
    if (before.has(name)) throw new InvalidArgumentError(`"${name}" is given twice.`);
    return new Map([...before, [name, read(text.slice(at + 1))]]);
  };
}

export const parseTexts = parsePairs((text) => text);

/** `auc>0.8`, for an option that may be repeated: all of them must hold. */
export function parseConditions(text: string, before: readonly MetricCondition[] = []): MetricCondition[] {
  // The shortest name behind which a comparison and nothing but a number stand: names may hold any sign.
  const [, metric, comparison, rest] = /^(.+?)\s*(<=|>=|<|>|=)\s*([-+.\de]+)$/is.exec(text.trim()) ?? [];
  const value = numberFrom(rest ?? "");
  if (metric === undefined || value === null)
    throw new InvalidArgumentError("Give a metric, one of < <= > >= = and a number, in quotes: 'auc>0.8'.");
  return [...before, { metric, comparison: comparison as MetricCondition["comparison"], value }];
}

export const parseNumbers = parsePairs((text) => {
  const value = numberFrom(text);
  if (value === null) throw new InvalidArgumentError("The value must be a finite number.");
  return value;
});

/** Numbers and booleans as such, `0.3,0.7` and JSON lists and objects as what they say, anything else as text. */
export const parseParameters = parsePairs((text): unknown => {
  if (text === "true" || text === "false") return text === "true";
  if (/^[[{]/.test(text)) return parseJson(text);
  const numbers = text.split(",").map(numberFrom);
  if (numbers.includes(null)) return text;
  return numbers.length > 1 ? numbers : numbers[0];
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError(
      "What begins as a list or an object must be JSON, as in weights=[0.5,0.5].",
    );
  }
}
