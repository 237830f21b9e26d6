/** What a listing of damage says that helps. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DamageList } from "../../src/lineage-store/damage.js";

const use = (version: number) => ({
  id: String(version),
  name: "m",
  version: String(version),
  tensors: [],
  tensorCount: 0,
  part: "file" as const,
});

function remedyFor(versions: number): string {
  const list = new DamageList();
  list.addObject("a", "is missing");
  for (let version = 1; version <= versions; version++) list.addUse("a", use(version));
  return list.all.objects[0]!.remedy;
}

test("a remedy names the models whose files bring an object back, three of them", () => {
  const rest = "again, or restore the store from a copy";
  assert.is(remedyFor(0), "no model that is left needs it");
  assert.is(remedyFor(1), `add the file of m@1 ${rest}`);
  assert.is(remedyFor(2), `add the files of m@1 and m@2 ${rest}`);
  assert.is(remedyFor(3), `add the files of m@1, m@2 and m@3 ${rest}`);
  assert.is(remedyFor(5), `add the files of m@1, m@2, m@3 and 2 more ${rest}`);
});

test.run();
