/** What the gate is asked, and on which rows: tries, a gate of its own, weighted rows, a control slice that must prove. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withLabels } from "../../../examples/rain/weather.js";
import { rowsSource } from "../../../src/host/columns/rows.js";
import type { RepairRequest } from "../../../src/host/repair/request.js";
import { failure } from "../../lineage-store/support.js";
import { addRain, days, labelledOf } from "../rain.js";
import { labelledDays, runtime, seattle2015, withScene } from "./scene.js";

const lineage = ["rain@1", "rain@2", "rain@3"];
const control = () => labelledOf(runtime, seattle2015, "Seattle 2015");

test("further questions to the same rows are asked with wider intervals; the same one, and new rows, are not", () =>
  withScene(async ({ store, repair }) => {
    await addRain(runtime, store, lineage);
    const gateOf = async (over: Partial<RepairRequest>) =>
      (await repair("rain@3", { dryRun: true, ...over })).gate!;
    const first = await gateOf({});
    assert.equal([first.tries, first.confidence], [1, 0.95]);
    const second = await gateOf({ seed: 1 });
    assert.equal([second.tries, second.confidence], [2, 0.975]);
    const third = await gateOf({ metric: "brier" });
    assert.is(third.tries, 3);
    assert.ok(Math.abs(third.confidence - (1 - 0.05 / 6)) < 1e-12);
    assert.equal(await gateOf({}), first);
    assert.equal(await gateOf({ seed: 1 }), second);
    // Whatever only restricts what comes of it is the same question.
    assert.is((await gateOf({ control: control(), goal: "loss<=0.1" })).tries, 1);
    const fresh = await gateOf({ validation: labelledOf(runtime, labelledDays.slice(1)) });
    assert.is(fresh.tries, 1);
  }));

test("a gate of its own: all of the validation rows choose; rows that choose too are refused", () =>
  withScene(async ({ store, repair, state }) => {
    await addRain(runtime, store, lineage);
    const before = await state();
    const later = days("New York", "2014-01-01", "2014-12-31");
    const report = await repair("rain@3", { gate: labelledOf(runtime, later, "gate"), dryRun: true });
    assert.equal([report.outcome, report.gate!.rows], ["published", 365], report.reason);
    const { selection, gate } = (await store.run(report.run)).find(({ step }) => step === "checked")!
      .data as Record<string, number>;
    assert.equal([selection, gate], [235, 365]);
    const mixed = [...later.slice(0, 200), ...labelledDays.slice(0, 30)];
    for (const [over, message] of [
      [
        { gate: labelledOf(runtime, labelledDays, "gate") },
        /^gate: 235 of the 235 gate rows are among the 235 rows of labelled that choose the scale/,
      ],
      [{ gate: labelledOf(runtime, mixed, "gate") }, /^gate: 30 of the 230 gate rows/],
      [{ control: labelledOf(runtime, labelledDays, "control") }, /^control: 1\d\d of the 235 control rows/],
    ] as const) {
      const thrown = await failure("MENDLINE_REPAIR_INPUTS", () => repair("rain@3", over));
      assert.match(thrown.message, message);
    }
    assert.equal(await state(), before);
  }));

test("weights: rows that hardly count are too few; equal weights change nothing", () =>
  withScene(async ({ store, repair }) => {
    await addRain(runtime, store, lineage);
    const weighted = (weightOf: (row: number) => number) =>
      rowsSource(
        withLabels(labelledDays).map((day, row) => ({ ...day, weight: weightOf(row) })),
        "weighted",
        runtime.arena,
      );
    const plain = await repair("rain@3", { dryRun: true });
    const equal = await repair("rain@3", { validation: weighted(() => 4), weight: "weight", dryRun: true });
    assert.is(equal.scale, plain.scale);
    assert.ok(Math.abs(equal.gate!.difference - plain.gate!.difference) < 1e-12);
    assert.ok(Math.abs(equal.gate!.interval![1] - plain.gate!.interval![1]) < 1e-9);
    const few = await repair("rain@3", {
      validation: weighted((row) => (row < 12 ? 1_000 : 1)),
      weight: "weight",
    });
    assert.is(few.outcome, "needs-labels");
    assert.match(
      few.reason,
      /^118 rows to choose the scale and 117 for the gate, whose weights leave as much as \d and \d, are too few: 20 each/,
    );
    await failure("MENDLINE_DATA_SCHEMA", () => repair("rain@3", { weight: "weight" }));
  }));

test("a control slice that must prove its margin, and cannot", () =>
  withScene(async ({ store, repair }) => {
    await addRain(runtime, store, lineage);
    const wanted = { control: control(), dryRun: true };
    const shown = await repair("rain@3", wanted);
    assert.equal([shown.outcome, shown.control!.passed, shown.control!.proven], ["published", true, false]);
    assert.ok(shown.control!.upperBound! > shown.control!.margin);
    const asked = await repair("rain@3", { ...wanted, control: control(), controlProof: true });
    assert.is(asked.outcome, "not-proven");
    assert.match(
      asked.reason,
      /control slice gets no worse than the margin .* with 365 rows up to 0\.0\d+ cannot be ruled out/,
    );
    const wide = await repair("rain@3", {
      ...wanted,
      control: control(),
      controlProof: true,
      controlMargin: 0.5,
    });
    assert.equal([wide.outcome, wide.control!.proven], ["published", true]);
  }));

test.run();
