import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  fitText,
  linearScale,
  niceTicks,
  paddedRange,
  px,
  separatedPositions,
  textWidth,
} from "../../../src/host/pages/plot.js";

test("ticks are round, inside, ascending and about as many as asked", () => {
  assert.equal(niceTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.equal(niceTicks(-0.2, 0.02, 4), [-0.2, -0.1, 0]);
  assert.equal(niceTicks(3, 3, 5), [3]);
  const finite = fc.double({ min: -1e9, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(
      finite,
      fc.double({ min: 1e-3, max: 1e9, noNaN: true }),
      fc.integer({ min: 2, max: 9 }),
      (low, span, count) => {
        const ticks = niceTicks(low, low + span, count);
        // Beside a narrow span far from 0 the doubles themselves are coarse.
        const slack = span * 1e-6 + 4 * Number.EPSILON * (Math.abs(low) + span);
        assert.ok(ticks.length <= count + 2, `${ticks.length} for ${count}`);
        ticks.forEach((tick, index) => {
          assert.ok(tick >= low - slack && tick <= low + span + slack);
          assert.ok(index === 0 || tick > ticks[index - 1]!);
        });
      },
    ),
  );
});

test("scales and ranges never give NaN", () => {
  assert.is(linearScale([0, 10], [100, 0])(2.5), 75);
  assert.is(linearScale([3, 3], [0, 100])(3), 50);
  assert.equal(paddedRange([], 0.1), [0, 1]);
  assert.equal(paddedRange([Number.NaN, Number.POSITIVE_INFINITY], 0.1), [0, 1]);
  assert.equal(paddedRange([0, 10], 0.1), [-1, 11]);
  assert.equal(paddedRange([2, 2], 0.5), [1, 3]);
  assert.is(Object.is(px(-0.01), 0), true);
});

test("text is cut to its width", () => {
  assert.is(fitText("wind", 12, 200), "wind");
  const cut = fitText("a".repeat(10_000), 12, 100);
  assert.ok(cut.endsWith("…"));
  assert.ok(textWidth(cut, 12) <= 100, `${textWidth(cut, 12)}`);
  assert.is(fitText("\u202ex", 12, 200), "[U+202E]x");
  assert.ok(textWidth("漢字", 12) > textWidth("ab", 12));
});

const wishes = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 4 });

function cost(positions: readonly number[], wished: readonly number[], weights: readonly number[]): number {
  return positions.reduce(
    (sum, position, index) => sum + weights[index]! * (position - wished[index]!) ** 2,
    0,
  );
}

test("positions keep their order and gaps, and no small shift that keeps them is nearer to what was wished", () => {
  fc.assert(
    fc.property(wishes, fc.infiniteStream(fc.integer({ min: 0, max: 9 })), (wished, stream) => {
      const gaps = wished.map(() => stream.next().value as number);
      const weights = wished.map(() => 1 + (stream.next().value as number));
      const positions = separatedPositions(wished, gaps, { weights });
      const keeps = (list: readonly number[]) =>
        list.every((at, i) => i === 0 || at - list[i - 1]! >= gaps[i]! - 1e-9);
      assert.ok(keeps(positions));
      const best = cost(positions, wished, weights);
      // The problem is convex: a better place exists only if one is better near by. Shift every stretch of neighbours both ways.
      for (let from = 0; from < wished.length; from++) {
        for (let to = from; to < wished.length; to++) {
          for (const shift of [-0.01, 0.01]) {
            const moved = positions.map((at, i) => (i >= from && i <= to ? at + shift : at));
            if (keeps(moved)) assert.ok(cost(moved, wished, weights) >= best - 1e-9);
          }
        }
      }
    }),
  );
});

test("bounded positions stay within their bounds", () => {
  fc.assert(
    fc.property(wishes, (wished) => {
      const gaps = wished.map((_, index) => (index === 0 ? 0 : 5));
      const positions = separatedPositions(wished, gaps, { bounds: [0, 18] });
      assert.ok(positions[0]! >= 0 && positions.at(-1)! <= 18 + 1e-9, positions.join());
      assert.ok(positions.every((at, i) => i === 0 || at - positions[i - 1]! >= 5 - 1e-9));
    }),
  );
});

test.run();
