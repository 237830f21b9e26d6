/** The lineage as text: a tree for terminals, and Mermaid for Markdown. */

import {
  type LineageGraph,
  markSigns,
  markText,
  nodeTitle,
  type OrderedGraph,
  orderedGraph,
} from "./lineage-graph.js";
import { visibleText } from "./markup.js";

/**
 * A tree with box characters, parents above children, the derivation on the branch:
 *
 *     rain@1  ★ chosen
 *     ├─ fine-tuning ─ rain@2  ▲ drifted
 *     └─ distillation ─ rain-distilled@1
 *
 * A model of several parents is shown in full below the first and by name below the others. Control characters and direction marks
 * of names are written out, so that no name can move a terminal's cursor. No final line end.
 *
 * @throws MendlineError  as `orderedGraph`
 */
export function lineageText(graph: LineageGraph): string {
  const ordered = orderedGraph(graph);
  const lines: string[] = [];
  const shown = new Set<number>();
  const stack = ordered.nodes
    .flatMap((_, node) => (ordered.incoming[node]!.length === 0 ? [rootEntry(node)] : []))
    .toReversed();
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const isRepeated = shown.has(entry.node);
    lines.push(entryLine(ordered, entry, isRepeated));
    if (isRepeated) continue;
    shown.add(entry.node);
    stack.push(...childEntries(ordered, entry).toReversed());
  }
  return lines.join("\n");
}

interface TreeEntry {
  readonly node: number;
  /** Edge index; null for roots. */
  readonly edge: number | null;
  /** What stands before the line, and before the lines below it. */
  readonly lead: string;
  readonly indent: string;
}

function rootEntry(node: number): TreeEntry {
  return { node, edge: null, lead: "", indent: "" };
}

function childEntries(graph: OrderedGraph, { node, indent }: TreeEntry): TreeEntry[] {
  const edges = graph.outgoing[node]!;
  return edges.map((edge, index) => {
    const isLast = index === edges.length - 1;
    return {
      node: graph.edges[edge]!.child,
      edge,
      lead: indent + (isLast ? "└─ " : "├─ "),
      indent: indent + (isLast ? "   " : "│  "),
    };
  });
}

function entryLine(graph: OrderedGraph, { node, edge, lead }: TreeEntry, isRepeated: boolean): string {
  const { marks, note } = graph.nodes[node]!;
  let branch = "";
  if (edge !== null) {
    const { transformation, note: edgeNote } = graph.edges[edge]!.edge;
    branch = [transformation, edgeNote].filter((text) => text !== undefined && text !== "").join(" ") + " ─ ";
  }
  const parts = [branch + nodeTitle(graph.nodes[node]!)];
  if (isRepeated) parts.push("(see above)");
  else parts.push(...marks.map(markText), ...(note === undefined || note === "" ? [] : [`(${note})`]));
  return lead + visibleText(parts.join("  "));
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
