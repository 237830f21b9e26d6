/** What a model is said to do, and what its labels say where nobody does. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rowsSource } from "../../../src/host/columns/rows.js";
import { type AddModelRequest, addModel } from "../../../src/host/models.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { withStore } from "../../lineage-store/support.js";
import { rainPath } from "../rain.js";

const runtime = await openRuntime();

const request = (labels: readonly number[], over: Partial<AddModelRequest> = {}): AddModelRequest => ({
  file: rainPath("rain-1"),
  name: "m",
  version: "1",
  trainingData: rowsSource(
    labels.map((y, x) => ({ x, y })),
    "rows",
    runtime.arena,
  ),
  label: "y",
  ...over,
});

test("labels with fractions are a regression's, unless somebody says otherwise; what is there stays", async () => {
  for (const [labels, over, kind] of [
    [[0, 1, 1], {}, "classification"],
    [[0, 1.5, 1], {}, "regression"],
    [[0, 1, 2], { task: "regression" }, "regression"],
  ] as const) {
    await withStore(async (store) => {
      const { id } = await addModel(runtime, store, request(labels, over));
      assert.is((await store.get(id)).task?.kind, kind);
      const same = await addModel(runtime, store, request(labels, { task: kind }));
      assert.equal(same.warnings, []);
      const other = kind === "regression" ? "classification" : "regression";
      const again = await addModel(runtime, store, request(labels, { task: other }));
      assert.match(again.warnings.join(), new RegExp(`its task stays ${kind}`));
    });
  }
});

test.run();
