import { test } from "uvu";
import * as assert from "uvu/assert";
import { rangeAccepts } from "../../scripts/node-range.js";

/** Answers as node's semver gives them. */
const cases: readonly [range: string, version: string, accepted: boolean][] = [
  ["", "20.19.0", true],
  ["*", "20.19.0", true],
  [">=20", "20.19.0", true],
  [">= 20.19", "20.19.0", true],
  [">=20.20.0", "20.19.0", false],
  [">20", "20.19.0", false],
  [">20", "21.0.0", true],
  [">20.18", "20.19.0", true],
  [">20.19.0", "20.19.0", false],
  ["<21", "20.19.0", true],
  ["<20", "20.19.0", false],
  ["<=20", "20.19.0", true],
  ["<=20.18", "20.19.0", false],
  ["20", "20.19.0", true],
  ["20.x", "20.19.0", true],
  ["v20.19.0", "20.19.0", true],
  ["=20.19.1", "20.19.0", false],
  ["18 || 20 || >=22", "20.19.0", true],
  ["18 || 20 || >=22", "21.0.0", false],
  ["^18.18.0 || ^20.9.0 || >=21.1.0", "20.19.0", true],
  ["^20.20.0 || >=22.12.0", "20.19.0", false],
  ["^20.20.0 || >=22.12.0", "22.12.0", true],
  ["^20.9", "21.0.0", false],
  ["^0.2.3", "0.2.9", true],
  ["^0.2.3", "0.3.0", false],
  ["^0.0.3", "0.0.4", false],
  ["~20.19", "20.19.9", true],
  ["~20.19.2", "20.19.1", false],
  ["~20", "20.19.0", true],
  [">=18 <21", "20.19.0", true],
  [">=18 <21", "22.12.0", false],
  ["18 - 20", "20.19.0", true],
  ["18.0.0 - 20.18", "20.19.0", false],
];

for (const [range, version, accepted] of cases) {
  test(`${JSON.stringify(range)} ${accepted ? "accepts" : "refuses"} ${version}`, () => {
    assert.is(rangeAccepts(range, version), accepted);
  });
}

test("a range that is not understood is no yes", () => {
  assert.throws(() => rangeAccepts("lts/*", "20.19.0"), /not understood/);
});

test.run();
