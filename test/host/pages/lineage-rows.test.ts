import { test } from "uvu";
import * as assert from "uvu/assert";
import { orderedGraph } from "../../../src/host/pages/lineage-graph.js";
import { type TreeRow, treeRows } from "../../../src/host/pages/lineage-rows.js";
import { randomLineage } from "./samples.js";

/** The row from which each row hangs, told from depths and kinds alone, as a reader would. */
function parentRows(rows: readonly TreeRow[]): (number | null)[] {
  const lastAt: number[] = [];
  return rows.map(({ depth, kind, references }, index) => {
    const parent = kind === "root" ? null : kind === "main" ? lastAt[depth]! : lastAt[depth - 1]!;
    if (references.length === 0) lastAt[depth] = index;
    return parent;
  });
}

test("every model once, every derivation told, and each row below its parent's", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const graph = orderedGraph(randomLineage(seed, 3 * seed));
    const rows = treeRows(graph);
    const parents = parentRows(rows);
    const shown = rows.filter(({ references }) => references.length === 0);
    assert.equal(
      shown.map(({ node }) => node).toSorted((one, other) => one - other),
      graph.nodes.map((_, node) => node),
    );
    const told = [
      ...shown.flatMap(({ edge }) => (edge === null ? [] : [edge])),
      ...rows.flatMap(({ references }) => references),
    ];
    assert.equal(
      told.toSorted((one, other) => one - other),
      graph.edges.map((_, edge) => edge),
    );
    for (const [index, row] of rows.entries()) {
      if (row.edge === null) continue;
      const parent = rows[parents[index]!]!;
      assert.is(parent.node, graph.edges[row.edge]!.parent);
      assert.ok(parents[index]! < index);
      // From the newest parent.
      if (row.references.length === 0) {
        const newest = Math.max(...graph.incoming[row.node]!.map((edge) => graph.edges[edge]!.parent));
        assert.is(parent.node, newest);
      }
    }
  }
});

/** Whether the row begins another rail of that depth. */
function startsRail({ depth, kind }: TreeRow, rail: number): boolean {
  return depth === rail && kind !== "main";
}

test("rails go on exactly where a later row hangs from them", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const rows = treeRows(orderedGraph(randomLineage(seed, 3 * seed)));
    const parents = parentRows(rows);
    for (const [index, { rails, depth, kind, hasRows }] of rows.entries()) {
      for (let rail = 0; rail <= depth; rail++) {
        const hangs = rows.some((later, place) => {
          if (place <= index || parents[place] === null) return false;
          const railOf = later.kind === "main" ? later.depth : later.depth - 1;
          const ends = rows.slice(index + 1, place).some((one) => one.depth < rail || startsRail(one, rail));
          return railOf === rail && !ends;
        });
        assert.is(rails[rail], hangs, `seed ${seed}, row ${index}, rail ${rail}`);
      }
      assert.is(hasRows, rails[depth]);
      if (kind === "last") assert.not.ok(rails[depth - 1]);
      if (kind === "branch") assert.ok(rails[depth - 1]);
    }
  }
});

test("the indent grows with the logarithm of the models, whatever their history", () => {
  const depthOf = (graph: Parameters<typeof orderedGraph>[0]) =>
    Math.max(...treeRows(orderedGraph(graph)).map(({ depth }) => depth));
  for (let seed = 1; seed <= 5; seed++) assert.ok(depthOf(randomLineage(seed, 1_000)) <= 11);
  // At every version of a long line a side branch of two.
  const node = (index: number) => ({ id: `${index}`, name: "m", version: "", createdMs: index, marks: [] });
  const nodes = Array.from({ length: 900 }, (_, index) => node(index));
  const edges = nodes.slice(1).map((_, index) => {
    const parent = index % 3 === 0 ? index - 2 : index % 3 === 1 ? index : index - 1;
    return { parent: `${Math.max(0, parent)}`, child: `${index + 1}`, transformation: "other" };
  });
  assert.ok(depthOf({ nodes, edges }) <= 2);
});

test.run();
