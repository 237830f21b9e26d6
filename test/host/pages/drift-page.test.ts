import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { FeatureReport } from "../../../src/host/drift/report.js";
import { driftPage } from "../../../src/host/pages/drift-page.js";
import { type Element, readHtml } from "./html-checker.js";
import { categoricalFeature, driftMeta, hostileNames, numericFeature, reportOf } from "./samples.js";

const drifted = (psi: number): FeatureReport =>
  numericFeature({ verdict: "drift", psi: { ...numericFeature().psi, value: psi } });

function rowsOf(elements: readonly Element[]): Element[] {
  return elements.filter(({ tag, attributes }) => tag === "th" && attributes.get("scope") === "row");
}

test("the verdict, the table in order of need, and a drawing a feature", () => {
  const report = reportOf([
    ["calm", numericFeature()],
    ["wind", drifted(0.5)],
    ["few", numericFeature({ verdict: "insufficient-data" })],
    ["gusts", drifted(0.9)],
    ["city", categoricalFeature(["x", "y"])],
  ]);
  const elements = readHtml(driftPage(report, driftMeta));
  assert.equal(
    rowsOf(elements).map(({ text }) => text),
    ["gusts", "wind", "few", "calm", "city"],
  );
  const banner = elements.find(({ attributes }) => attributes.get("class") === "banner drift");
  assert.is(banner!.text, "▲ drift2 of 5 features moved away from the reference.");
  const drawings = elements.filter(({ tag, attributes }) => tag === "svg" && attributes.has("aria-label"));
  assert.is(drawings.length, 5);
  const open = elements.filter(({ tag, attributes }) => tag === "details" && attributes.has("open"));
  assert.is(open.length, 2);
});

test("the other verdicts have their sentences", () => {
  const text = (...args: Parameters<typeof reportOf>) => {
    const elements = readHtml(driftPage(reportOf(...args), driftMeta));
    return elements.find(({ attributes }) => attributes.get("class")?.startsWith("banner"))!.text;
  };
  assert.match(text([["a", numericFeature()]], "stable"), /No feature is shown to have moved/);
  const few = numericFeature({ verdict: "insufficient-data" });
  assert.match(text([["a", few]], "insufficient-data"), /so few rows/);
  assert.match(
    text(
      [
        ["a", few],
        ["b", numericFeature()],
      ],
      "stable",
    ),
    /1 feature has too few rows to tell/,
  );
  assert.match(
    text(
      [
        ["a", drifted(1)],
        ["b", numericFeature()],
      ],
      "stable",
    ),
    /1 of 2 features moved, fewer than the rule asks/,
  );
  readHtml(
    driftPage({ ...reportOf([], "insufficient-data"), rows: { reference: 0, current: 0 } }, driftMeta),
  );
});

test("hostile names: nothing breaks out, nothing gets lost", () => {
  const report = reportOf(
    hostileNames.map(
      (name, index) => [name, index % 2 === 0 ? numericFeature() : categoricalFeature(hostileNames)] as const,
    ),
  );
  for (const name of hostileNames) {
    const elements = readHtml(
      driftPage(report, { ...driftMeta, title: name, reference: name, current: name }),
    );
    assert.is(rowsOf(elements).length, hostileNames.length);
    assert.is(elements.filter(({ tag }) => tag === "script").length, 1);
    assert.is(elements.filter(({ tag }) => tag === "img").length, 0);
  }
});

test("values that are no numbers are shown as such, and no coordinate becomes one of them", () => {
  const strange = { value: Number.NaN, pValue: Number.POSITIVE_INFINITY };
  const feature = numericFeature({
    kl: strange,
    psi: { ...numericFeature().psi, value: Number.POSITIVE_INFINITY, pValueAdjusted: null },
    nonFinite: { reference: 3, current: 0 },
  });
  const page = driftPage(reportOf([["a", feature]]), driftMeta);
  assert.ok(page.includes("not a number"));
  readHtml(page.replaceAll(/data-v="(NaN|Infinity)"/g, 'data-v=""'));
});

test("the same report gives the same bytes, whatever the order of its features", () => {
  const features = hostileNames.map((name) => [name, drifted(0.3)] as const);
  const page = driftPage(reportOf(features), driftMeta);
  assert.is(driftPage(reportOf(features), driftMeta), page);
  assert.is(driftPage(reportOf(features.toReversed()), driftMeta), page);
});

test("500 features of 10 bins stay below 2 MB, and most of them closed", () => {
  const edges = Array.from({ length: 9 }, (_, index) => index * 1.37 - 5);
  const counts = {
    reference: Array(11).fill(1000),
    current: Array.from({ length: 11 }, (_, index) => 500 + 100 * index),
  };
  const features = Array.from(
    { length: 500 },
    (_, index) => [`feature_${index}`, { ...drifted(index / 500), edges, counts }] as const,
  );
  const page = driftPage(reportOf(features), driftMeta);
  assert.ok(Buffer.byteLength(page) < 2_000_000, `${Buffer.byteLength(page)}`);
  const elements = readHtml(page);
  assert.is(elements.filter(({ tag, attributes }) => tag === "details" && attributes.has("open")).length, 12);
});

test("nothing but this style sheet and this script may run, and nothing is fetched", () => {
  const elements = readHtml(driftPage(reportOf([["a", numericFeature()]]), driftMeta));
  const policy = elements.find(({ attributes }) => attributes.has("http-equiv"))!.attributes.get("content")!;
  const hash = (tag: string) =>
    createHash("sha256")
      .update(elements.find((element) => element.tag === tag)!.text)
      .digest("base64");
  assert.is(
    policy,
    `default-src 'none'; style-src 'sha256-${hash("style")}'; script-src 'sha256-${hash("script")}'; base-uri 'none'; form-action 'none'`,
  );
  assert.not.match(elements.find(({ tag }) => tag === "style")!.text, /url\(|@import/);
});

test.run();
