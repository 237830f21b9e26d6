/** The lineage as a drawing. */
import { formatPlural, formatTime } from "./format.js";
import { type LineageGraph, markText, nodeTitle, type OrderedGraph, orderedGraph } from "./lineage-graph.js";
import { type Layout, type LayoutSizes, lineageLayout } from "./lineage-layout.js";
import { clipText, html, type Markup, visibleText } from "./markup.js";
import { fitText, px, svgMarkup, textWidth } from "./plot.js";

/** `right`: a wide drawing; `down`: a narrow one. */
export type LineageDirection = "right" | "down";

const marginPx = 6;
const titlePx = 13;
const linePx = 17;

interface Style {
  readonly direction: LineageDirection;
  readonly sizes: LayoutSizes;
  readonly nodeWidth: number;
  readonly nodeHeight: number;
  readonly labelWidthMax: number;
}

/**
 * An SVG of the lineage, for a page of this folder (its colours come from the style sheet). Derivations point right or down.
 *
 * @throws MendlineError MENDLINE_DATA_LIMIT, MENDLINE_ARGUMENT_INVALID, MENDLINE_STORE_CYCLE  see `orderedGraph`
 */
export function lineageSvg(graph: LineageGraph, direction: LineageDirection = "right"): string {
  return lineageDrawing(graph, direction, "lineage").toString();
}

export function lineageDrawing(graph: LineageGraph, direction: LineageDirection, className: string): Markup {
  return sizedDrawing(orderedGraph(graph), direction, className).drawing;
}

/** @returns the drawing, and its size in pixels */
export function sizedDrawing(
  ordered: OrderedGraph,
  direction: LineageDirection,
  className: string,
): { readonly drawing: Markup; readonly width: number; readonly height: number } {
  const style = drawingStyle(ordered, direction);
  const layout = lineageLayout(ordered, style.sizes);
  const [along, across] = turned(style, layout.lengthAlong, layout.lengthAcross);
  const [width, height] = [along + 2 * marginPx, across + 2 * marginPx];
  const curves = edgeCurves(ordered, layout, style);
  const drawing = svgMarkup({ width, height }, spokenText(ordered), className, [
    html`<g transform="translate(${marginPx} ${marginPx})">`,
    curves.map(
      ({ path, tip, className: kind }) =>
        html`<path class="edge${kind}" d="${path}"/><path class="tip${kind}" d="${tip}"/>`,
    ),
    ordered.nodes.map((_, node) => nodeMarkup(ordered, node, layout, style)),
    edgeLabels(ordered, curves, style),
    html`</g>`,
  ]);
  return { drawing, width, height };
}

/** (along, across) as (x, y). */
function turned(
  { direction }: { direction: LineageDirection },
  along: number,
  across: number,
): [number, number] {
  return direction === "right" ? [along, across] : [across, along];
}

function drawingStyle(graph: OrderedGraph, direction: LineageDirection): Style {
  const isRight = direction === "right";
  const lines = graph.nodes.map((_, node) => nodeLines(graph, node, direction));
  const widest = Math.max(
    0,
    ...lines.flat().map((line) => textWidth(clipText(line.text, 60), lineSizePx(line))),
  );
  const nodeWidth = Math.ceil(Math.min(isRight ? 230 : 140, Math.max(110, widest + 22)));
  const nodeHeight = 16 + linePx * Math.max(1, ...lines.map((texts) => texts.length));
  const labels = graph.edges.map(({ edge }) =>
    Math.max(labelWidth(edge.transformation), labelWidth(edge.note ?? "")),
  );
  const labelWidthMax = Math.min(120, Math.max(40, ...labels));
  const hasNotes = graph.edges.some(({ edge }) => edge.note !== undefined);
  const sizes = isRight
    ? {
        nodeAlong: nodeWidth,
        nodeAcross: nodeHeight,
        gapAlong: labelWidthMax + 28,
        gapAcross: 16,
        isTight: false,
      }
    : {
        nodeAlong: nodeHeight,
        nodeAcross: nodeWidth,
        gapAlong: hasNotes ? 64 : 50,
        gapAcross: 10,
        isTight: true,
      };
  return { direction, sizes, nodeWidth, nodeHeight, labelWidthMax };
}

function labelWidth(text: string): number {
  return textWidth(clipText(visibleText(text), 40), 11);
}

/** Marks of a node that get a line each in a narrow drawing; more are of no kind that mendline makes. */
const markLinesMax = 4;

interface NodeLine {
  readonly text: string;
  readonly className: "h" | "" | "t";
}

/** Title, marks, note; only lines that have something to say. */
function nodeLines({ nodes }: OrderedGraph, node: number, direction: LineageDirection): NodeLine[] {
  const { marks, note } = nodes[node]!;
  const signed = marks.map((mark) => visibleText(markText(mark)));
  const grouped = direction === "right" ? [signed.join("  ")] : signed.slice(0, markLinesMax);
  return [
    { text: visibleText(nodeTitle(nodes[node]!)), className: "h" as const },
    ...grouped.map((text) => ({ text, className: "" as const })),
    { text: visibleText(note ?? ""), className: "t" as const },
  ].filter(({ text }) => text !== "");
}

function lineSizePx({ className }: NodeLine): number {
  return className === "h" ? titlePx : 12;
}

const markClasses = ["drifted", "healthy", "chosen", "repaired"];

function nodeMarkup(graph: OrderedGraph, node: number, layout: Layout, style: Style): Markup {
  const { id, createdMs, marks, note } = graph.nodes[node]!;
  const { along, across } = layout.nodes[node]!;
  const [x, y] = turned(style, along, across);
  const lines = nodeLines(graph, node, style.direction);
  const top = (style.nodeHeight - lines.length * linePx) / 2 + 13;
  const texts = lines.map((line, index) => {
    const text = fitText(line.text, lineSizePx(line), style.nodeWidth - 20);
    return html`<text class="${line.className}" x="11" y="${px(top + index * linePx)}">${text}</text>`;
  });
  const told = [nodeTitle(graph.nodes[node]!), ...marks, note ?? "", clipText(id, 80), formatTime(createdMs)];
  const known = markClasses.filter((mark) => marks.includes(mark)).map((mark) => ` ${mark}`);
  return html`<g class="node${known}" transform="translate(${px(x)} ${px(y)})"><title>${clipText(told.filter((text) => text !== "").join(" · "), 600)}</title><rect width="${style.nodeWidth}" height="${style.nodeHeight}" rx="5"/>${texts}</g>
`;
}

interface Curve {
  readonly path: string;
  readonly tip: string;
  readonly className: string;
  /** Start and end of the last bend, (along, across). */
  readonly bend: readonly [readonly [number, number], readonly [number, number]];
}

function edgeCurves(graph: OrderedGraph, layout: Layout, style: Style): Curve[] {
  return graph.edges.map(({ edge, parent, child }, index) => {
    const { nodeAlong } = style.sizes;
    const from = layout.nodes[parent]!;
    const to = layout.nodes[child]!;
    let at: [number, number] = [
      from.along + nodeAlong,
      port(graph, layout, style, parent, index, "outgoing"),
    ];
    const point = (along: number, across: number) => turned(style, along, across).map(px).join(" ");
    let path = `M${point(...at)}`;
    const bendTo = (along: number, across: number) => {
      const middle = (at[0] + along) / 2;
      path += `C${point(middle, at[1])} ${point(middle, across)} ${point(along, across)}`;
    };
    for (const pass of layout.passes[index]!) {
      bendTo(pass.along, pass.across);
      at = [pass.along + nodeAlong, pass.across];
      path += `L${point(...at)}`;
    }
    const end = port(graph, layout, style, child, index, "incoming");
    bendTo(to.along - 7, end);
    const tip = `M${point(to.along - 8, end - 4)}L${point(to.along - 1, end)}L${point(to.along - 8, end + 4)}Z`;
    return {
      path,
      tip,
      className: edge.transformation === "repair" ? " repair" : "",
      bend: [at, [to.along, end]],
    };
  });
}

/** Where an edge meets its node: several are spread round the middle, in the order of their other ends. */
function port(
  graph: OrderedGraph,
  layout: Layout,
  { sizes }: Style,
  node: number,
  edge: number,
  side: "incoming" | "outgoing",
): number {
  const middle = layout.nodes[node]!.across + sizes.nodeAcross / 2;
  const edges = graph[side][node]!;
  const wayAcross = (index: number) => {
    const passes = layout.passes[index]!;
    const next = side === "incoming" ? passes.at(-1) : passes[0];
    const { parent, child } = graph.edges[index]!;
    const other = layout.nodes[side === "incoming" ? parent : child]!;
    return next === undefined ? other.across + sizes.nodeAcross / 2 : next.across;
  };
  const own = wayAcross(edge);
  const rank = edges.filter(
    (other) => wayAcross(other) < own || (wayAcross(other) === own && other < edge),
  ).length;
  const gap = Math.min(12, (sizes.nodeAcross - 16) / edges.length);
  return middle + (rank - (edges.length - 1) / 2) * gap;
}

/** Places along a bend where a label may stand, the best first. */
const labelPlaces = [0.5, 0.62, 0.38, 0.74, 0.26];

type Box = readonly [left: number, top: number, right: number, bottom: number];

function edgeLabels(graph: OrderedGraph, curves: readonly Curve[], style: Style): Markup[] {
  const taken: Box[] = [];
  return graph.edges.map(({ edge }, index) => {
    const lines = [edge.transformation, edge.note ?? ""]
      .filter((line) => line !== "")
      .map((line) => fitText(line, 11, style.labelWidthMax));
    const width = Math.max(0, ...lines.map((line) => textWidth(line, 11)));
    const boxes = labelPlaces.map((t) => labelBox(style, curves[index]!, t, width, lines.length));
    const box = boxes.find((one) => !taken.some((other) => overlaps(one, other))) ?? boxes[0]!;
    taken.push(box);
    const x = px((box[0] + box[2]) / 2);
    return html`<g><title>${clipText(visibleText([edge.transformation, edge.note ?? ""].join(" ")), 400)}</title>${lines.map((line, i) => html`<text class="t m halo" x="${x}" y="${px(box[1] + 11 + i * 13)}">${line}</text>`)}</g>`;
  });
}

function labelBox(
  style: Style,
  { bend: [from, to] }: Curve,
  t: number,
  width: number,
  lineCount: number,
): Box {
  // A bend's control points lie half way along, so it is symmetric: along is close to linear, across is 3 t^2 - 2 t^3.
  const s = 1 - t;
  const along = s ** 3 * from[0] + 3 * s * t * ((from[0] + to[0]) / 2) + t ** 3 * to[0];
  const across = from[1] + (to[1] - from[1]) * (3 * t * t - 2 * t ** 3);
  const [x, y] = turned(style, along, across);
  const height = 13 * lineCount + 2;
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}

function overlaps(one: Box, other: Box): boolean {
  return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
}

/** What the drawing says, for who does not see it. */
function spokenText(graph: OrderedGraph): string {
  const title = (node: number) => clipText(visibleText(nodeTitle(graph.nodes[node]!)), 60);
  const told = graph.edges
    .slice(0, 12)
    .map(({ edge, parent, child }) => `${title(child)} from ${title(parent)} by ${edge.transformation}`);
  const rest = graph.edges.length - told.length;
  if (rest > 0) told.push(`and ${formatPlural(rest, "more derivation")}`);
  const models = `Lineage of ${formatPlural(graph.nodes.length, "model")}`;
  return told.length === 0 ? models : `${models}: ${told.join("; ")}`;
}
