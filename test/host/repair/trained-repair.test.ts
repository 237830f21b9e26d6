/** Whole repairs of small trained networks where a blend must not be published. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { days, labelledOf } from "../rain.js";
import { labelledDays, runtime, withScene } from "./scene.js";
import { addTrained } from "./trained.js";

test("behind a loss barrier only keeping and rolling back are left, even where a blend looks better", () =>
  withScene(async ({ store, repair }) => {
    await addTrained(store, "reordered-2");
    const report = await repair("plain@2");
    const lossAt = (wanted: number) => report.curve.find(({ scale }) => scale === wanted)!.loss;
    assert.ok(report.compatibility!.cosine > 0.4, "the weights are related");
    assert.ok(report.barrier! > 0.1 * lossAt(0), `barrier ${report.barrier}`);
    assert.ok(lossAt(0.375) > 1.3 * Math.max(lossAt(0), lossAt(1)), "the blend between is bad");
    assert.ok(
      lossAt(0.875) < Math.min(lossAt(0), lossAt(1)),
      "one beside the hill looks better than both ends",
    );
    assert.equal(
      [report.outcome, report.scale, report.repaired],
      ["published", 1, { kind: "ancestor", id: report.ancestor!.id }],
      report.reason,
    );
    assert.equal(
      report.rungs.map(({ rung }) => rung),
      ["single"],
    );
    assert.is(report.model!.id, report.ancestor!.id);
  }));

test("behind a loss barrier nothing is published where rolling back is no better", () =>
  withScene(async ({ store, repair, state }) => {
    await addTrained(store, "reordered-2");
    const before = await state();
    // Of Seattle, on which the child was fine-tuned: there it is the better one.
    const validation = labelledOf(runtime, days("Seattle", "2014-01-01", "2015-12-31"));
    const report = await repair("plain@2", { validation });
    assert.equal([report.outcome, report.repaired], ["rejected", { kind: "keep" }], report.reason);
    assert.match(report.reason, /^a loss barrier lies between the two, and keeping is better/);
    assert.equal(await state(), before);
  }));

test("a small gain and few labels end in not-proven, with the rows that would tell; with as many it is published", () =>
  withScene(async ({ store, repair, state }) => {
    await addTrained(store, "plain-2");
    const before = await state();
    const few = await repair("plain@2", { validation: labelledOf(runtime, labelledDays.slice(0, 60)) });
    assert.is(few.outcome, "not-proven", few.reason);
    const { rows, difference, interval, detectable, rowsNeeded } = few.gate!;
    assert.is(rows, 30);
    assert.ok(difference < 0 && interval![0] < 0 && interval![1] > 0, few.reason);
    assert.ok(detectable! > -difference && rowsNeeded! > rows, few.reason);
    assert.match(
      few.reason,
      /with 30 gate rows a difference below 0\.14 cannot be told, and about 70 would be/,
    );
    assert.equal(await state(), before);
    // Two years of New York that neither was trained on.
    const many = labelledOf(runtime, days("New York", "2014-01-01", "2015-12-31"));
    const proven = await repair("plain@2", { validation: many });
    assert.is(proven.outcome, "published", proven.reason);
  }));

test.run();
