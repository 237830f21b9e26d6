import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { splitRows } from "../../../src/host/repair/slices.js";

function share(rows: Uint32Array, isIn: (row: number) => boolean): number {
  return rows.filter(isIn).length;
}

test("every row is in one slice, and every class within one row of its share", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 300 }),
      fc.integer(),
      fc.double({ min: 0.1, max: 0.9, noNaN: true }),
      (labels, seed, gateShare) => {
        const { selection, gate } = splitRows(Float64Array.from(labels), {
          task: "classification",
          seed,
          gateShare,
        });
        const all = [...selection, ...gate].sort((a, b) => a - b);
        assert.equal(
          all,
          labels.map((_, row) => row),
        );
        for (const rows of [selection, gate])
          assert.equal(
            [...rows],
            [...rows].sort((a, b) => a - b),
          );
        assert.ok(Math.abs(gate.length - labels.length * gateShare) < 1 + 1e-9);
        for (const label of new Set(labels)) {
          const count = labels.filter((other) => other === label).length;
          const inGate = share(gate, (row) => labels[row] === label);
          assert.ok(Math.abs(inGate - count * gateShare) < 1 + 1e-9, `${inGate} of ${count}`);
        }
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test("a regression's slices have the same share of every fifth of the labels", () => {
  const labels = Float64Array.from({ length: 500 }, (_, row) => ((row * 7919) % 500) ** 2);
  const { gate } = splitRows(labels, { task: "regression", seed: 5 });
  for (let fifth = 0; fifth < 5; fifth++) {
    const isIn = (row: number) => Math.floor(Math.sqrt(labels[row]!) / 100) === fifth;
    assert.is(share(gate, isIn), 50);
  }
});

test("the same seed gives the same slices, another seed others", () => {
  const labels = Float64Array.from({ length: 200 }, (_, row) => row % 2);
  const of = (seed: number) => String(splitRows(labels, { task: "classification", seed }).gate);
  assert.is(of(9), of(9));
  assert.is.not(of(9), of(10));
});

test("an odd row falls to either slice", () => {
  const labels = Float64Array.of(0, 0, 0);
  const sizes = Array.from(
    { length: 400 },
    (_, seed) => splitRows(labels, { task: "classification", seed }).gate.length,
  );
  const larger = sizes.filter((size) => size === 2).length;
  assert.ok(larger > 150 && larger < 250, `${larger} of 400`);
});

test("which rows are drawn does not depend on their place", () => {
  const labels = new Float64Array(40);
  const drawn = new Float64Array(40);
  for (let seed = 0; seed < 1_000; seed++) {
    for (const row of splitRows(labels, { task: "classification", seed }).gate) drawn[row]! += 1;
  }
  // Each is binomial(1000, 1/2): standard deviation 16.
  for (const count of drawn) assert.ok(Math.abs(count - 500) < 80, `${count}`);
});

test("no rows are two empty slices", () => {
  const { selection, gate } = splitRows(new Float64Array(0), { task: "regression", seed: 1 });
  assert.equal([selection.length, gate.length], [0, 0]);
});

test.run();
