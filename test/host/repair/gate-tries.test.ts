/** What further questions to a gate spend, and what is recorded of it. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  confidenceOf,
  type GateTry,
  gateHistoryOf,
  historyOf,
  nextTry,
  type PastTry,
} from "../../../src/host/repair/gate-tries.js";
import { correlationOf } from "../../../src/host/repair/paired.js";
import type { RepairRequest } from "../../../src/host/repair/request.js";
import type { GatedStep } from "../../../src/host/repair/run-steps.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { failure } from "../../lineage-store/support.js";
import { gaussians } from "../parameters/tensors.js";
import { addRain, days, labelledOf } from "../rain.js";
import { breakAt, newestRun, runtime, withScene } from "./scene.js";

interface Asked {
  readonly rows: number;
  readonly correlation: number | null;
  readonly isOfChain: boolean;
}

function made(asked: readonly Asked[]): GateTry[] {
  const tries: PastTry[] = [];
  for (const [at, { rows, correlation, isOfChain }] of asked.entries())
    tries.push({ made: nextTry(historyOf(`${at}`, tries), rows, correlation), finalist: null, isOfChain });
  return tries.map((one) => one.made);
}

const roundAt = (rows: number, correlation: number | null = 1): Asked => ({
  rows,
  correlation,
  isOfChain: true,
});
const near = (value: number, expected: number) => Math.abs(value - expected) < 1e-12;

test("the first question is asked with 95 %; others to the same rows with a half, a third, a quarter of what is left", () => {
  const tries = made([1, 2, 3, 4].map(() => ({ rows: 50, correlation: null, isOfChain: false })));
  const tails = [0.05 / 2, 0.05 / 4, 0.05 / 12, 0.05 / 24];
  tries.forEach(({ tail, spent, number, questions }, at) => {
    assert.ok(near(tail, tails[at]!) && spent === tail, `${tail}`);
    assert.equal([number, questions], [at + 1, at + 1]);
  });
  assert.is(confidenceOf(tries[0]!), 0.95);
});

test("rounds spend by the rows they come to, in however many steps", () => {
  const [, far] = made([roundAt(20), roundAt(80)]);
  const steps = made([20, 21, 40, 47, 80].map((rows) => roundAt(rows)));
  // Half of the rest at four times the rows.
  assert.ok(near(far!.left, 0.0125));
  assert.ok(near(steps.at(-1)!.left, 0.0125));
  assert.equal(
    steps.map(({ number, questions }) => [number, questions]),
    [1, 2, 3, 4, 5].map((number) => [number, 1]),
  );
  // Rounds without a new gate row are questions like others.
  const [, again] = made([roundAt(20), roundAt(20)]);
  assert.equal([again!.questions, again!.spent], [2, 0.0125]);
});

test("the more a round has in common with the one before, the less wide it is asked; never less than 95 %", () => {
  let before = 0;
  for (const correlation of [null, -0.3, 0, 0.5, 0.9, 1]) {
    const [, second] = made([roundAt(20), roundAt(49, correlation)]);
    assert.ok(second!.tail >= before && second!.tail <= 0.025, `${correlation}`);
    if (!(correlation !== null && correlation > 0)) assert.is(second!.tail, second!.spent);
    before = second!.tail;
  }
  const [, same] = made([roundAt(20), roundAt(20, 1)]);
  assert.is(same!.tail, 0.025);
});

test("whatever is asked in whatever order, all of it spends less than alpha, and each no more than its tail", () => {
  const one = fc.record({
    rows: fc.integer({ min: 2, max: 5_000 }),
    correlation: fc.option(fc.double({ min: -1, max: 1, noNaN: true })),
    isOfChain: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 8 }), (asked) => {
      const tries = made(asked);
      const spent = tries.reduce((sum, each) => sum + each.spent, 0);
      assert.ok(spent < 0.05 && Math.abs(0.05 - spent - tries.at(-1)!.left) < 1e-12);
      for (const each of tries) assert.ok(each.spent > 0 && each.tail >= each.spent * (1 - 1e-6));
      assert.ok(tries.every(({ tail }) => tail <= 0.025));
    }),
    { numRuns: 40 },
  );
});

test("the same question again is no further try", () => {
  const [first, second] = made([roundAt(20), roundAt(49)]);
  const tries = [first!, second!].map((each) => ({ made: each, finalist: null, isOfChain: true }));
  assert.is(nextTry(historyOf("0", tries), 20, 0.3), first);
  assert.is(
    nextTry(historyOf("1", tries.toReversed()), 49, null),
    second,
    "in whatever order they are found",
  );
});

test("how much two candidates' differences go together: by the rows, weighed; null where nothing tells", () => {
  const [base, shared, own] = [1, 2, 3].map((seed) => Float64Array.from(gaussians(5_000, seed)));
  const of = (rows: Float64Array | null, weights: Float64Array | null = null) => ({
    metric: "log-loss" as const,
    lowerIsBetter: true,
    value: 0,
    rows,
    weights,
    resampler: null,
  });
  const plus = (share: number, noise: number) =>
    base!.map((value, row) => value + share * shared![row]! + noise * own![row]!);
  const correlation = (one: Float64Array, other: Float64Array, weights?: Float64Array) =>
    correlationOf(of(base!, weights), of(one, weights), of(other, weights))!;
  assert.ok(Math.abs(correlation(plus(1, 0), plus(2, 0)) - 1) < 1e-9);
  assert.ok(Math.abs(correlation(plus(1, 0), plus(-1, 0)) + 1) < 1e-9);
  assert.ok(Math.abs(correlation(plus(1, 0), plus(3, 4)) - 0.6) < 0.03);
  // Rows that hardly count hardly tell.
  const weights = base!.map((_, row) => (row < 2_500 ? 1 : 1e-6));
  const halves = shared!.map((value, row) => base![row]! + (row < 2_500 ? value : -value));
  assert.ok(correlation(plus(1, 0), halves, weights) > 0.999);
  assert.ok(Math.abs(correlation(plus(1, 0), halves)) < 0.05);
  assert.is(correlationOf(of(base!), of(base!), of(plus(1, 0))), null, "one does not differ at all");
  assert.is(correlationOf(of(null), of(base!), of(base!)), null, "no row's loss is known");
});

const early = days("New York", "2014-01-01", "2014-12-31");
const gateOf = (count: number): Partial<RepairRequest> => ({
  gate: labelledOf(runtime, early.slice(0, count), `${count} gate rows`),
});

async function triedBy(store: LineageStore, run: string): Promise<GateTry> {
  const { data } = (await store.run(run)).find(({ step }) => step === "gated")!;
  return (data as unknown as GatedStep).try as GateTry;
}

test("a round's record says what was spent and at which rows; broken off and resumed it comes to the same figures", () =>
  withScene(async ({ store, repair, resume }) => {
    await addRain(runtime, store, ["rain@1", "rain@2", "rain@3"]);
    const first = await repair("rain@3", { ...gateOf(40), dryRun: true });
    const root = await triedBy(store, first.run);
    assert.equal([root.number, root.rows, root.correlation, root.tail], [1, 40, null, 0.025]);
    const round = { ...gateOf(160), refines: first.run, dryRun: true };
    breakAt(store, "gated");
    await failure("MENDLINE_STORE_IO", () => repair("rain@3", round));
    const broken = await newestRun(store);
    const resumed = await resume(broken, { ...gateOf(160) });
    const second = await triedBy(store, broken);
    // The same candidate on four times the rows: half of what was left.
    assert.equal([second.number, second.rows, second.questions], [2, 160, 1]);
    assert.ok(
      Math.abs(second.correlation! - 1) < 1e-9 && near(second.spent, 0.0125) && near(second.left, 0.0125),
    );
    assert.ok(second.tail > second.spent && second.tail < 0.025);
    assert.equal([resumed.gate!.tries, resumed.gate!.confidence], [2, confidenceOf(second)]);
    const again = await repair("rain@3", { ...round, ...gateOf(160) });
    assert.equal(await triedBy(store, again.run), second, "the same question");
    const other = await repair("rain@3", { ...round, ...gateOf(160), metric: "brier" });
    assert.equal((await triedBy(store, other.run)).questions, 2, "another one");
  }));

test("records of before: try k had spent all but alpha / 2 k", async () => {
  const inputs = { validation: { digest: "v" }, gate: null };
  const started = { plan: { metric: "log-loss", seed: 0, output: null, validator: null }, inputs };
  const gated = { gate: { rows: 60, confidence: 0.975 }, try: { number: 2, question: "old" } };
  const runs = new Map([
    [
      "run-1",
      [
        { step: "started", data: started },
        { step: "gated", data: gated },
      ],
    ],
  ]);
  const store = {
    async *listRuns() {
      for (const runId of runs.keys()) yield { runId };
    },
    run: async (id: string) => runs.get(id)!,
  };
  const log = { id: "run-2", started: { ...started, plan: { ...started.plan, refines: "run-1" } } };
  const compared = { keep: "a", repaired: "b" };
  const history = await gateHistoryOf(store as never, log as never, compared);
  const next = nextTry(history, 240, null);
  assert.equal([next.number, next.questions], [3, 2]);
  assert.ok(near(history.last!.left, 0.0125) && near(next.spent, 0.00625) && next.tail === next.spent);
});

test.after(() => runtime.close());
test.run();
