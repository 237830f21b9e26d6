import { test } from "uvu";
import * as assert from "uvu/assert";
import { bitLength, ExactMoments, roundedQuotient } from "../../../src/host/drift/exact-moments.js";
import type { Moments } from "../../../src/host/drift/profile.js";
import { rowRanges } from "../../../src/scheduler/partition.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { runTask } from "../../../src/scheduler/tasks.js";
import { moments as plainMoments } from "../../assembly/oracle.js";
import { random } from "../../assembly/support.js";

const runtime = await openRuntime();
const unit = 1074n;

/** Block by block through one sum, or a part a block. */
function momentsOf(values: readonly number[], blockRows: number, inParts = false): Moments {
  const scope = runtime.arena.scope();
  try {
    const ptr = scope.allocate(Math.max(1, values.length) * 8);
    new Float64Array(runtime.arena.memory.buffer, ptr, values.length).set(values);
    const slice = { valuesPtr: ptr, rowCount: values.length, validityPtr: 0, validityBitOffset: 0 };
    runtime.kernels.keysFrom("f64", slice, ptr);
    const blocks = rowRanges(values.length, blockRows);
    const exact = new ExactMoments(runtime.kernels, "f64", scope, inParts ? blocks.length : 1);
    const readAll = () => {
      for (const [part, { from, rowCount }] of blocks.entries()) {
        if (inParts) runTask(runtime.kernels, exact.task(part, ptr + from * 8, rowCount));
        else exact.add(ptr + from * 8, rowCount);
      }
    };
    readAll();
    exact.closeMean(values.length);
    readAll();
    return exact.result(values.length, Math.min(...values), Math.max(...values));
  } finally {
    scope.close();
  }
}

test("bit lengths", () => {
  assert.equal(
    [0n, 1n, 2n, 3n, 15n, 16n, 255n, 256n, 2n ** 70n].map(bitLength),
    [0, 1, 2, 2, 4, 5, 8, 9, 71],
  );
});

test("quotients round to the nearest double, halves to even, over the whole range", () => {
  const next = random(79);
  for (let i = 0; i < 2_000; i++) {
    // Number() of a whole number below 2^1024 rounds as IEEE 754 asks.
    const whole = BigInt(Math.floor(next() * 2 ** 53)) ** BigInt(1 + Math.floor(next() * 18)) + BigInt(i % 3);
    assert.is(roundedQuotient(whole << unit, 1n), Number(whole));
    assert.is(roundedQuotient(-(whole << unit), 1n), -Number(whole));
    const [above, below] = [Math.floor(next() * 2 ** 53), 1 + Math.floor(next() * 2 ** 53)];
    assert.is(roundedQuotient(BigInt(above) << unit, BigInt(below)), above / below);
  }
  assert.equal(
    [1n, 2n, 3n, 5n, 7n].map((n) => roundedQuotient(n, 2n)),
    [0, 5e-324, 1e-323, 1e-323, 2e-323],
  );
  assert.is(roundedQuotient((2n ** 53n + 1n) << 20n, 1n), Number(2n ** 53n) * 2 ** 20 * 2 ** -1074);
  const most = BigInt(Number.MAX_VALUE) << unit;
  assert.is(roundedQuotient(most * 7n, 7n), Number.MAX_VALUE);
  assert.is(roundedQuotient(most * 2n, 1n), Number.POSITIVE_INFINITY);
  assert.is(roundedQuotient(most ** 2n, 1n), Number.POSITIVE_INFINITY);
});

test("the same bits in any order and any blocks, close to plain moments", () => {
  const next = random(83);
  const values = Array.from({ length: 5_000 }, () => (next() - 0.5) * 10 ** (next() * 30 - 15));
  const expected = momentsOf(values, 5_000);
  assert.equal(momentsOf([...values].reverse(), 7), expected);
  assert.equal(momentsOf(values, 900, true), expected);
  assert.equal(
    momentsOf(
      [...values].sort((one, other) => one - other),
      1_000,
    ),
    expected,
  );
  const plain = plainMoments(values, () => true);
  assert.ok(Math.abs(expected.m2! / plain.m2 - 1) < 1e-12);
  assert.ok(Math.abs(expected.m4! / plain.m4 - 1) < 1e-12);
});

test("cancellation, extremes and nothing", () => {
  assert.is(momentsOf([1e100, 1, -1e100, 1], 2).mean, 0.5);
  assert.equal(momentsOf([1, 2, 3, 4], 4), { count: 4, mean: 2.5, m2: 5, m3: 0, m4: 10.25, min: 1, max: 4 });
  const { mean, m2 } = momentsOf([Number.MAX_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE], 2);
  assert.equal([mean, m2], [Number.MAX_VALUE / 3, null]);
  const empty = momentsOf([], 1);
  assert.equal([empty.mean, empty.m2, empty.m3, empty.m4], [0, 0, 0, 0]);
});

test.run();
