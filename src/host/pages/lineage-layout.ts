/**
 * Layered drawing of a lineage: every derivation points forward, layer by layer.
 *
 * The four steps of Sugiyama, Tagawa and Toda 1981: layers by longest path, way points where an edge passes a layer, order within
 * the layers by barycentres with few crossings, positions by least squares under the least distances.
 */
import type { OrderedGraph } from "./lineage-graph.js";
import { separatedPositions } from "./plot.js";

export interface LayoutSizes {
  readonly nodeAlong: number;
  readonly nodeAcross: number;
  readonly gapAlong: number;
  readonly gapAcross: number;
  /** True to take no more room across than the fullest layer needs, at the price of less straight edges. */
  readonly isTight: boolean;
}

/** Along: the way derivations point, from 0. Across: at right angles. */
export interface PlacedNode {
  readonly layer: number;
  readonly along: number;
  readonly across: number;
}

export interface Layout {
  /** By node index; the corner nearest to the origin. */
  readonly nodes: readonly PlacedNode[];
  /** By edge index: where the edge passes the layers between its ends, as the middle of the layer's way across. */
  readonly passes: readonly (readonly PlacedNode[])[];
  readonly lengthAlong: number;
  readonly lengthAcross: number;
}

/** A node, or a place where an edge passes a layer. */
interface Item {
  readonly layer: number;
  readonly node: number | null;
  readonly before: number[];
  readonly after: number[];
}

/** Way points a node: many long edges would cost more time than they bring order; then edges run straight. */
const passesPerNodeMax = 20;
const sweepsMax = 12;

export function lineageLayout(graph: OrderedGraph, sizes: LayoutSizes): Layout {
  const layers = nodeLayers(graph);
  const { items, passes } = itemsOf(graph, layers);
  const order = orderedLayers(items);
  const centres = placedCentres(items, order, sizes);
  const step = sizes.nodeAlong + sizes.gapAlong;
  const [lowest, highest] = extent(items, centres, sizes);
  const place = (index: number): PlacedNode => {
    const item = items[index]!;
    const half = item.node === null ? 0 : sizes.nodeAcross / 2;
    return { layer: item.layer, along: item.layer * step, across: centres[index]! - lowest - half };
  };
  return {
    nodes: graph.nodes.map((_, index) => place(index)),
    passes: passes.map((list) => list.map(place)),
    lengthAlong: Math.max(0, order.length * step - sizes.gapAlong),
    lengthAcross: highest - lowest,
  };
}

function extent(items: readonly Item[], centres: readonly number[], sizes: LayoutSizes): [number, number] {
  if (items.length === 0) return [0, 0];
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  items.forEach((item, index) => {
    lowest = Math.min(lowest, centres[index]! - thickness(item, sizes) / 2);
    highest = Math.max(highest, centres[index]! + thickness(item, sizes) / 2);
  });
  return [lowest, highest];
}

/** One more than the furthest parent; a node without parents stands right before its first child. */
function nodeLayers({ nodes, edges, incoming, outgoing }: OrderedGraph): number[] {
  const layers = nodes.map(() => 0);
  nodes.forEach((_, node) => {
    for (const edge of incoming[node]!)
      layers[node] = Math.max(layers[node]!, layers[edges[edge]!.parent]! + 1);
  });
  nodes.forEach((_, node) => {
    if (incoming[node]!.length > 0 || outgoing[node]!.length === 0) return;
    layers[node] = Math.min(...outgoing[node]!.map((edge) => layers[edges[edge]!.child]! - 1));
  });
  return layers;
}

function itemsOf(graph: OrderedGraph, layers: readonly number[]): { items: Item[]; passes: number[][] } {
  const items: Item[] = layers.map((layer, node) => ({ layer, node, before: [], after: [] }));
  const spans = graph.edges.map(({ parent, child }) => layers[child]! - layers[parent]! - 1);
  const hasPasses = spans.reduce((sum, span) => sum + span, 0) <= passesPerNodeMax * graph.nodes.length;
  const connect = (before: number, after: number) => {
    items[before]!.after.push(after);
    items[after]!.before.push(before);
  };
  const passes = graph.edges.map(({ parent, child }, edge) => {
    const list: number[] = [];
    let last = parent;
    for (let i = 1; hasPasses && i <= spans[edge]!; i++) {
      const index = items.push({ layer: layers[parent]! + i, node: null, before: [], after: [] }) - 1;
      connect(last, index);
      list.push(index);
      last = index;
    }
    if (hasPasses || spans[edge] === 0) connect(last, child);
    return list;
  });
  return { items, passes };
}

function orderedLayers(items: readonly Item[]): number[][] {
  const layerCount = items.reduce((max, { layer }) => Math.max(max, layer + 1), 0);
  let order: number[][] = Array.from({ length: layerCount }, () => []);
  for (const index of depthFirst(items)) order[items[index]!.layer]!.push(index);
  let best = order;
  let fewest = crossingCount(items, order);
  for (let sweep = 0; sweep < sweepsMax && fewest > 0; sweep++) {
    order = sweptOrder(items, order, sweep % 2 === 0);
    const crossings = crossingCount(items, order);
    if (crossings < fewest) {
      fewest = crossings;
      best = order;
    }
  }
  return best;
}

/** Families together: a good first order, and one without crossings for trees. */
function depthFirst(items: readonly Item[]): number[] {
  const seen = items.map(() => false);
  const order: number[] = [];
  for (let root = 0; root < items.length; root++) {
    if (items[root]!.before.length > 0) continue;
    const stack = [root];
    while (stack.length > 0) {
      const index = stack.pop()!;
      if (seen[index]) continue;
      seen[index] = true;
      order.push(index);
      stack.push(...items[index]!.after.toReversed());
    }
  }
  return order;
}

function sweptOrder(items: readonly Item[], order: readonly number[][], isForward: boolean): number[][] {
  const swept = order.map((layer) => [...layer]);
  const place: number[] = [];
  const note = (layer: readonly number[]) => {
    layer.forEach((index, position) => {
      place[index] = position;
    });
  };
  const sequence = isForward ? swept : swept.toReversed();
  for (const layer of sequence) {
    note(layer);
    const centre = new Map(
      layer.map((index) => {
        const neighbours = isForward ? items[index]!.before : items[index]!.after;
        return [
          index,
          neighbours.length === 0 ? place[index]! : mean(neighbours.map((other) => place[other]!)),
        ];
      }),
    );
    layer.sort((left, right) => centre.get(left)! - centre.get(right)! || place[left]! - place[right]!);
    note(layer);
  }
  return swept;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function mean(values: readonly number[]): number {
  return sumOf(values) / values.length;
}

/** Inversions among the far ends of the edges between neighbouring layers, counted by a Fenwick tree. */
function crossingCount(items: readonly Item[], order: readonly number[][]): number {
  let crossings = 0;
  for (let layer = 0; layer + 1 < order.length; layer++) {
    const place = new Map(order[layer + 1]!.map((index, position) => [index, position]));
    const tree = new Float64Array(place.size + 1);
    let count = 0;
    for (const index of order[layer]!) {
      const ends = items[index]!.after.map((other) => place.get(other)!);
      for (const end of ends) {
        let atMost = 0;
        for (let i = end + 1; i > 0; i -= i & -i) atMost += tree[i]!;
        crossings += count - atMost;
      }
      for (const end of ends) {
        count++;
        for (let i = end + 1; i < tree.length; i += i & -i) tree[i]!++;
      }
    }
  }
  return crossings;
}

function thickness({ node }: Item, { nodeAcross, gapAcross }: LayoutSizes): number {
  return node === null ? gapAcross : nodeAcross;
}

/** Each item near the middle of its neighbours; way points weigh more, so that long edges run straight. */
function placedCentres(items: readonly Item[], order: readonly number[][], sizes: LayoutSizes): number[] {
  const centres = items.map(() => 0);
  const gaps = order.map((layer) =>
    layer.map((index, position) =>
      position === 0
        ? 0
        : (thickness(items[layer[position - 1]!]!, sizes) + thickness(items[index]!, sizes)) / 2 +
          sizes.gapAcross,
    ),
  );
  const half = (index: number) => thickness(items[index]!, sizes) / 2;
  const widths = order.map((layer, number) => half(layer[0]!) + sumOf(gaps[number]!) + half(layer.at(-1)!));
  const widest = widths.reduce((max, width) => Math.max(max, width), 0);
  const layerBounds = (layer: readonly number[], width: number): [number, number] => [
    half(layer[0]!),
    width - half(layer.at(-1)!),
  ];
  const settle = (number: number, wish: (item: Item, index: number) => number) => {
    const layer = order[number]!;
    const wishes = layer.map((index) => wish(items[index]!, index));
    const weights = layer.map((index) => (items[index]!.node === null ? 4 : 1));
    const bounds = sizes.isTight ? layerBounds(layer, widest) : undefined;
    separatedPositions(wishes, gaps[number]!, { weights, ...(bounds && { bounds }) }).forEach(
      (position, i) => {
        centres[layer[i]!] = position;
      },
    );
  };
  const meanOf = (list: readonly number[], index: number) =>
    list.length === 0 ? centres[index]! : mean(list.map((other) => centres[other]!));
  for (let layer = 0; layer < order.length; layer++)
    settle(layer, ({ before }, index) => meanOf(before, index));
  for (let round = 0; round < 6; round++) {
    for (let layer = order.length - 1; layer >= 0; layer--)
      settle(layer, ({ after }, index) => meanOf(after, index));
    for (let layer = 0; layer < order.length; layer++) {
      settle(layer, ({ before, after }, index) => meanOf([...before, ...after], index));
    }
  }
  return centres;
}
