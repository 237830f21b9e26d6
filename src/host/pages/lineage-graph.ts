/** The lineage as the drawings take it, checked and in an order that does not depend on how it was listed. */
import { MendlineError } from "../../errors.js";
import { lineageDrawingEdgesMax, lineageDrawingNodesMax } from "../../limits.js";

export interface LineageNode {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly createdMs: number;
  /** "deployed", "drifted", "healthy", "chosen", "repaired" have signs of their own; others are shown as they are. */
  readonly marks: readonly string[];
  readonly note?: string;
  readonly metrics?: Readonly<Record<string, number>>;
}

export interface LineageEdge {
  /** Ids of nodes. */
  readonly parent: string;
  readonly child: string;
  readonly transformation: string;
  readonly note?: string;
}

export interface LineageGraph {
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly LineageEdge[];
}

/** Nodes by index; parents before children. */
export interface OrderedGraph {
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly OrderedEdge[];
  /** Indices of `edges`, by node. */
  readonly incoming: readonly (readonly number[])[];
  readonly outgoing: readonly (readonly number[])[];
}

export interface OrderedEdge {
  readonly parent: number;
  readonly child: number;
  readonly edge: LineageEdge;
}

export function nodeTitle({ name, version }: LineageNode): string {
  return `${name}@${version}`;
}

/** Metrics told of each model: more would hide the tree. */
const metricsToldMax = 2;

/** The names that the most models have, in falling order, then by name. */
export function commonMetrics({ nodes }: OrderedGraph): string[] {
  const counts = new Map<string, number>();
  for (const { metrics = {} } of nodes)
    for (const name of Object.keys(metrics)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort(([one, few], [other, many]) => many - few || compareTexts(one, other))
    .slice(0, metricsToldMax)
    .map(([name]) => name);
}

/** A sign for each mark that the drawings know. */
export const markSigns: Readonly<Record<string, string>> = {
  deployed: "●",
  drifted: "▲",
  healthy: "✓",
  chosen: "★",
  repaired: "✚",
};

export function markText(mark: string): string {
  return Object.hasOwn(markSigns, mark) ? `${markSigns[mark]} ${mark}` : mark;
}

/**
 * Oldest first, never a child before its parent.
 *
 * @throws MendlineError MENDLINE_DATA_LIMIT        more models or derivations than a drawing can show
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  an id twice, an edge to a model that is not listed
 * @throws MendlineError MENDLINE_STORE_CYCLE       the derivations close a circle
 */
export function orderedGraph(graph: LineageGraph): OrderedGraph {
  checkSize(graph);
  const sorted = graph.nodes.toSorted(compareNodes);
  const indexById = new Map(sorted.map(({ id }, index) => [id, index]));
  if (indexById.size < sorted.length) {
    const twice = sorted.find(({ id }, index) => indexById.get(id) !== index)!;
    throw invalid(`model ${twice.id} is listed twice in the lineage: list each once`);
  }
  const edges = graph.edges.map((edge): OrderedEdge => {
    const parent = indexById.get(edge.parent);
    const child = indexById.get(edge.child);
    if (parent === undefined || child === undefined) {
      const unknown = parent === undefined ? edge.parent : edge.child;
      throw invalid(
        `a derivation names model ${unknown}, which is not among the lineage's models: list it too`,
      );
    }
    return { parent, child, edge };
  });
  return renumbered(sorted, edges, topologicalOrder(sorted, edges));
}

function checkSize({ nodes, edges }: LineageGraph): void {
  const check = (count: number, max: number, what: string) => {
    if (count <= max) return;
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `the lineage has ${count} ${what}, a drawing shows ${max} at most: name a model to draw its ancestors and descendants only`,
      { details: { count, max } },
    );
  };
  check(nodes.length, lineageDrawingNodesMax, "models");
  check(edges.length, lineageDrawingEdgesMax, "derivations");
}

function invalid(message: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", message);
}

function compareNodes(left: LineageNode, right: LineageNode): number {
  return (
    left.createdMs - right.createdMs ||
    compareTexts(left.name, right.name) ||
    compareTexts(left.version, right.version) ||
    compareTexts(left.id, right.id)
  );
}

function compareTexts(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Kahn's algorithm that takes the oldest ready node first: sorted indices, the smallest next. */
function topologicalOrder(nodes: readonly LineageNode[], edges: readonly OrderedEdge[]): number[] {
  const waiting = nodes.map(() => 0);
  const children: number[][] = nodes.map(() => []);
  for (const { parent, child } of edges) {
    waiting[child]!++;
    children[parent]!.push(child);
  }
  const order: number[] = [];
  const ready = nodes.flatMap((_, index) => (waiting[index] === 0 ? [index] : []));
  while (ready.length > 0) {
    const next = ready.shift()!;
    order.push(next);
    for (const child of children[next]!) {
      if (--waiting[child]! > 0) continue;
      const place = ready.findIndex((other) => other > child);
      ready.splice(place < 0 ? ready.length : place, 0, child);
    }
  }
  if (order.length < nodes.length) {
    const stuck = nodes[waiting.findIndex((count) => count > 0)]!;
    throw new MendlineError(
      "MENDLINE_STORE_CYCLE",
      `the derivations of ${nodeTitle(stuck)} (${stuck.id}) close a circle: a model cannot descend from itself`,
    );
  }
  return order;
}

function renumbered(
  nodes: readonly LineageNode[],
  edges: readonly OrderedEdge[],
  order: readonly number[],
): OrderedGraph {
  const place: number[] = [];
  order.forEach((index, position) => {
    place[index] = position;
  });
  const moved = edges
    .map(({ parent, child, edge }) => ({ parent: place[parent]!, child: place[child]!, edge }))
    .sort(
      (left, right) =>
        left.child - right.child ||
        left.parent - right.parent ||
        compareTexts(left.edge.transformation, right.edge.transformation) ||
        compareTexts(left.edge.note ?? "", right.edge.note ?? ""),
    );
  const incoming: number[][] = nodes.map(() => []);
  const outgoing: number[][] = nodes.map(() => []);
  moved.forEach(({ parent, child }, index) => {
    incoming[child]!.push(index);
    outgoing[parent]!.push(index);
  });
  return { nodes: order.map((index) => nodes[index]!), edges: moved, incoming, outgoing };
}
