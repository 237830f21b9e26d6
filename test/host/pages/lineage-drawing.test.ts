import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LineageDirection, lineageSvg } from "../../../src/host/pages/lineage-drawing.js";
import type { LineageGraph } from "../../../src/host/pages/lineage-graph.js";
import { type Element, numbersOf, readHtml } from "./html-checker.js";
import { hostileNames, rainLineage, randomLineage } from "./samples.js";

interface Drawn {
  elements: Element[];
  boxes: { x: number; y: number; width: number; height: number }[];
}

function draw(graph: LineageGraph, direction: LineageDirection): Drawn {
  const elements = readHtml(lineageSvg(graph, direction));
  const boxes = elements.flatMap(({ attributes }, index) => {
    if (!attributes.get("class")?.startsWith("node")) return [];
    const [x, y] = numbersOf(attributes.get("transform")!) as [number, number];
    const rect = elements[index + 2]!.attributes;
    return [{ x, y, width: Number(rect.get("width")), height: Number(rect.get("height")) }];
  });
  return { elements, boxes };
}

for (const direction of ["right", "down"] as const) {
  test(`drawn to the ${direction}: nodes do not overlap and lie within the frame, edges go forward`, () => {
    for (let seed = 0; seed <= 20; seed++) {
      const graph = seed === 0 ? rainLineage() : randomLineage(seed, 5 * seed);
      const { elements, boxes } = draw(graph, direction);
      const [, , width, height] = numbersOf(elements[0]!.attributes.get("viewBox")!) as [
        number,
        number,
        number,
        number,
      ];
      assert.is(boxes.length, graph.nodes.length);
      boxes.forEach((box, i) => {
        assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height);
        for (const other of boxes.slice(i + 1)) {
          const isApart =
            box.x + box.width <= other.x ||
            other.x + other.width <= box.x ||
            box.y + box.height <= other.y ||
            other.y + other.height <= box.y;
          assert.ok(isApart, `seed ${seed}: two models overlap`);
        }
      });
      const edges = elements.filter(({ attributes }) => attributes.get("class")?.split(" ")[0] === "edge");
      assert.is(edges.length, graph.edges.length);
      const axis = direction === "right" ? 0 : 1;
      for (const { attributes } of edges) {
        const along = numbersOf(attributes.get("d")!).filter((_, index) => index % 2 === axis);
        assert.ok(
          along.every((value, i) => i === 0 || value >= along[i - 1]!),
          attributes.get("d"),
        );
      }
    }
  });
}

test("the narrow drawing of the rain example fits a telephone", () => {
  const [svg] = draw(rainLineage(), "down").elements;
  assert.ok(Number(svg!.attributes.get("width")) <= 330, svg!.attributes.get("width"));
});

test("marks are signs and words, and known ones a class; the drawing says what it shows", () => {
  const { elements } = draw(rainLineage(), "right");
  const deployed = elements.find(({ text, tag }) => tag === "g" && text.startsWith("rain@3 · "));
  assert.is(deployed!.attributes.get("class"), "node drifted");
  assert.ok(deployed!.text.includes("● deployed  ▲ drifted"));
  const label = elements[0]!.attributes.get("aria-label")!;
  assert.ok(label.startsWith("Lineage of 6 models: rain@2 from rain@1 by fine-tuning;"), label);
});

test("hostile names: well-formed, and no class of their own making", () => {
  const nodes = hostileNames.map((name, index) => ({
    id: name,
    name,
    version: name,
    createdMs: index,
    marks: [name, "healthy"],
    note: name,
  }));
  const edges = nodes.slice(1).map(({ id }, index) => ({
    parent: nodes[index]!.id,
    child: id,
    transformation: name(index),
    note: name(index),
  }));
  function name(index: number): string {
    return hostileNames[index]!;
  }
  for (const direction of ["right", "down"] as const) {
    const classes = draw({ nodes, edges }, direction).elements.filter(({ attributes }) =>
      attributes.get("class")?.startsWith("node"),
    );
    assert.ok(classes.every(({ attributes }) => attributes.get("class") === "node healthy"));
  }
});

test("the same lineage gives the same bytes, however it is listed", () => {
  const graph = randomLineage(3, 40);
  const shuffled = { nodes: graph.nodes.toReversed(), edges: graph.edges.toReversed() };
  assert.is(lineageSvg(graph), lineageSvg(shuffled));
});

test.run();
