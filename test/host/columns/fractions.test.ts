import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasFractions } from "../../../src/host/columns/fractions.js";
import { rowsSource } from "../../../src/host/columns/rows.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";

const { arena } = await openRuntime();

function of(values: readonly (number | string | boolean | null)[], name = "y"): Promise<boolean> {
  const rows = values.map((y, x) => ({ x, y }));
  return hasFractions(rowsSource(rows, "rows", arena), name, arena);
}

test("a number with a fraction that is there, and nothing else", async () => {
  assert.is(await of([0, 1, 0.5]), true);
  assert.is(await of([null, Number.NaN, 2, -0.25]), true);
  assert.is(await of([0, 1, 2]), false);
  assert.is(await of([1, null, Number.NaN, Number.POSITIVE_INFINITY, 0]), false);
  assert.is(await of([true, false]), false);
  assert.is(await of(["a", "b"]), false);
  assert.is(await of([0.5], "not there"), false);
});

test.run();
