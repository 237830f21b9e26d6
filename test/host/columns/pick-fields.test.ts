import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Field } from "../../../src/host/columns/column.js";
import { pickFields } from "../../../src/host/columns/pick-fields.js";
import { failure } from "./support.js";

const fields: Field[] = Array.from({ length: 10 }, (_, i) => ({
  name: `c${i}`,
  logical: "float",
  type: "f64",
}));

async function picked(wanted: string[], from: Field[] = fields): Promise<string[]> {
  return pickFields(from, wanted, "the table").map((field) => field.name);
}

test("all, some, none, each once and in the order wanted", async () => {
  assert.is(pickFields(fields, undefined, "x"), fields);
  assert.equal(await picked(["c3", "c1", "c3"]), ["c3", "c1"]);
  assert.equal(await picked([]), []);
});

test("an unknown name is told beside the first ones there are", async () => {
  assert.is(
    await failure(picked(["c1", "C1"]), "MENDLINE_DATA_SCHEMA"),
    'the table has no column "C1"; it has "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7" and 2 more',
  );
  const message = await failure(picked(["a"], []), "MENDLINE_DATA_SCHEMA");
  assert.is(message, 'the table has no column "a"; it has no columns that can be monitored');
});

test.run();
