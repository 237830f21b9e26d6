import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  barrierOf,
  type ScalePoint,
  type ScaleSearchOptions,
  scaleGrid,
  searchScale,
} from "../../../src/host/repair/scale-search.js";
import { near, refuses } from "./support.js";

function search(curve: (scale: number) => number, options: ScaleSearchOptions = {}) {
  return searchScale(async (scale) => curve(scale), options);
}

test("the grid holds 0 and 1 exactly and reaches 1.3", () => {
  assert.is(scaleGrid.length, 11);
  assert.ok(scaleGrid.includes(0) && scaleGrid.includes(1));
  assert.is(scaleGrid.at(-1), 1.3);
});

test("finds a parabola's lowest point, inside and beyond 1", async () => {
  for (const lowest of [0.31, 0.777, 1.08, 1.18]) {
    const result = await search((scale) => 0.5 + (scale - lowest) ** 2);
    near(result.scale, lowest, 1e-4);
    assert.is(result.barrier, 0);
    assert.is(result.isBarred, false);
    assert.ok(result.curve.length <= 16);
  }
});

test("finds the lowest point of curves that are no parabola", async () => {
  for (const lowest of [0.2, 0.66, 1.21]) {
    const skewed = await search((scale) => 1 + Math.exp(3 * (scale - lowest)) - 3 * (scale - lowest));
    near(skewed.scale, lowest, 0.005);
    const kinked = await search((scale) => 1 + Math.abs(scale - lowest));
    near(kinked.scale, lowest, 0.03);
  }
});

test("prefers the deeper of two valleys", async () => {
  const valley = (scale: number, at: number, depth: number) =>
    depth * Math.exp(-(((scale - at) / 0.12) ** 2));
  for (const [first, second, best] of [
    [0.3, 0.35, 0.85],
    [0.35, 0.3, 0.2],
  ] as const) {
    const result = await search((scale) => 1 - valley(scale, 0.2, first) - valley(scale, 0.85, second), {
      barrierMax: 1,
    });
    near(result.scale, best, 0.01);
  }
});

test("the ends of the range are searched from inside", async () => {
  assert.is((await search((scale) => 1 + scale)).scale, 0);
  assert.is((await search((scale) => 2 - scale)).scale, 1.3);
});

test("a barrier leaves only keep or roll back", async () => {
  const hill = (scale: number) => 0.6 * Math.sin(Math.PI * Math.min(1, scale)) ** 2;
  const result = await search((scale) => 1 - 0.1 * scale - (scale === 1.15 ? 0.5 : 0) + hill(scale));
  assert.is(result.isBarred, true);
  assert.is(result.scale, 1);
  // At 0.5: 0.95 + 0.6 against a chord of 0.95.
  near(result.barrier, 0.6, 1e-12);
  assert.is(result.curve.length, scaleGrid.length, "no refinement between barred ends");
  const worse = await search((scale) => 1 + 0.1 * scale + hill(scale));
  assert.is(worse.scale, 0);
});

test("a small barrier is reported and does not bar", async () => {
  const result = await search((scale) => 1 - 0.3 * scale + 0.05 * Math.sin(Math.PI * Math.min(1, scale)));
  assert.is(result.isBarred, false);
  near(result.barrier, 0.05, 1e-3);
  assert.is(
    (await search((scale) => 1 - 0.3 * scale + 0.05 * Math.sin(Math.PI * scale), { barrierMax: 0.04 }))
      .isBarred,
    true,
  );
});

test("what is not finite is never chosen, and between the ends it is a barrier", async () => {
  const beyond = await search((scale) => (scale > 1.1 ? Number.NaN : 2 - scale));
  assert.is(beyond.isBarred, false);
  assert.ok(beyond.scale >= 1 && beyond.scale <= 1.1 && Number.isFinite(beyond.loss));
  assert.is(beyond.curve.at(-1)!.loss, Infinity);
  const between = await search((scale) => (scale === 0.5 ? Number.NEGATIVE_INFINITY : 2 - scale));
  assert.equal([between.isBarred, between.scale, between.barrier], [true, 1, Infinity]);
  const noKeep = await search((scale) => (scale === 0 ? Infinity : 1));
  assert.equal([noKeep.isBarred, noKeep.scale], [true, 1]);
  const nothing = await search(() => Number.NaN);
  assert.equal([nothing.scale, nothing.loss], [0, Infinity]);
});

test("equal losses prefer the smaller scale", async () => {
  const flat = await search(() => 0.7);
  assert.is(flat.scale, 0);
  const step = await search((scale) => (scale > 0.4 ? 0.5 : 1), { barrierMax: 1 });
  assert.is(step.loss, 0.5);
  assert.ok(step.scale > 0.4 && step.scale < 0.5, `${step.scale}`);
});

test("the same curve gives the same search; losses below 0 have a barrier too", async () => {
  const curve = (scale: number) => -3 + Math.cos(5 * scale) / 10;
  assert.equal(await search(curve), await search(curve));
  const points: ScalePoint[] = [0, 0.5, 1].map((scale) => ({ scale, loss: scale === 0.5 ? -1 : -2 }));
  assert.is(barrierOf(points), 1);
});

test("every evaluation can be kept, and an interrupted search goes on from there", async () => {
  const kept: ScalePoint[] = [];
  const controller = new AbortController();
  const curve = (scale: number) => 1 + (scale - 0.4) ** 2 + 0.1 * scale ** 3;
  await refuses(
    () =>
      search(curve, {
        signal: controller.signal,
        onEvaluated: (point, done, atMost) => {
          kept.push(point);
          assert.is(done, kept.length);
          assert.is(atMost, 16);
          if (done === 13) controller.abort();
        },
      }),
    "MENDLINE_TASK_ABORTED",
    /cancelled/,
  );
  assert.is(kept.length, 13);
  let evaluations = 0;
  const checkpoints = new Map(kept.map(({ scale, loss }) => [scale, loss]));
  const resumed = await search((scale) => {
    const before = checkpoints.get(scale);
    if (before !== undefined) return before;
    evaluations += 1;
    return curve(scale);
  });
  const whole = await search(curve);
  assert.equal(resumed, whole);
  assert.is(evaluations, whole.curve.length - 13);
});

test("a grid without 0 or 1, or out of order, is an error of the caller", async () => {
  for (const grid of [
    [0, 0.5],
    [0.5, 1],
    [1, 0],
  ]) {
    let thrown: unknown = null;
    await search(() => 1, { grid }).catch((error: unknown) => {
      thrown = error;
    });
    assert.instance(thrown, RangeError);
  }
});

test.run();
