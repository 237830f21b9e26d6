/** Numbers, shares and times as a person reads them. No locale and no time zone: the same input gives the same bytes everywhere. */

const narrowSpace = "\u202f";
const minus = "\u2212";

function withMinus(text: string): string {
  return text.replace("-", minus);
}

/** 12,345 */
export function formatCount(count: number): string {
  return withMinus(String(count).replace(/\B(?=(\d{3})+$)/g, ","));
}

/** 4 significant digits, powers of ten beyond a million and below a ten-thousandth. */
export function formatNumber(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? `${minus}∞` : "not a number";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return withMinus(String(value));
  if (size >= 1e6 || size < 1e-4) return formatPower(value, digits - 1);
  return withMinus(String(Number(value.toPrecision(digits))));
}

const superscripts: Readonly<Record<string, string>> = {
  "-": "⁻",
  "+": "",
  0: "⁰",
  1: "¹",
  2: "²",
  3: "³",
  4: "⁴",
  5: "⁵",
  6: "⁶",
  7: "⁷",
  8: "⁸",
  9: "⁹",
};

/** 3 × 10⁻⁸ */
function formatPower(value: number, decimalsMax: number): string {
  const [mantissa, exponent] = value.toExponential(Math.max(0, decimalsMax)).split("e") as [string, string];
  const power = exponent.replace(/./g, (digit) => superscripts[digit]!);
  const short = String(Number(mantissa));
  return withMinus(short === "1" ? `10${power}` : `${short}${narrowSpace}×${narrowSpace}10${power}`);
}

/** A loss, a PSI, a distance: three decimals, so that columns line up. */
export function formatLoss(value: number): string {
  if (!Number.isFinite(value)) return formatNumber(value);
  const size = Math.abs(value);
  if (size >= 1000) return formatNumber(value, 4);
  if (size >= 10) return withMinus(String(Number(value.toPrecision(4))));
  return withMinus(Object.is(value, -0) ? "0.000" : value.toFixed(3)).replace(/^−(0\.0+)$/, "$1");
}

/** The same with its sign always shown. */
export function formatDifference(value: number): string {
  const text = formatLoss(value);
  return value > 0 && !/^0\.0+$/.test(text) ? `+${text}` : text;
}

/** Below 10⁻³⁰⁰ doubles end, and so does any meaning. */
export function formatPValue(p: number): string {
  if (!Number.isFinite(p)) return formatNumber(p);
  if (p >= 0.9995) return "1";
  if (p >= 0.1) return p.toFixed(2);
  if (p >= 0.001) return p.toFixed(3);
  return p < 1e-300 ? `<${narrowSpace}10⁻³⁰⁰` : formatPower(p, 0);
}

/** 31 %, 0.4 %; what is there but small is never shown as 0. */
export function formatShare(share: number): string {
  const percent = share * 100;
  const space = `${narrowSpace}%`;
  if (percent === 0) return `0${space}`;
  if (percent < 0.05) return `<${narrowSpace}0.1${space}`;
  if (percent < 9.95) return `${Number(percent.toFixed(1))}${space}`;
  if (percent > 99 && percent < 100) return `${Math.min(99.9, Number(percent.toFixed(1)))}${space}`;
  return `${Math.round(percent)}${space}`;
}

/** +1.8 % */
export function formatChange(share: number): string {
  if (!Number.isFinite(share)) return formatNumber(share);
  const text = withMinus((share * 100).toFixed(1)).replace(/^−0\.0$/, "0.0");
  return `${share > 0 && text !== "0.0" ? "+" : ""}${text}${narrowSpace}%`;
}

/** 2015-12-31 14:05 UTC */
export function formatTime(ms: number): string {
  const iso = isoTime(ms);
  return iso === null ? "unknown time" : `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

const spans: readonly (readonly [unit: string, ms: number])[] = [
  ["days", 86_400_000],
  ["hours", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

/** 29 days, 3.2 hours, 12 s, 0.5 ms: in the largest unit of which there is one at least (two days: no "1 days"). */
export function formatSpan(ms: number): string {
  const isThere = ([unit, size]: (typeof spans)[number]) => Math.abs(ms) >= (unit === "days" ? 2 : 1) * size;
  const [unit, size] = spans.find(isThere) ?? ["ms", 1];
  return `${formatNumber(ms / size, 3)} ${unit}`;
}

/** For `datetime` attributes; null when no date has this number. */
export function isoTime(ms: number): string | null {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** "1 row", "2 rows" */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** "a, b and c" */
export function formatList(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items.at(-1)!}`;
}
