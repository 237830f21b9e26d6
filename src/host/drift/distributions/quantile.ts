/** Inverting a survival function. */

const epsilon = Number.EPSILON;
/** Bisection alone would need 70 steps over the widest bracket used here. */
const stepsMax = 300;
/** Stands for the logarithm of an underflowed tail: below any real one (-745), but still a number to interpolate with. */
const logZero = -1e4;
/** ln t of the smallest and the largest normal double, roughly: the bracket of every search. */
const logMin = -708;
const logMax = 709.7;

/**
 * A root between `low` and `high`, where f changes its sign: bisection, with inverse quadratic interpolation where that is
 * safe. Source: T. R. Chandrupatla, Advances in Engineering Software 28, 1997.
 */
export function findRoot(f: (x: number) => number, low: number, high: number): number {
  let a = high;
  let b = low;
  let c = low;
  let fa = f(high);
  let fb = f(low);
  let fc = fb;
  let share = 0.5;
  for (let step = 0; step < stepsMax; step++) {
    const x = a + share * (b - a);
    const fx = f(x);
    if (fx > 0 === fa > 0) {
      c = a;
      fc = fa;
    } else {
      c = b;
      fc = fb;
      b = a;
      fb = fa;
    }
    a = x;
    fa = fx;
    const best = Math.abs(fa) < Math.abs(fb) ? a : b;
    const shareMin = (2 * epsilon * Math.abs(best) + Number.MIN_VALUE) / Math.abs(b - a);
    if (shareMin > 0.5 || fa === 0) return best;
    share = nextShare(a, b, c, fa, fb, fc);
    share = Math.min(1 - shareMin, Math.max(shareMin, share));
  }
  return a;
}

/** Where to look next between a (0) and b (1); c is the point before them. */
function nextShare(a: number, b: number, c: number, fa: number, fb: number, fc: number): number {
  const xi = (a - b) / (c - b);
  const phi = (fa - fb) / (fc - fb);
  if (!(phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi)) return 0.5;
  return (fa / (fb - fa)) * (fc / (fb - fc)) + ((c - a) / (b - a)) * (fa / (fc - fa)) * (fb / (fc - fb));
}

/**
 * The t > 0 at which `tail(t)` = p, for a tail that is monotone, rising or falling. The search runs over ln t and ln tail, so that
 * quantiles of every magnitude come out with the same relative accuracy.
 *
 * @returns 0 or Infinity where the quantile is smaller or larger than any normal double
 */
export function invertTail(tail: (t: number) => number, p: number): number {
  const logP = Math.log(p);
  const gap = (logT: number) => Math.max(logZero, Math.log(tail(Math.exp(logT)))) - logP;
  const atMin = gap(logMin);
  const atMax = gap(logMax);
  if (atMin > 0 === atMax > 0) return Math.abs(atMin) < Math.abs(atMax) ? 0 : Infinity;
  return Math.exp(findRoot(gap, logMin, logMax));
}

/** The point that leaves p above it, for a distribution symmetric about 0. */
export function symmetricIsf(sf: (t: number) => number, p: number): number {
  if (p === 0.5) return 0;
  if (p === 0) return Infinity;
  if (p === 1) return -Infinity;
  return p < 0.5 ? invertTail(sf, p) : -invertTail(sf, 1 - p);
}
