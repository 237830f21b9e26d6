import { test } from "uvu";
import * as assert from "uvu/assert";
import { overlapOf, refuseOverlap } from "../../../src/host/repair/row-overlap.js";
import { labelled, refuses } from "./support.js";

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, row) => from + row / 3);

test("counts rows that stand in the other slice, by features and label", () => {
  const slice = labelled({ x: [1, 2, 3, 4], z: [0, 0, 0, 0] }, [0, 1, 0, 1]);
  const other = labelled({ x: [9, 3, 2, 4], z: [0, 0, 0, 0] }, [0, 0, 0, 1]);
  assert.equal(overlapOf(slice, other), { shared: 2, twins: 0 });
  assert.equal(overlapOf(other, slice), { shared: 2, twins: 0 });
  assert.equal(overlapOf(slice, labelled({ x: [], z: [] }, [])), { shared: 0, twins: 0 });
});

test("missing values and -0 are themselves; texts count by their names, not by their codes", () => {
  const gap = labelled({ x: [Number.NaN, 0] }, [1, 1]);
  assert.equal(overlapOf(gap, labelled({ x: [-0, Number.NaN] }, [1, 1])), { shared: 2, twins: 0 });
  const named = (codes: number[], names: string[]) => labelled({ city: codes }, [0, 0], { city: names });
  assert.is(overlapOf(named([0, 1], ["a", "b"]), named([0, 1], ["b", "a"])).shared, 2);
  assert.is(overlapOf(named([0, 1], ["a", "b"]), named([0, 1], ["c", "d"])).shared, 0);
});

test("agrees with a count by texts, on rows with few values", () => {
  const draw = (from: number, count: number) =>
    labelled(
      {
        x: Array.from({ length: count }, (_, row) => (row * 7 + from) % 13),
        z: Array.from({ length: count }, (_, row) => (row * from) % 5),
      },
      Array.from({ length: count }, (_, row) => row % 2),
    );
  for (let from = 1; from < 20; from++) {
    const [slice, other] = [draw(from, 40), draw(from + 3, 60)];
    const texts = (data: typeof slice) =>
      Array.from(data.labels, (label, row) => [...data.columns.map((column) => column[row]), label].join());
    const mine = texts(slice);
    const theirs = new Set(texts(other));
    assert.equal(overlapOf(slice, other), {
      shared: mine.filter((row) => theirs.has(row)).length,
      twins: mine.filter((row, at) => mine.some((twin, place) => place !== at && twin === row)).length,
    });
  }
});

test("a tenth of the rows may be shared, and as many as have a twin of their own", async () => {
  const other = labelled({ x: numbers(0, 100) }, new Array<number>(100).fill(0));
  const part = (shared: number) =>
    labelled({ x: [...numbers(0, shared), ...numbers(1_000, 100 - shared)] }, new Array<number>(100).fill(0));
  assert.is(refuseOverlap("gate", part(10), other).shared, 10);
  const thrown = await refuses(
    () => refuseOverlap("gate", part(11), other),
    "MENDLINE_REPAIR_INPUTS",
    /11 of the 100 gate rows are among the 100 rows of data\.csv that choose/,
  );
  assert.equal(thrown.details, { file: "data.csv", rows: 100, shared: 11 });
  // Coarse features: the same few rows everywhere.
  const coarse = labelled(
    { x: numbers(0, 100).map((value) => Math.floor(value) % 4) },
    new Array<number>(100).fill(0),
  );
  assert.equal(refuseOverlap("gate", coarse, coarse), { shared: 100, twins: 100 });
});

test.run();
