import { test } from "uvu";
import * as assert from "uvu/assert";
import { edgeTexts, slotsOf } from "../../../src/host/pages/slots.js";
import { categoricalFeature, numericFeature } from "./samples.js";

test("numeric slots: ranges by the edges, then missing, shares of all rows", () => {
  const slots = slotsOf(numericFeature());
  assert.equal(
    slots.map(({ label }) => label),
    ["below 1.5", "1.5 to below 2.25", "2.25 to below 4", "4 to below 9", "9 or above", "missing"],
  );
  assert.equal(
    slots.map(({ reference }) => reference),
    [0.2, 0.2, 0.2, 0.2, 0.18, 0.02],
  );
});

test("categorical slots: names, missing, unseen; no rows have no shares", () => {
  const feature = categoricalFeature(["a", "b"], {
    counts: { reference: [1, 2, 1, 0], current: [0, 0, 0, 0] },
  });
  assert.equal(
    slotsOf(feature).map(({ label, kind, reference, current }) => [label, kind, reference, current]),
    [
      ["a", "value", 0.25, 0],
      ["b", "value", 0.5, 0],
      ["missing", "missing", 0.25, 0],
      ["never seen in the reference", "unseen", 0, 0],
    ],
  );
});

test("edges as text: a true minus before numbers, hyphens in dates", () => {
  assert.equal(edgeTexts(numericFeature({ edges: [-2.5, 1e-7] })), ["\u22122.5", "1e\u22127"]);
  assert.equal(edgeTexts(numericFeature({ edges: ["-9223372036854775807"] })), ["\u22129223372036854775807"]);
  const dates = numericFeature({ logical: "date", type: "i32", edges: [19_723] });
  assert.equal(edgeTexts(dates), ["2024-01-01"]);
});

test.run();
