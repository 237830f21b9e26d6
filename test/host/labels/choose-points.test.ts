/** Batches: no row twice, the same for a seed, spread out, and a random slice that is one. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { choosePoints, spreadOut } from "../../../src/host/labels/choose-points.js";
import { FeatureSpace, type PoolColumns } from "../../../src/host/labels/feature-space.js";
import { Random } from "../../../src/host/repair/random.js";

function poolOf(
  columns: readonly (readonly number[])[],
  texts: (readonly string[] | null)[] = [],
): PoolColumns {
  return {
    rowCount: columns[0]!.length,
    features: columns.map((_, index) => `f${index}`),
    columns: columns.map((values) => Float64Array.from(values)),
    texts: columns.map((_, index) => texts[index] ?? null),
  };
}

test("distances: standardised, one-hot, and missing against present", () => {
  // Mean 2, deviation 2: the two are two deviations apart.
  near(new FeatureSpace(poolOf([[0, 4]])).squareBetween(0, 1), 4);
  const mixed = new FeatureSpace(
    poolOf(
      [
        [1, 1, 1],
        [0, 1, Number.NaN],
      ],
      [null, ["a", "b"]],
    ),
  );
  assert.is(mixed.squareBetween(0, 1), 2);
  assert.is(mixed.squareBetween(0, 2), 2, "a missing category is another one");
  assert.is(mixed.squareBetween(2, 2), 0);
  const holes = new FeatureSpace(poolOf([[Number.NaN, Number.NaN, 3]]));
  assert.is(holes.squareBetween(0, 1), 0);
  assert.is(holes.squareBetween(0, 2), 1);
  // Neither infinities nor the largest numbers make a distance that is not one.
  const wild = new FeatureSpace(poolOf([[1e308, -1e308, Number.POSITIVE_INFINITY, 0]]));
  for (let row = 0; row < 4; row++) assert.ok(Number.isFinite(wild.squareBetween(0, row)));
});

function near(value: number, expected: number): void {
  assert.ok(Math.abs(value - expected) < 1e-12, `${value} is not ${expected}`);
}

test("k-center greedy by hand: the best first, then the farthest", () => {
  const space = new FeatureSpace(poolOf([[0, 1, 2, 9, 10, 5]]));
  const candidates = Uint32Array.of(1, 0, 2, 3, 4, 5);
  // From 1 the farthest is 10; then 5, which is 4 from 1 and 5 from 10; then 9 and 0 and 2 are 1 away: the earlier candidate.
  assert.equal(spreadOut(space, candidates, 4), [1, 4, 5, 0]);
});

test("copies of one row are asked about once while others are left", () => {
  const values = [...new Array(50).fill(3), 4, 5];
  const points = choosePoints({
    pool: poolOf([values]),
    scores: Float64Array.from(values, (value) => (value === 3 ? 1 : 0.5)),
    count: 7,
    randomCount: 0,
    random: new Random(0),
  });
  // 56 candidates: all rows are among them.
  assert.equal(new Set(points.slice(0, 3).map(({ row }) => values[row])), new Set([3, 4, 5]));
});

const pools = fc
  .record({
    values: fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })), {
      minLength: 1,
      maxLength: 60,
    }),
    count: fc.integer({ min: 1, max: 20 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    seed: fc.integer({ min: 0, max: 1000 }),
  })
  .map(({ values, count, share, seed }) => ({
    pool: poolOf([values.map(([x]) => x), values.map(([, y]) => y)]),
    scores: Float64Array.from(values, ([x, y]) => (x * 7 + y * 3) % 10),
    count,
    randomCount: Math.round(count * share),
    seed,
  }));

test("no row twice, none excluded, as many as there are, the same for a seed", () => {
  fc.assert(
    fc.property(pools, ({ seed, ...options }) => {
      const excluded = new Set([0, 3]);
      const choose = () => choosePoints({ ...options, excluded, random: new Random(seed) });
      const points = choose();
      const rows = points.map(({ row }) => row);
      const usable =
        options.pool.rowCount - [...excluded].filter((row) => row < options.pool.rowCount).length;
      assert.is(new Set(rows).size, rows.length);
      assert.is(rows.length, Math.min(options.count, usable));
      assert.ok(!rows.some((row) => excluded.has(row)));
      assert.is(
        points.filter(({ isRandom }) => isRandom).length,
        Math.min(options.randomCount, options.count, usable),
      );
      assert.equal(choose(), points);
    }),
    { seed: 11, numRuns: 200 },
  );
});

test("spread: no candidate is farther from the batch than the batch's members from each other", () => {
  fc.assert(
    fc.property(pools, ({ pool, count }) => {
      const space = new FeatureSpace(pool);
      const candidates = Uint32Array.from({ length: pool.rowCount }, (_, row) => row);
      const chosen = spreadOut(space, candidates, count);
      const apart = Math.min(
        ...chosen.flatMap((one, i) => chosen.slice(i + 1).map((other) => space.squareBetween(one, other))),
      );
      for (const row of candidates) {
        assert.ok(Math.min(...chosen.map((one) => space.squareBetween(one, row))) <= apart);
      }
    }),
    { seed: 12, numRuns: 200 },
  );
});

test("the random slice is drawn from all rows alike, whatever their scores", () => {
  const rowCount = 20;
  const pool = poolOf([Array.from({ length: rowCount }, (_, row) => row)]);
  const scores = Float64Array.from({ length: rowCount }, (_, row) => row);
  const drawn = new Float64Array(rowCount);
  const rounds = 2_000;
  for (let seed = 0; seed < rounds; seed++) {
    const points = choosePoints({ pool, scores, count: 6, randomCount: 4, random: new Random(seed) });
    for (const { row, isRandom } of points) if (isRandom) drawn[row]! += 1;
  }
  // 400 each; a binomial's deviation is 17.9, so five of them on either side.
  assert.ok(
    drawn.every((count) => Math.abs(count - 400) < 90),
    drawn.join(" "),
  );
});

test("sides: only rows that may judge are drawn for the gate, only the others are picked; one side fills what the other lacks", () => {
  fc.assert(
    fc.property(pools, fc.boolean(), ({ seed, count, randomCount, ...options }, isDrawn) => {
      const mayJudge = (row: number) => row % 3 !== 0;
      const judging = Array.from({ length: options.pool.rowCount }, (_, row) => row).filter(mayJudge).length;
      const random = new Random(seed);
      const points = choosePoints({ ...options, count, randomCount, random, mayJudge, isDrawn });
      for (const { row, isRandom, draw } of points) {
        assert.is(isRandom, mayJudge(row));
        assert.is(draw !== null, isRandom || isDrawn);
      }
      const gate = points.filter(({ isRandom }) => isRandom);
      assert.is(points.length, Math.min(count, options.pool.rowCount));
      const choosing = options.pool.rowCount - judging;
      assert.is(gate.length, Math.min(judging, Math.max(Math.min(randomCount, count), count - choosing)));
      assert.equal(
        gate.map(({ draw }) => draw!.left),
        gate.map((_, at) => judging - at),
      );
    }),
    { seed: 14, numRuns: 200 },
  );
});

test.run();
