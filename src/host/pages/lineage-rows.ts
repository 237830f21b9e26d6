/**
 * The lineage as rows of a tree that stays narrow: a model's weightiest line goes on straight below it, at the same indent, and only
 * its other children branch off. So the indent grows with the logarithm of the number of models, however long their histories are
 * (a heavy path decomposition, Sleator and Tarjan 1983).
 *
 * A model of several parents hangs from the newest of them; each of the others has one row that refers to all such children.
 */
import type { OrderedGraph } from "./lineage-graph.js";

export interface TreeRow {
  /** The model that the row shows, or the first that it refers to. */
  readonly node: number;
  /** Index of the edge from the parent whose row it hangs from; null for roots. */
  readonly edge: number | null;
  /** Rails to the left of this row's own. */
  readonly depth: number;
  /** branch, last: hangs from the rail of the depth before, which goes on below a branch and ends at the last; main: goes on straight. */
  readonly kind: "root" | "branch" | "last" | "main";
  /** For each rail up to `depth`, whether it goes on below this row. */
  readonly rails: readonly boolean[];
  /** Whether rows hang from this one. */
  readonly hasRows: boolean;
  /** Edges to models that stand in full elsewhere; empty where the row shows its model. */
  readonly references: readonly number[];
}

interface Pending {
  readonly node: number;
  readonly edge: number | null;
  readonly depth: number;
  readonly kind: TreeRow["kind"];
  /** Of the rails before its own. */
  readonly rails: readonly boolean[];
  readonly references: readonly number[];
}

export function treeRows(graph: OrderedGraph): TreeRow[] {
  const owners = graph.nodes.map((_, node) => ownerEdge(graph, node));
  const sizes = treeSizes(graph, owners);
  const rows: TreeRow[] = [];
  const stack: Pending[] = [];
  for (let node = graph.nodes.length - 1; node >= 0; node--)
    if (owners[node] === null)
      stack.push({ node, edge: null, depth: 0, kind: "root", rails: [], references: [] });
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const children = next.references.length > 0 ? [] : childRows(graph, owners, sizes, next);
    const hasRows = children.length > 0;
    rows.push({ ...next, rails: [...next.rails, hasRows], hasRows });
    stack.push(...children.toReversed());
  }
  return rows;
}

function ownerEdge({ incoming, edges }: OrderedGraph, node: number): number | null {
  let owner: number | null = null;
  for (const edge of incoming[node]!)
    if (owner === null || edges[edge]!.parent > edges[owner]!.parent) owner = edge;
  return owner;
}

/** Models that hang from each, itself included. Parents come before their children. */
function treeSizes(graph: OrderedGraph, owners: readonly (number | null)[]): number[] {
  const sizes = graph.nodes.map(() => 1);
  for (let node = graph.nodes.length - 1; node >= 0; node--) {
    const owner = owners[node];
    if (owner != null) sizes[graph.edges[owner]!.parent]! += sizes[node]!;
  }
  return sizes;
}

/** References, branches oldest first, then the line that goes on: an only child, or the one with the most behind it. */
function childRows(
  graph: OrderedGraph,
  owners: readonly (number | null)[],
  sizes: readonly number[],
  { node, depth, rails }: Pending,
): Pending[] {
  const [own, references]: [number[], number[]] = [[], []];
  for (const edge of graph.outgoing[node]!)
    (owners[graph.edges[edge]!.child] === edge ? own : references).push(edge);
  const sizeOf = (edge: number) => sizes[graph.edges[edge]!.child]!;
  const heaviest = own.reduce<number | null>(
    (best, edge) => (best === null || sizeOf(edge) > sizeOf(best) ? edge : best),
    null,
  );
  const isLine = heaviest !== null && ((own.length === 1 && references.length === 0) || sizeOf(heaviest) > 1);
  const main = isLine ? heaviest : null;
  const branches: { edge: number; references: readonly number[] }[] = own
    .filter((edge) => edge !== main)
    .map((edge) => ({ edge, references: [] }));
  if (references.length > 0) branches.unshift({ edge: references[0]!, references });
  const rows = branches.map(({ edge, references }, index): Pending => {
    const isLast = main === null && index === branches.length - 1;
    const kind = isLast ? "last" : "branch";
    const { child } = graph.edges[edge]!;
    return { node: child, edge, depth: depth + 1, kind, rails: [...rails, !isLast], references };
  });
  if (main !== null)
    rows.push({ node: graph.edges[main]!.child, edge: main, depth, kind: "main", rails, references: [] });
  return rows;
}
