/**
 * P(D_n >= d) for small n d, by walking through the band: Pomeranz's recursion (Algorithm 487, CACM 17, 1974; see also Simard
 * and L'Ecuyer, J. Stat. Software 39, 2011, section 2.3).
 *
 * N(s) is a Poisson process of rate 1 with N(n) = n, and J = n d. The path may leave the band |N(s) - s| < J only where a bound
 * passes a whole number: below at s = i + J (then N must be above i), above at s = v - J (then N must be below v). Between
 * those times the state moves by Poisson counts. All terms are positive; about 2 n · 2 J · 20 operations.
 */
import { poissonMass } from "./deviance.js";

/** Poisson weights below this do not reach the sum's last digit. */
const weightMin = 1e-22;

/** Adds a Poisson count of mean `duration` to a state that is spread over `states[0 … highest]`, in place. */
function spread(states: Float64Array, highest: number, duration: number): void {
  const weights = [Math.exp(-duration)];
  for (let k = 1; k <= highest && weights[k - 1]! > weightMin; k++) {
    weights.push((weights[k - 1]! * duration) / k);
  }
  for (let to = highest; to >= 0; to--) {
    const reach = Math.min(to, weights.length - 1);
    let sum = 0;
    for (let k = 0; k <= reach; k++) sum += states[to - k]! * weights[k]!;
    states[to] = sum;
  }
}

/**
 * P(D_n >= d) as 1 - P(D_n < d): absolute error about 1e-16 n.
 *
 * @param n  a whole number >= 1
 * @param d  above 1 / (2 n), below 1; n d below 1000 or so, as time grows with n² d
 */
export function kolmogorovBand(n: number, d: number): number {
  const bound = n * d;
  let low = 0;
  // The next upper check, at s = high - bound, wants N < high.
  let high = Math.ceil(bound);
  // states[k] is the probability of N = low + k: at most as many as whole numbers fit between the two bounds.
  const states = new Float64Array(2 * Math.ceil(bound) + 3);
  states[0] = 1;
  let now = 0;
  while (low + bound < n || high < n) {
    const next = Math.min(low + bound, high - bound);
    const isLowerCheck = low + bound <= high - bound;
    if (next > n) break;
    spread(states, Math.min(high - 1, n) - low, next - now);
    now = next;
    if (isLowerCheck) {
      states.copyWithin(0, 1);
      states[states.length - 1] = 0;
      low++;
    } else {
      high++;
    }
  }
  spread(states, n - low, n - now);
  return Math.min(1, Math.max(0, 1 - states[n - low]! / poissonMass(n, n)));
}
