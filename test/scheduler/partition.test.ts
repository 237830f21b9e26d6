import { test } from "uvu";
import * as assert from "uvu/assert";
import { partitionRows } from "../../src/limits.js";
import { rowRanges } from "../../src/scheduler/partition.js";

test("ranges follow each other, cover every row once, and none is empty or too long", () => {
  for (const rowCount of [0, 1, 2, 99, 100, 101, 1_000, 1_001]) {
    for (const rowsMax of [1, 7, 100, 2_000]) {
      let end = 0;
      for (const range of rowRanges(rowCount, rowsMax)) {
        assert.is(range.from, end);
        assert.ok(range.rowCount > 0 && range.rowCount <= rowsMax);
        end += range.rowCount;
      }
      assert.is(end, rowCount);
    }
  }
});

test("the cut depends on the rows alone", () => {
  assert.equal(rowRanges(partitionRows + 1), [
    { from: 0, rowCount: partitionRows },
    { from: partitionRows, rowCount: 1 },
  ]);
  assert.is(rowRanges(partitionRows).length, 1);
});

test.run();
