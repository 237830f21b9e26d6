import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MendlineError } from "../../../src/errors.js";
import { type LineageGraph, nodeTitle, orderedGraph } from "../../../src/host/pages/lineage-graph.js";
import { rainLineage, randomLineage } from "./samples.js";

const failsWith = (code: string, pattern: RegExp) => (error: MendlineError) =>
  error.code === code && pattern.test(error.message);

test("oldest first, never a child before its parent, however it was listed", () => {
  const graph = rainLineage();
  const expected = ["rain@1", "rain@2", "rain@3", "rain-pruned@1", "rain-distilled@1", "rain@3-repair.1"];
  assert.equal(orderedGraph(graph).nodes.map(nodeTitle), expected);
  const reversed = { nodes: graph.nodes.toReversed(), edges: graph.edges.toReversed() };
  assert.equal(orderedGraph(reversed), orderedGraph(graph));
});

test("random lineages are in topological order, whatever the clocks said", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const graph = orderedGraph(randomLineage(seed, 40));
    assert.ok(graph.edges.every(({ parent, child }) => parent < child));
    graph.edges.forEach(({ parent, child }, index) => {
      assert.ok(graph.outgoing[parent]!.includes(index) && graph.incoming[child]!.includes(index));
    });
  }
});

test("circles, unknown models, models listed twice and too many are refused", () => {
  const [first, second] = rainLineage().nodes as [
    LineageGraph["nodes"][number],
    LineageGraph["nodes"][number],
  ];
  const edge = (parent: string, child: string) => ({ parent, child, transformation: "merge" });
  const nodes = [first, second];
  assert.throws(
    () => orderedGraph({ nodes, edges: [edge("a1", "a2"), edge("a2", "a1")] }),
    failsWith("MENDLINE_STORE_CYCLE", /close a circle/),
  );
  assert.throws(
    () => orderedGraph({ nodes, edges: [edge("a1", "a1")] }),
    failsWith("MENDLINE_STORE_CYCLE", /rain@1/),
  );
  assert.throws(
    () => orderedGraph({ nodes, edges: [edge("a1", "zz")] }),
    failsWith("MENDLINE_ARGUMENT_INVALID", /zz.*list it too/),
  );
  assert.throws(
    () => orderedGraph({ nodes: [first, first], edges: [] }),
    failsWith("MENDLINE_ARGUMENT_INVALID", /twice/),
  );
  const many = Array.from({ length: 1001 }, (_, index) => ({ ...first, id: `${index}` }));
  assert.throws(
    () => orderedGraph({ nodes: many, edges: [] }),
    failsWith("MENDLINE_DATA_LIMIT", /1001 models.*1000/),
  );
  const edges = Array.from({ length: 10_001 }, () => edge("a1", "a2"));
  assert.throws(
    () => orderedGraph({ nodes, edges }),
    failsWith("MENDLINE_DATA_LIMIT", /10001 derivations.*10000/),
  );
});

test.run();
