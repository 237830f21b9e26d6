import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LineageGraph, type OrderedGraph, orderedGraph } from "../../../src/host/pages/lineage-graph.js";
import {
  type Layout,
  type LayoutSizes,
  lineageLayout,
  type PlacedNode,
} from "../../../src/host/pages/lineage-layout.js";
import { rainLineage, randomLineage } from "./samples.js";

const sizes: LayoutSizes = { nodeAlong: 160, nodeAcross: 50, gapAlong: 90, gapAcross: 16, isTight: false };

function nodesByLayer({ nodes }: Layout): Map<number, PlacedNode[]> {
  const byLayer = new Map<number, PlacedNode[]>();
  for (const node of nodes) byLayer.set(node.layer, [...(byLayer.get(node.layer) ?? []), node]);
  return byLayer;
}

function checkInvariants(
  graph: OrderedGraph,
  layout: Layout,
  { nodeAlong, nodeAcross, gapAlong, gapAcross }: LayoutSizes,
): void {
  const slack = 1e-6;
  for (const { along, across } of layout.nodes) {
    assert.ok(across >= -slack && across + nodeAcross <= layout.lengthAcross + slack);
    assert.ok(along >= 0 && along + nodeAlong <= layout.lengthAlong);
  }
  // Nodes of one layer keep their distance, layers never touch: no two nodes overlap.
  const byLayer = nodesByLayer(layout);
  for (const [layer, nodes] of byLayer) {
    const sorted = nodes.map(({ across }) => across).sort((left, right) => left - right);
    sorted.forEach((across, i) => {
      assert.ok(i === 0 || across - sorted[i - 1]! >= nodeAcross + gapAcross - slack);
    });
    assert.ok(nodes.every(({ along }) => along === layer * (nodeAlong + gapAlong)));
  }
  graph.edges.forEach(({ parent, child }, index) => {
    const way = [layout.nodes[parent]!, ...layout.passes[index]!, layout.nodes[child]!];
    way.forEach(({ layer }, i) => {
      assert.ok(i === 0 || layer > way[i - 1]!.layer, "an edge goes back");
    });
    for (const pass of layout.passes[index]!) {
      for (const node of byLayer.get(pass.layer) ?? []) {
        assert.not(
          pass.across > node.across && pass.across < node.across + nodeAcross,
          "an edge runs through a node",
        );
      }
    }
  });
}

test("random lineages: nothing overlaps, every edge goes forward and round the nodes", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const graph = orderedGraph(randomLineage(seed, 1 + (seed % 30)));
    for (const isTight of [false, true]) {
      const all = { ...sizes, isTight };
      checkInvariants(graph, lineageLayout(graph, all), all);
    }
  }
});

test("a thousand models", () => {
  const graph = orderedGraph(randomLineage(7, 1000));
  const layout = lineageLayout(graph, sizes);
  assert.is(layout.nodes.length, 1000);
  const byLayer = nodesByLayer(layout);
  for (const nodes of byLayer.values()) {
    const sorted = nodes.map(({ across }) => across).sort((left, right) => left - right);
    assert.ok(sorted.every((across, i) => i === 0 || across - sorted[i - 1]! >= 66 - 1e-6));
  }
});

test("tight drawings take the room of their fullest layer and no more", () => {
  const graph = orderedGraph(rainLineage());
  const layout = lineageLayout(graph, { ...sizes, isTight: true });
  // Two nodes and the repair's way past them: 50 + 16 + 50 + 16 + 16.
  assert.ok(Math.abs(layout.lengthAcross - 148) < 1e-6, `${layout.lengthAcross}`);
});

test("trees have no crossings", () => {
  const nodes: LineageGraph["nodes"][number][] = [];
  const edges: LineageGraph["edges"][number][] = [];
  for (let i = 0; i < 31; i++) {
    nodes.push({ id: `${i}`, name: "m", version: `${i}`, createdMs: (i * 7919) % 31, marks: [] });
    if (i > 0) edges.push({ parent: `${Math.floor((i - 1) / 2)}`, child: `${i}`, transformation: "pruning" });
  }
  const graph = orderedGraph({ nodes, edges });
  const layout = lineageLayout(graph, sizes);
  for (const one of graph.edges) {
    for (const other of graph.edges) {
      const [p, q] = [layout.nodes[one.parent]!, layout.nodes[other.parent]!];
      const [c, d] = [layout.nodes[one.child]!, layout.nodes[other.child]!];
      if (p.layer === q.layer && p.across < q.across) assert.ok(c.across < d.across);
    }
  }
});

test("models of two parents are moved between them", () => {
  const node = (id: string, createdMs: number) => ({ id, name: id, version: "1", createdMs, marks: [] });
  const edge = (parent: string, child: string) => ({ parent, child, transformation: "merge" });
  const graph = orderedGraph({
    nodes: [node("a", 0), node("b", 1), node("both", 2), node("only-a", 3)],
    edges: [edge("a", "both"), edge("a", "only-a"), edge("b", "both")],
  });
  const across = lineageLayout(graph, sizes).nodes.map((placed) => placed.across);
  const [a, b, both, onlyA] = across as [number, number, number, number];
  assert.is(Math.sign(b - a), Math.sign(both - onlyA), "the edges cross");
});

test("parents stand right before their first child, also when nothing made them", () => {
  const node = (id: string, createdMs: number) => ({ id, name: id, version: "1", createdMs, marks: [] });
  const graph = orderedGraph({
    nodes: [node("a", 0), node("b", 1), node("c", 2), node("late", 3), node("d", 4)],
    edges: [
      { parent: "a", child: "b", transformation: "fine-tuning" },
      { parent: "b", child: "c", transformation: "fine-tuning" },
      { parent: "c", child: "d", transformation: "merge" },
      { parent: "late", child: "d", transformation: "merge" },
    ],
  });
  const layout = lineageLayout(graph, sizes);
  assert.equal(
    layout.nodes.map(({ layer }) => layer),
    [0, 1, 2, 2, 3],
  );
});

test("no models, one model", () => {
  const empty = lineageLayout(orderedGraph({ nodes: [], edges: [] }), sizes);
  assert.equal([empty.lengthAlong, empty.lengthAcross, empty.nodes.length], [0, 0, 0]);
  const one = lineageLayout(orderedGraph({ nodes: rainLineage().nodes.slice(0, 1), edges: [] }), sizes);
  assert.equal([one.lengthAlong, one.lengthAcross], [160, 50]);
});

test.run();
