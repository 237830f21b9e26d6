/** How wide the intervals of a trial's looks are: as those of a gate's rounds that ask about the same candidate, at twice the rows each. */
import { historyOf, nextTry, type PastTry } from "./gate-tries.js";

/** Of the 5 % that a trial's looks may err in. Student's t of the few rows of the first ones errs more than it says (simulated in tests). */
const alpha = 0.04;

/** The looks so far: each follows from those before it, and from nothing else. */
const looks: PastTry[] = [];

/** One-sided. @param look  from 1 on */
export function lookTail(look: number): number {
  while (looks.length < look) {
    const made = nextTry(historyOf(`look ${looks.length}`, looks), 2 ** looks.length, 1, alpha);
    looks.push({ made, finalist: null, isOfChain: true });
  }
  return looks[look - 1]!.made.tail;
}
