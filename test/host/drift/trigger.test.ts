// The trigger against a naive model that looks at the whole history each time.
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import type { Verdict } from "../../../src/host/drift/report.js";
import {
  DriftTrigger,
  eitherVerdict,
  type TriggerOptions,
  type TriggerState,
} from "../../../src/host/drift/trigger.js";

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
  return verdicts.flatMap((verdict, index) => (trigger.take(index, verdict).alarm ? [index] : []));
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

/** When an alarm is raised and cleared, by the whole history. `lower` says which stable windows are so by the lower level too. */
function naiveStates(
  verdicts: readonly Verdict[],
  lower: readonly boolean[],
  alarms: readonly number[],
  clear: number,
) {
  const states: (number | null)[] = [];
  let since: number | null = null;
  let run = 0;
  verdicts.forEach((verdict, index) => {
    if (since !== null) {
      if (verdict === "drift") run = 0;
      else if (verdict === "stable") run = lower[index]! ? run + 1 : 0;
    }
    if (since !== null && run >= clear) since = null;
    else if (alarms.includes(index)) since ??= index;
    if (since === null) run = 0;
    states.push(since);
  });
  return states;
}

test("an alarm stands until enough windows behind each other are stable by the lower level", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...Object.values(letters)), fc.boolean()), {
        maxLength: 80,
        size: "max",
      }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 1, max: 5 }),
      (windows, needed, coolDown, clear) => {
        const verdicts = windows.map(([verdict]) => verdict);
        const lower = windows.map(([, isLower]) => isLower);
        const options = {
          windowsNeeded: needed,
          windowsConsidered: 3,
          coolDownWindows: coolDown,
          clearWindows: clear,
        };
        const expected = naiveStates(verdicts, lower, naiveAlarms(verdicts, needed, 3, coolDown), clear);
        const trigger = new DriftTrigger(options);
        let resumed = new DriftTrigger(options);
        verdicts.forEach((verdict, index) => {
          const isStable = () => lower[index]!;
          const before = trigger.state.alarmSince;
          const change = trigger.take(index, verdict, isStable);
          assert.is(change.alarmSince, expected[index]);
          assert.is(change.cleared, before !== null && change.alarmSince === null);
          // At every window one that goes on from the state of the one before.
          assert.equal(resumed.take(index, verdict, isStable), change);
          const state = JSON.parse(JSON.stringify(resumed.state)) as TriggerState;
          resumed = new DriftTrigger(options);
          resumed.restore(state);
        });
      },
    ),
    { numRuns: 500 },
  );
});

test("a swing about the threshold is one alarm; three stable windows end it, by default", () => {
  const trigger = new DriftTrigger();
  const told = verdictsOf("ddsdsdisssidd").map((verdict, index) => trigger.take(index, verdict));
  assert.equal(
    told.map(({ alarmSince }) => alarmSince),
    [null, 1, 1, 1, 1, 1, 1, 1, 1, null, null, null, 12],
  );
  assert.equal(
    told.flatMap(({ alarm, cleared }, index) => (alarm ? [`+${index}`] : cleared ? [`-${index}`] : [])),
    ["+1", "+5", "-9", "+12"],
  );
});

test("the lower level is asked for only where it matters", () => {
  const trigger = new DriftTrigger({ windowsNeeded: 1, windowsConsidered: 1 });
  let asked = 0;
  for (const [index, verdict] of verdictsOf("sisdis").entries()) {
    trigger.take(index, verdict, () => {
      asked += 1;
      return true;
    });
  }
  assert.is(asked, 1);
});

test("of two reports drift of one is enough", () => {
  const cases: [string, string][] = [
    ["ds", "d"],
    ["id", "d"],
    ["ss", "s"],
    ["si", "s"],
    ["ii", "i"],
  ];
  for (const [both, one] of cases) assert.is(eitherVerdict(verdictsOf(both)), letters[one]);
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
    { clearWindows: 0 },
    { clearWindows: Number.NaN },
    { of: "labels" as "inputs" },
  ]) {
    assert.throws(
      () => new DriftTrigger(options),
      (thrown: unknown) => thrown instanceof MendlineError && thrown.code === "MENDLINE_ARGUMENT_INVALID",
      JSON.stringify(options),
    );
  }
});

test.run();
