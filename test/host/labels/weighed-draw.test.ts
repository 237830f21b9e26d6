/** Draws and their weights: by hand, against every sequence of draws that there is, and against the chances that they promise. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { lossDistance } from "../../../src/host/labels/disagreement.js";
import { type Draw, drawByStakes, uniformShare, weightsOf } from "../../../src/host/labels/weighed-draw.js";
import { Random } from "../../../src/host/repair/random.js";

function near(value: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(value - expected) < tolerance, `${value} is not ${expected}`);
}

function rowsOf(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, row) => row);
}

test("weights by hand", () => {
  // N = 5, M = 2. First: 1 + 3/4 (1/2 - 1); second: 1 + 3/3 (1/0.5 - 1).
  const draws: Draw[] = [
    { chance: 2, left: 5 },
    { chance: 0.5, left: 4 },
  ];
  assert.equal([...weightsOf(draws)], [0.625, 2]);
  assert.equal(
    [...weightsOf([null, ...draws])],
    [1, 0.625, 2],
    "a row that was no draw counts as a uniform one",
  );
  assert.equal([...weightsOf([])], []);
});

test("uniform draws count 1, and so do all when there is none left", () => {
  assert.equal([...weightsOf([4, 3, 2].map((left) => ({ chance: 1, left })))], [1, 1, 1]);
  const all = [
    { chance: 1.7, left: 3 },
    { chance: 0.4, left: 2 },
    { chance: 1, left: 1 },
  ];
  assert.equal([...weightsOf(all)], [1, 1, 1]);
});

/** Every ordered sequence of so many rows, with its probability and its draws, by the definition of the chances. */
function* sequences(
  stakes: readonly number[],
  count: number,
  rows: readonly number[] = stakes.map((_, row) => row),
): Generator<{ probability: number; rows: number[]; draws: Draw[] }> {
  if (count === 0) {
    yield { probability: 1, rows: [], draws: [] };
    return;
  }
  const total = rows.reduce((sum, row) => sum + stakes[row]!, 0);
  for (const row of rows) {
    const share = uniformShare / rows.length + ((1 - uniformShare) * stakes[row]!) / total;
    const others = rows.filter((other) => other !== row);
    for (const rest of sequences(stakes, count - 1, others)) {
      yield {
        probability: share * rest.probability,
        rows: [row, ...rest.rows],
        draws: [{ chance: share * rows.length, left: rows.length }, ...rest.draws],
      };
    }
  }
}

test("the weighed mean of the drawn rows is, over all sequences of draws, the mean of all rows", () => {
  const stakes = [0.1, 2, 0.4, 1, 3, 0.2];
  const values = [5, -1, 0.5, 2, -4, 7];
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  for (const count of [1, 2, 3, 4]) {
    let expected = 0;
    let probabilities = 0;
    let unweighed = 0;
    for (const { probability, rows, draws } of sequences(stakes, count)) {
      const weights = weightsOf(draws);
      probabilities += probability;
      rows.forEach((row, at) => {
        expected += (probability * weights[at]! * values[row]!) / count;
        unweighed += (probability * values[row]!) / count;
      });
    }
    near(probabilities, 1);
    near(expected, mean, 1e-9);
    assert.ok(Math.abs(unweighed - mean) > 0.3, "without weights it is not");
  }
});

test("rows come as often as their chances say, and the chances are those of the definition", () => {
  const stakes = Float64Array.of(0, 1, 3, 0, 6);
  const seen = new Float64Array(5);
  const rounds = 20_000;
  for (let seed = 0; seed < rounds; seed++) {
    const [first] = drawByStakes(rowsOf(5), stakes, 1, new Random(seed));
    seen[first!.row]! += 1 / rounds;
    near(first!.chance, 5 * (uniformShare / 5 + ((1 - uniformShare) * stakes[first!.row]!) / 10));
  }
  // Deviations of a share of 20,000: 0.0035 at most; five of them.
  for (const [row, stake] of stakes.entries())
    near(seen[row]!, uniformShare / 5 + ((1 - uniformShare) * stake) / 10, 0.018);
});

test("no row twice, as many as there are, positive weights, the same for a seed", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e3, noNaN: true })), { maxLength: 40 }),
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: 0, max: 1000 }),
      (stakes, count, seed) => {
        const draw = () =>
          drawByStakes(rowsOf(stakes.length), Float64Array.from(stakes), count, new Random(seed));
        const drawn = draw();
        assert.is(drawn.length, Math.min(count, stakes.length));
        assert.is(new Set(drawn.map(({ row }) => row)).size, drawn.length);
        assert.ok(weightsOf(drawn).every((weight) => weight > 0 && weight <= 1 / uniformShare + 1e-9));
        assert.equal(draw(), drawn);
      },
    ),
    { seed: 13, numRuns: 200 },
  );
});

test("nothing at stake anywhere: draws are uniform, and count 1", () => {
  const drawn = drawByStakes(rowsOf(9), new Float64Array(9), 4, new Random(1));
  assert.equal(
    drawn.map(({ chance, left }) => [chance, left]),
    [9, 8, 7, 6].map((left) => [1, left]),
  );
});

test("distance of losses: by hand, none where both say the same, finite where one is certain", () => {
  near(
    lossDistance([0.5, 0.5], [0.25, 0.75]),
    Math.sqrt(0.375 * Math.log(2) ** 2 + 0.625 * Math.log(1.5) ** 2),
  );
  assert.is(lossDistance([0.2, 0.8], [0.2, 0.8]), 0);
  assert.ok(Number.isFinite(lossDistance([0, 1], [1, 0])));
});

test.run();
