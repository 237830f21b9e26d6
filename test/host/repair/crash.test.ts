/** Killed once at each step; fifty times, a little later each time: crash.slow.test.ts. */
import { test } from "uvu";
import { crashAt, crashPoints, expected } from "./crash.js";

const unbroken = await expected();

for (const point of crashPoints) {
  test(`killed ${point}: old or new, and it goes on to the same end`, () => crashAt(point, unbroken));
}

test.run();
