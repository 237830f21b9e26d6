import { test } from "uvu";
import * as assert from "uvu/assert";
import type { FeatureReport } from "../../../src/host/drift/report.js";
import { distributionSvg } from "../../../src/host/pages/distribution.js";
import { type Element, numbersOf, readHtml } from "./html-checker.js";
import { categoricalFeature, hostileNames, numericFeature } from "./samples.js";

function drawn(feature: FeatureReport): Element[] {
  return readHtml(distributionSvg(feature, "what it shows").toString());
}

function withClass(elements: readonly Element[], className: string): Element[] {
  return elements.filter(({ attributes }) => attributes.get("class")?.split(" ").includes(className));
}

/** Areas of a step path "M x y V y H x V y H x … V y" over its base line. */
function stepAreas(path: string): number[] {
  const [start, ...steps] = path.split(/(?=[MVH])/);
  let [x, base] = numbersOf(start!) as [number, number];
  let top = base;
  const areas: number[] = [];
  for (const step of steps) {
    const value = numbersOf(step)[0]!;
    if (step.startsWith("V")) top = value;
    else {
      areas.push((value - x) * (base - top));
      x = value;
    }
  }
  return areas;
}

test("areas are proportional to the shares, for both samples and for missing", () => {
  const feature = numericFeature({
    edges: [0, 1, 1.2, 50],
    counts: { reference: [50, 200, 100, 100, 30, 20], current: [10, 90, 250, 50, 20, 80] },
  });
  const elements = drawn(feature);
  for (const [className, counts] of [
    ["rf", feature.counts.reference],
    ["cl", feature.counts.current],
  ] as const) {
    const areas = withClass(elements, className).flatMap(({ attributes }) => stepAreas(attributes.get("d")!));
    const unit = areas.reduce((sum, area) => sum + area, 0) / 500;
    assert.is(areas.length, 6);
    areas.forEach((area, index) => {
      assert.ok(
        Math.abs(area / unit - counts[index]!) < 6,
        `${className} ${index}: ${area / unit} of ${counts[index]}`,
      );
    });
  }
});

test("each bin says its range and its shares, the tails are labelled", () => {
  const elements = drawn(numericFeature());
  const hits = withClass(elements, "hit");
  assert.is(hits.length, 6);
  assert.is(hits[0]!.text.replaceAll("\u202f", " "), "below 1.5: 20 % → 20 %");
  const texts = elements.filter(({ tag }) => tag === "text").map(({ text }) => text);
  assert.ok(texts.includes("< 1.5") && texts.includes("≥ 9") && texts.includes("missing"), texts.join());
  assert.is(elements[0]!.attributes.get("aria-label"), "what it shows");
});

test("no missing rows, no missing bar", () => {
  const elements = drawn(
    numericFeature({ counts: { reference: [1, 1, 1, 1, 1, 0], current: [1, 1, 1, 1, 1, 0] } }),
  );
  assert.is(withClass(elements, "hit").length, 5);
});

test("awkward edges are drawn within the frame", () => {
  const cases: Partial<FeatureReport>[] = [
    { edges: [], counts: { reference: [0, 5], current: [0, 7] } },
    { edges: [], counts: { reference: [0, 0], current: [0, 0] } },
    { edges: [3], counts: { reference: [1, 2, 0], current: [0, 0, 0] } },
    { edges: [3, 3 + 2 ** -51], counts: { reference: [0, 9, 0, 0], current: [3, 3, 3, 3] } },
    {
      edges: [-Number.MAX_VALUE, 0, Number.MAX_VALUE],
      counts: { reference: [1, 2, 3, 4, 5], current: [5, 4, 3, 2, 1] },
    },
    { edges: [Number.MIN_VALUE, 1, 1e300], counts: { reference: [1, 2, 3, 4, 5], current: [5, 4, 3, 2, 1] } },
    {
      edges: ["9223372036854775806", "9223372036854775807"],
      counts: { reference: [1, 2, 3, 0], current: [3, 2, 1, 0] },
    },
    {
      edges: Array.from({ length: 198 }, (_, i) => i),
      counts: { reference: Array(200).fill(1), current: Array(200).fill(2) },
    },
    { edges: [1, 2], counts: { reference: [], current: [] } },
  ];
  for (const changes of cases) {
    const elements = drawn(numericFeature(changes));
    const [, , width, height] = numbersOf(elements[0]!.attributes.get("viewBox")!);
    for (const { attributes } of elements) {
      for (const d of attributes.has("d") ? [attributes.get("d")!] : []) {
        for (const value of numbersOf(d)) assert.ok(value >= 0 && value <= Math.max(width!, height!), d);
      }
    }
  }
});

test("categories: the twenty largest, the rest added up, missing and unseen where there are any", () => {
  const names = Array.from({ length: 50 }, (_, index) => `city ${index}`);
  const texts = drawn(categoricalFeature(names))
    .filter(({ tag }) => tag === "text")
    .map(({ text }) => text);
  const labels = texts.filter((_, index) => index % 2 === 0);
  assert.is(labels.length, 23);
  assert.is(labels[0], "city 49");
  assert.equal(labels.slice(-3), ["30 more", "missing", "unseen"]);
  const few = drawn(
    categoricalFeature(names.slice(0, 21), {
      counts: { reference: Array(23).fill(0).fill(1, 0, 21), current: Array(23).fill(0).fill(1, 0, 21) },
    }),
  );
  assert.is(few.filter(({ tag }) => tag === "g").length, 21);
});

test("hostile category names stay names", () => {
  const titles = drawn(categoricalFeature(hostileNames)).filter(({ tag }) => tag === "title");
  assert.is(titles.length, hostileNames.length + 2);
  drawn(categoricalFeature([], { counts: { reference: [0, 0], current: [0, 0] } }));
});

test.run();
