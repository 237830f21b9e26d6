/** The lineage as text: a tree for terminals, and Mermaid for Markdown. */

import { formatLoss } from "./format.js";
import {
  commonMetrics,
  type LineageGraph,
  markSigns,
  markText,
  nodeTitle,
  type OrderedGraph,
  orderedGraph,
} from "./lineage-graph.js";
import { type TreeRow, treeRows } from "./lineage-rows.js";
import { visibleText } from "./markup.js";

/** What a piece of a line is, for whoever paints it. */
export type TextPart = "rail" | "transformation" | "name" | "reference" | "mark" | "note" | "figure";

export interface LineageTextOptions {
  /** Box characters and signs (true, by default), or ASCII. */
  readonly isUnicode?: boolean;
  /** Wraps a piece for a terminal; its text has no control characters. `mark` is the mark's own word. */
  readonly paint?: (text: string, part: TextPart, mark?: string) => string;
}

const rails = {
  unicode: { goesOn: "│  ", none: "   ", branch: "├─ ", last: "└─ ", main: "↓ ", dash: " ─ " },
  ascii: { goesOn: "|  ", none: "   ", branch: "+- ", last: "`- ", main: "v ", dash: " - " },
} as const;

/** Columns beyond which what is told of a model stands right behind it, not below that of the others. */
const alignedWidthMax = 64;

/**
 * A tree, parents above children, the derivation before the model; the line with the most behind it goes on straight (lineage-rows.ts):
 *
 *     rain@1  ★ chosen
 *     ├─ distillation ─ rain-distilled@1
 *     ↓ fine-tuning ─ rain@2  ▲ drifted
 *     ↓ repair scale=1.18 ─ rain@2-repair.1
 *
 * A model of several parents is shown in full below the newest and by name below the others. Control characters and direction marks
 * of names are written out, so that no name can move a terminal's cursor. No final line end.
 *
 * @throws MendlineError  as `orderedGraph`
 */
export function lineageText(graph: LineageGraph, options: LineageTextOptions = {}): string {
  const ordered = orderedGraph(graph);
  const metrics = commonMetrics(ordered);
  const lines = treeRows(ordered).map((row) => rowLine(ordered, row, metrics, options));
  const aligned = lines.filter(({ width, told }) => told !== "" && width <= alignedWidthMax);
  const column = Math.max(0, ...aligned.map(({ width }) => width));
  return lines
    .map(({ text, width, told }) =>
      told === "" ? text : text + " ".repeat(Math.max(0, column - width) + 2) + told,
    )
    .join("\n");
}

interface TextLine {
  readonly text: string;
  /** Characters of `text` without paint. */
  readonly width: number;
  /** Marks, notes and figures behind it. */
  readonly told: string;
}

function rowLine(
  graph: OrderedGraph,
  row: TreeRow,
  metrics: readonly string[],
  { isUnicode = true, paint = (text) => text }: LineageTextOptions,
): TextLine {
  const signs = isUnicode ? rails.unicode : rails.ascii;
  const told = row.references.length > 0 ? referencePieces(graph, row) : modelPieces(graph, row, signs.dash);
  const shown = [[leadOf(row, signs), "rail"] as const, ...told].map(
    ([text, part]) => [visibleText(text), part] as const,
  );
  return {
    text: shown.map(([text, part]) => paint(text, part)).join(""),
    width: shown.reduce((sum, [text]) => sum + [...text].length, 0),
    told: row.references.length > 0 ? "" : toldOf(graph, row, metrics, isUnicode, paint),
  };
}

type Piece = readonly [text: string, part: TextPart];

function modelPieces(graph: OrderedGraph, { node, edge }: TreeRow, dash: string): Piece[] {
  const name: Piece = [nodeTitle(graph.nodes[node]!), "name"];
  if (edge === null) return [name];
  const { transformation, note } = graph.edges[edge]!.edge;
  const made = [transformation, note].filter((text) => text !== undefined && text !== "").join(" ");
  return [[made, "transformation"], [dash, "rail"], name];
}

/** Names of a row of references; the others are counted. */
const referencesMax = 3;

function referencePieces(graph: OrderedGraph, { references }: TreeRow): Piece[] {
  const names = references
    .slice(0, referencesMax)
    .map((edge) => nodeTitle(graph.nodes[graph.edges[edge]!.child]!));
  const more = references.length - names.length;
  const pieces: Piece[] = [
    ["also in ", "rail"],
    [names.join(", "), "reference"],
  ];
  if (more > 0) pieces.push([` and ${more} more`, "rail"]);
  return pieces;
}

function leadOf({ depth, kind, rails: open }: TreeRow, signs: (typeof rails)["unicode" | "ascii"]): string {
  const before = (count: number) =>
    Array.from({ length: count }, (_, index) => (open[index] ? signs.goesOn : signs.none)).join("");
  if (kind === "root") return "";
  return kind === "main" ? before(depth) + signs.main : before(depth - 1) + signs[kind];
}

function toldOf(
  graph: OrderedGraph,
  { node, edge }: TreeRow,
  metrics: readonly string[],
  isUnicode: boolean,
  paint: NonNullable<LineageTextOptions["paint"]>,
): string {
  const { marks, note, metrics: figures = {} } = graph.nodes[node]!;
  const others = graph.incoming[node]!.filter((other) => other !== edge).map((other) =>
    nodeTitle(graph.nodes[graph.edges[other]!.parent]!),
  );
  const told: string[] = [];
  if (others.length > 0) told.push(paint(visibleText(`and from ${others.join(", ")}`), "note"));
  for (const mark of marks) told.push(paint(visibleText(isUnicode ? markText(mark) : mark), "mark", mark));
  if (note !== undefined && note !== "") told.push(paint(visibleText(`(${note})`), "note"));
  const shown = metrics.filter((name) => Object.hasOwn(figures, name));
  if (shown.length > 0)
    told.push(
      paint(visibleText(shown.map((name) => `${name} ${formatLoss(figures[name]!)}`).join(", ")), "figure"),
    );
  return told.join("  ");
}

const mermaidStyles: Readonly<Record<string, string>> = {
  drifted: "stroke:#a83e12,stroke-width:2px,stroke-dasharray:5 3",
  healthy: "stroke:#2a6a46,stroke-width:2px",
  chosen: "stroke:#2a6a46,stroke-width:4px",
  repaired: "stroke:#0a6384,stroke-width:4px",
};

/**
 * A Mermaid flowchart, left to right. Ids are made up (names may be words of Mermaid's), and whatever is no letter, digit or plain
 * sign becomes an entity code, so that a name stays a name.
 *
 * @throws MendlineError  as `orderedGraph`
 */
export function lineageMermaid(graph: LineageGraph): string {
  const { nodes, edges } = orderedGraph(graph);
  const lines = ["flowchart LR"];
  nodes.forEach((node, index) => {
    const label = [nodeTitle(node), ...node.marks.map(markText), ...(node.note ? [node.note] : [])];
    lines.push(`  n${index}["${label.map(mermaidText).join("<br/>")}"]`);
  });
  for (const { parent, child, edge } of edges) {
    const label = [edge.transformation, edge.note ?? ""].filter((text) => text !== "").map(mermaidText);
    lines.push(`  n${parent} -->${label.length > 0 ? `|"${label.join(" ")}"|` : ""} n${child}`);
  }
  for (const [mark, style] of Object.entries(mermaidStyles)) {
    const marked = nodes.flatMap(({ marks }, index) => (marks.includes(mark) ? [`n${index}`] : []));
    if (marked.length > 0) lines.push(`  classDef ${mark} ${style}`, `  class ${marked.join(",")} ${mark}`);
  }
  return lines.join("\n") + "\n";
}

const plainSigns = new Set(Object.values(markSigns));

function mermaidText(text: string): string {
  return Array.from(visibleText(text), (character) =>
    /[\p{L}\p{N}\p{M} ._@/:+-]/u.test(character) || plainSigns.has(character)
      ? character
      : `#${character.codePointAt(0)!};`,
  ).join("");
}
