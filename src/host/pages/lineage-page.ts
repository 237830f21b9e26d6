/** The page of `mendline model tree --html`: a drawing where there is room for one, and the tree at any size. */
import { formatPlural } from "./format.js";
import { sizedDrawing } from "./lineage-drawing.js";
import { type LineageGraph, type OrderedGraph, orderedGraph } from "./lineage-graph.js";
import { lineageText } from "./lineage-text.js";
import { lineageTree } from "./lineage-tree.js";
import { html, type Markup, nameMarkup } from "./markup.js";
import { footerMarkup, pageDocument, scrollMarkup } from "./page.js";

export type { LineageEdge, LineageGraph, LineageNode } from "./lineage-graph.js";
export { type LineageTextOptions, lineageMermaid, lineageText, type TextPart } from "./lineage-text.js";

/** A drawing that would have to be scrolled tells less than the tree below it. Pixels within the page's panel; models by their layout's time. */
const drawnWidthMax = 1_000;
const drawnHeightMax = 560;
const drawnNodesMax = 40;
/** Fewer rows than this are found by looking. */
const filteredRowsMin = 12;

export function lineagePage(graph: LineageGraph, title: string): string {
  const ordered = orderedGraph(graph);
  const drawing = fittingDrawing(ordered);
  const body = html`<header><p class="kicker">Model lineage</p><h1>${nameMarkup(title, 160)}</h1><p class="lede">${formatPlural(ordered.nodes.length, "model")}, ${formatPlural(ordered.edges.length, "derivation")}. ${legend(drawing !== null)}</p></header>
${drawing !== null && html`<figure>${scrollMarkup("Drawing of the lineage", drawing, "panel scroll")}</figure>`}
<section><h2>Tree</h2>
${ordered.nodes.length >= filteredRowsMin && html`<label class="filter" hidden>Show models named <input type="search"></label>`}
${scrollMarkup("Tree of models", lineageTree(ordered))}
<details class="more"><summary>The lineage as text</summary><pre>${linesMarkup(lineageText(graph))}</pre></details></section>
${footerMarkup()}`;
  return pageDocument({ title, body, script: filterScript });
}

function legend(isDrawn: boolean): string {
  const tree =
    "In the tree a model hangs from its newest parent, and the line with the most behind it goes straight on.";
  return isDrawn ? `Arrows point from a parent to what was made of it. ${tree}` : tree;
}

/** To the right, else downwards, else none. */
function fittingDrawing(graph: OrderedGraph): Markup | null {
  if (graph.nodes.length > drawnNodesMax || graph.edges.length === 0) return null;
  for (const direction of ["right", "down"] as const) {
    const { drawing, width, height } = sizedDrawing(graph, direction, "lineage");
    if (width <= drawnWidthMax && height <= drawnHeightMax) return drawing;
  }
  return null;
}

/** Text of several lines, escaped line by line: a line end within a template's value would be written out as `[U+000A]`. */
export function linesMarkup(text: string): Markup[] {
  return text.split("\n").map((line, index) => (index === 0 ? html`${line}` : html`\n${line}`));
}

/** Without it the page lacks only the filter. Rails between rows that are not neighbours would lie, so that a filtered tree is a list. */
const filterScript = `(() => {
const label = document.querySelector(".filter");
if (!label) return;
const table = document.querySelector("table.tree");
label.hidden = false;
label.querySelector("input").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  table.classList.toggle("flat", wanted !== "");
  for (const row of table.tBodies[0].rows)
    row.hidden = wanted !== "" && (row.className === "also" || !row.cells[0].textContent.toLowerCase().includes(wanted));
});
})();`;
