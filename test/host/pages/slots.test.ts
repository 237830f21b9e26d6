import { test } from "uvu";
import * as assert from "uvu/assert";
import { edgeTexts, movedSentence, slotsOf } from "../../../src/host/pages/slots.js";
import { categoricalFeature, numericFeature } from "./samples.js";

const plain = (text: string) => text.replaceAll("\u202f", " ");
const sentence = (feature: Parameters<typeof movedSentence>[0]) => plain(movedSentence(feature));

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

test("contributions add up to the smoothed PSI", () => {
  const reference = [80, 10, 10];
  const current = [20, 60, 20];
  const share = (counts: number[], i: number) => (counts[i]! + 0.5) / (100 + 1.5);
  const psi = [0, 1, 2].reduce((sum, i) => {
    const [r, c] = [share(reference, i), share(current, i)];
    return sum + (c - r) * Math.log(c / r);
  }, 0);
  const slots = slotsOf(numericFeature({ edges: [1], counts: { reference, current } }));
  const summed = slots.reduce((sum, { contribution }) => sum + contribution, 0);
  assert.ok(Math.abs(summed - psi) < 1e-12);
});

test("neighbouring bins that moved the same way are told as one", () => {
  const up = numericFeature({
    counts: { reference: [100, 100, 100, 100, 100, 0], current: [50, 50, 40, 150, 210, 0] },
  });
  assert.is(sentence(up), "72 % of the rows are now 4 or above; in the reference it was 40 %.");
  const down = numericFeature({
    counts: { reference: [50, 50, 100, 150, 150, 0], current: [250, 150, 50, 25, 25, 0] },
  });
  assert.is(sentence(down), "80 % of the rows are now below 2.25; in the reference it was 20 %.");
  const middle = numericFeature({
    counts: { reference: [240, 5, 5, 240, 10, 0], current: [100, 150, 150, 95, 5, 0] },
  });
  assert.is(sentence(middle), "60 % of the rows are now from 1.5 to below 4; in the reference it was 2 %.");
});

test("missing, unseen and categories have sentences of their own", () => {
  const missing = numericFeature({
    counts: { reference: [100, 100, 100, 100, 90, 10], current: [50, 50, 50, 50, 50, 250] },
  });
  assert.is(sentence(missing), "50 % of the rows now have no value; in the reference it was 2 %.");
  const counts = { reference: [50, 50, 0, 0], current: [50, 0, 0, 50] };
  assert.is(
    sentence(categoricalFeature(["a", "b"], { counts: { ...counts, current: [60, 40, 0, 0] } })),
    "60 % of the rows are now “a”; in the reference it was 50 %.",
  );
  assert.is(
    sentence(categoricalFeature(["a", "b"], { counts: { ...counts, current: [45, 45, 0, 10] } })),
    "10 % of the rows now hold categories that the reference never held; in the reference it was 0 %.",
  );
});

test("atoms, one bin, no rows, nothing moved", () => {
  const atom = numericFeature({
    edges: [3, 3 + 2 ** -51],
    counts: { reference: [10, 80, 10, 0], current: [45, 10, 45, 0] },
  });
  assert.is(slotsOf(atom)[1]!.label, "exactly 3");
  assert.is(sentence(atom), "10 % of the rows are now exactly 3; in the reference it was 80 %.");
  const single = numericFeature({ edges: [], counts: { reference: [90, 10], current: [20, 80] } });
  assert.is(slotsOf(single)[0]!.label, "any value");
  assert.is(sentence(single), "80 % of the rows now have no value; in the reference it was 10 %.");
  const back = numericFeature({ edges: [], counts: { reference: [0, 100], current: [100, 0] } });
  assert.match(sentence(back), /^(100 % of the rows now have a value|0 % of the rows now have no value)/);
  assert.is(
    sentence(numericFeature({ counts: { reference: [5, 5], current: [0, 0] } })),
    "There are no current rows to compare.",
  );
  assert.is(sentence(numericFeature()), "No part of the distribution moved noticeably.");
});

test("edges are told apart with as few digits as that takes", () => {
  assert.equal(edgeTexts([1.25, 2.5]), ["1.25", "2.5"]);
  assert.equal(edgeTexts([1000.123, 1000.456]), ["1000.1", "1000.5"]);
  assert.equal(edgeTexts([Math.fround(1.2), 2]), ["1.2", "2"]);
  assert.equal(edgeTexts(["9223372036854775806", "9223372036854775807"]), [
    "9223372036854775806",
    "9223372036854775807",
  ]);
  assert.equal(edgeTexts([]), []);
});

test.run();
