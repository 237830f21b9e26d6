// The trigger against a naive model that looks at the whole history each time.
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import type { Verdict } from "../../../src/host/drift/report.js";
import { DriftTrigger, type TriggerOptions } from "../../../src/host/drift/trigger.js";

function naiveAlarms(
  verdicts: readonly Verdict[],
  needed: number,
  considered: number,
  coolDown: number,
): number[] {
  const alarms: number[] = [];
  verdicts.forEach((verdict, index) => {
    const last = verdicts.slice(Math.max(0, index - considered + 1), index + 1);
    const drifted = last.filter((one) => one === "drift").length;
    const isCooling = alarms.length > 0 && index - alarms.at(-1)! <= coolDown;
    if (verdict === "drift" && drifted >= needed && !isCooling) alarms.push(index);
  });
  return alarms;
}

function alarmsOf(verdicts: readonly Verdict[], options?: TriggerOptions): number[] {
  const trigger = new DriftTrigger(options);
  return verdicts.flatMap((verdict, index) => (trigger.take(verdict) ? [index] : []));
}

const letters: Record<string, Verdict> = { d: "drift", s: "stable", i: "insufficient-data" };
const verdictsOf = (text: string) => [...text].map((letter) => letters[letter]!);

test("k of the last j windows, then a cool-down: as the model over the whole history", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...Object.values(letters)), { maxLength: 60 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 0, max: 8 }),
      (verdicts, needed, more, coolDown) => {
        const considered = needed + more;
        const options = {
          windowsNeeded: needed,
          windowsConsidered: considered,
          coolDownWindows: coolDown,
        };
        assert.equal(alarmsOf(verdicts, options), naiveAlarms(verdicts, needed, considered, coolDown));
      },
    ),
    { numRuns: 500, seed: 21 },
  );
});

test("two of three with a cool-down of three is the default", () => {
  assert.equal(alarmsOf(verdictsOf("sdsssdisdd")), [9]);
  assert.equal(alarmsOf(verdictsOf("dd")), [1]);
  assert.equal(alarmsOf(verdictsOf("dsd")), [2]);
  assert.equal(alarmsOf(verdictsOf("dssd")), []);
  assert.equal(alarmsOf(verdictsOf("dddddddddd")), [1, 5, 9]);
});

test("a stable window raises nothing, whatever came before it", () => {
  assert.equal(
    alarmsOf(verdictsOf("dddds"), { windowsNeeded: 2, windowsConsidered: 3, coolDownWindows: 3 }),
    [1],
  );
  assert.equal(
    alarmsOf(verdictsOf("didid"), { windowsNeeded: 1, windowsConsidered: 1, coolDownWindows: 0 }),
    [0, 2, 4],
  );
  assert.equal(alarmsOf(verdictsOf("iiiiiiii"), { windowsNeeded: 1, windowsConsidered: 2 }), []);
});

test("numbers that make no sense are refused", () => {
  for (const options of [
    { windowsNeeded: 0 },
    { windowsNeeded: 4 },
    { windowsNeeded: 1.5 },
    { windowsNeeded: 1, windowsConsidered: 367 },
    { windowsConsidered: Number.NaN },
    { coolDownWindows: -1 },
    { coolDownWindows: 0.5 },
  ]) {
    assert.throws(
      () => new DriftTrigger(options),
      (thrown: unknown) => thrown instanceof MendlineError && thrown.code === "MENDLINE_ARGUMENT_INVALID",
      JSON.stringify(options),
    );
  }
});

test.run();
