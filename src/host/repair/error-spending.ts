/**
 * The error of looking at growing data again and again. Z_1, Z_2, … are the standardised differences at each look, normal, each tied to the
 * one before it by a correlation: with the same question at n and at m > n rows it is sqrt(n / m). A look that spends e is made at the tail
 *
 *     P(Z_1 < b_1, …, Z_k-1 < b_k-1, Z_k > b_k) = e          tail = P(Z > b_k)
 *
 * so that all looks together err as often as what they spend adds up to, and no less than that: a union bound would take e itself for the
 * tail, and pay for what the looks have in common as often as it is looked at.
 *
 * The looks are taken for a Markov chain, as those at one question are. Where they are more alike than the chain says, they err less
 * (Slepian 1962, "The one-sided barrier problem for Gaussian noise"). The lower side, where keeping is better, is let free: it only stops.
 *
 * Source: Lan, DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70, 1983; the integral is that of Armitage,
 * McPherson, Rowe, "Repeated significance tests on accumulating data", JRSS A 132, 1969, by Simpson's rule as in Jennison, Turnbull,
 * Group Sequential Methods, 2000, chapter 19.
 */
import { normalIsf, normalSf } from "../drift/distributions/index.js";

export interface PastLook {
  /** One-sided: P(Z > b). */
  readonly tail: number;
  /** With the look before it; of the first one it does not matter. */
  readonly correlation: number;
}

/** Nearer to 1 the integral would need a finer grid than it is worth: the tail is then a little too small. */
const correlationMax = 0.995;
/** A billionth lies below. */
const lowest = -6;
const stepMax = 0.1;
/** Steps of the grid within one standard deviation of a look, given the one before: the tail is then exact to five digits (test). */
const stepsEach = 4;
/** Of the logarithm of what is spent. */
const precision = 1e-9;
const stepsMax = 60;

/**
 * The one-sided tail of a further look that spends so much.
 *
 * @param earlier  in their order
 * @param correlation  with the last of them; 0 or less: not known to have anything in common
 * @param spent  above 0
 */
export function tailOfLook(earlier: readonly PastLook[], correlation: number, spent: number): number {
  // What has nothing in common is bounded by what is spent, whichever way it is tied.
  if (earlier.length === 0 || !(correlation > 0)) return spent;
  const crossing = crossingAfter(earlier, correlation);
  // At the upper end it is crossed by no more than what is spent, for P(Z > high) is that.
  return normalSf(root((boundary) => Math.log(crossing(boundary) / spent), lowest, normalIsf(spent)));
}

/** Where a falling function is 0, by false position with the Illinois rule (Dowell, Jarratt 1971). */
function root(valueAt: (place: number) => number, from: number, to: number): number {
  let [low, high] = [from, to];
  let [above, below] = [valueAt(low), valueAt(high)];
  let side = 0;
  for (let step = 0; step < stepsMax && above > 0 && below < 0; step++) {
    const place = low + ((high - low) * above) / (above - below);
    const value = valueAt(place);
    if (Math.abs(value) < precision) return place;
    // The end that stays twice pulls too much.
    const pull = Math.sign(value) === side ? 0.5 : 1;
    if (value > 0) [low, above, below] = [place, value, pull * below];
    else [high, below, above] = [place, value, pull * above];
    side = Math.sign(value);
  }
  return high;
}

/** What a further look spends, by its boundary. @param earlier  one at least */
export function crossingAfter(
  earlier: readonly PastLook[],
  correlation: number,
): (boundary: number) => number {
  const ties = [...earlier.slice(1).map((look) => look.correlation), correlation].map(tieOf);
  let density = open(earlier[0]!, ties[0]!);
  for (let at = 1; at < earlier.length; at++) density = next(density, ties[at - 1]!, earlier[at]!, ties[at]!);
  const { rho, deviation } = ties.at(-1)!;
  return (boundary) => summed(density, (value) => normalSf((boundary - rho * value) / deviation));
}

/** The density of Z where no look has crossed its boundary yet, by the points of a grid, each with its weight. */
interface Density {
  readonly values: Float64Array;
  readonly weights: Float64Array;
}

/** How a look goes with the one before it. */
interface Tie {
  readonly rho: number;
  /** Of its Z, given that of the one before. */
  readonly deviation: number;
}

/** @param then  of the look behind it, which the grid is made for */
function open({ tail }: PastLook, then: Tie): Density {
  const { values, weights } = gridTo(normalIsf(tail), then.deviation);
  return { values, weights: weights.map((weight, at) => weight * normalDensity(values[at]!)) };
}

function next(before: Density, { rho, deviation }: Tie, look: PastLook, then: Tie): Density {
  const { values, weights } = gridTo(normalIsf(look.tail), Math.min(deviation, then.deviation));
  const density = (value: number) =>
    summed(before, (earlier) => normalDensity((value - rho * earlier) / deviation)) / deviation;
  return { values, weights: weights.map((weight, at) => weight * density(values[at]!)) };
}

/** Looks that have nothing in common, or go against each other, are taken for independent ones. */
function tieOf(correlation: number): Tie {
  const rho = Math.max(0, Math.min(correlation, correlationMax));
  return { rho, deviation: Math.sqrt(1 - rho ** 2) };
}

function summed({ values, weights }: Density, effectOf: (value: number) => number): number {
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += weights[at]! * effectOf(values[at]!);
  return sum;
}

/** Simpson's rule up to the boundary. */
function gridTo(boundary: number, deviation: number): Density {
  const count = 2 * Math.ceil((boundary - lowest) / Math.min(stepMax, deviation / stepsEach) / 2);
  const step = (boundary - lowest) / count;
  const values = Float64Array.from({ length: count + 1 }, (_, at) => lowest + at * step);
  const isEnd = (at: number) => at === 0 || at === count;
  return { values, weights: values.map((_, at) => ((isEnd(at) ? 1 : at % 2 === 1 ? 4 : 2) * step) / 3) };
}

function normalDensity(value: number): number {
  return Math.exp(-(value ** 2) / 2) / Math.sqrt(2 * Math.PI);
}
