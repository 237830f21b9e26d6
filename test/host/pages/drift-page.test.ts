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
    elements
      .filter(({ tag, attributes }) => tag === "a" && attributes.get("href")?.startsWith("#feature-"))
      .map(({ text }) => text),
    ["gusts", "wind", "few", "calm", "city"],
  );
  // What moved stands beside the names of those that drifted.
  assert.equal(
    rowsOf(elements).map(({ text }) => text.replaceAll("\u202f", " ").endsWith("; the values moved up.")),
    [true, true, false, false, false],
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

test("of a drifted feature: its rule, its sentence, and the bins that made the PSI", () => {
  const contributions = [
    {
      slot: 4,
      kind: "value",
      label: "9 or above",
      from: 9,
      to: null,
      reference: 0.2,
      current: 0.5,
      change: 0.3,
      psi: 0.3,
      share: 0.75,
    },
    {
      slot: 5,
      kind: "missing",
      label: "missing",
      reference: 0.1,
      current: 0,
      change: -0.1,
      psi: 0.1,
      share: 0.25,
    },
  ] as const;
  const feature: FeatureReport = {
    ...drifted(0.4),
    rule: { kind: "plain", ks: 0.1, wasserstein: 0.3 },
    votes: false,
    explanation: { sentence: "50 % of the rows are now 9 or above.", contributions },
  };
  const calm = { ...feature, verdict: "stable" as const };
  const elements = readHtml(
    driftPage(
      reportOf([
        ["a", feature],
        ["b", calm],
      ]),
      driftMeta,
    ),
  );
  const tables = elements.filter(
    ({ tag, attributes }) => tag === "table" && attributes.get("class") === "parts",
  );
  assert.is(tables.length, 1);
  assert.is(
    tables[0]!.text.replaceAll("\u202f", " "),
    "Largest parts of the PSIBinShare of rowsChangeOf the PSI9 or above20 % → 50 %+75 %missing10 % → 0 %−25 %",
  );
  const rules = elements.filter(({ tag }) => tag === "dd").map(({ text }) => text);
  assert.ok(rules.includes("KS above 0.1 or Wasserstein in sd above 0.3; only watched"));
});

test("columns that are gone, new or of another type; hostile names among them", () => {
  const schema = {
    added: [...hostileNames, ...Array.from({ length: 30 }, (_, index) => `new ${index}`)],
    gone: ["gone"],
    changed: [{ feature: "f", reference: "integer", current: "float" }],
  };
  const elements = readHtml(driftPage({ ...reportOf([["f", numericFeature()]]), schema }, driftMeta));
  const list = elements.find(({ attributes }) => attributes.get("class") === "stats columns")!;
  assert.match(list.text, /Gone, counted as missinggone/);
  assert.match(list.text, /Of another typef \(integer, now float\)/);
  assert.match(list.text, new RegExp(`and ${schema.added.length - 20} more`));
  const none = { added: [], gone: [], changed: [] };
  const page = driftPage({ ...reportOf([["f", numericFeature()]]), schema: none }, driftMeta);
  assert.ok(!page.includes('stats columns"'));
});

test("times are dates and spans, booleans false and true", () => {
  const moved = (value: number) => ({ reference: value, current: value, shift: 0, scaled: 0 });
  const at = 1_704_103_445_000;
  const time = numericFeature({
    logical: "timestamp[ms]",
    type: "i64",
    edges: [at, at + 86_400_000 * 40],
    counts: { reference: [10, 10, 10, 0], current: [10, 10, 10, 0] },
    shift: {
      method: "exact",
      wasserstein: { distance: 7_200_000, lower: 7_200_000, upper: 7_200_000, scaled: 0.1 },
      mean: moved(at),
      standardDeviation: moved(86_400_000 * 30),
    },
  });
  const flag = numericFeature({
    logical: "boolean",
    type: "u8",
    edges: [0, 1],
    counts: { reference: [0, 90, 10, 0], current: [0, 40, 60, 0] },
  });
  const elements = readHtml(
    driftPage(
      reportOf([
        ["time", time],
        ["flag", flag],
      ]),
      driftMeta,
    ),
  );
  const values = elements.filter(({ tag }) => tag === "dd").map(({ text }) => text);
  for (const text of [
    "2 hours, 0.100 sd",
    "2024-01-01 10:04 UTC → 2024-01-01 10:04 UTC",
    "30 days → 30 days",
  ]) {
    assert.ok(values.includes(text), text);
  }
  const texts = elements.filter(({ tag }) => tag === "text").map(({ text }) => text);
  assert.ok(texts.includes("< 2024-01-01") && texts.includes("true") && texts.includes("false"));
  assert.ok(!texts.includes("neither"));
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
