/** The lineage as a tree in a table: rails and dots before the names, what is known of each model beside them. */
import { formatLoss, formatTime, isoTime } from "./format.js";
import { commonMetrics, markText, nodeTitle, type OrderedGraph } from "./lineage-graph.js";
import { type TreeRow, treeRows } from "./lineage-rows.js";
import { clipText, html, type Markup, nameMarkup } from "./markup.js";
import { px } from "./plot.js";

const railPx = 16;
/** As the style sheet's `.tree td`. */
const rowPx = 30;
const middle = rowPx / 2;

export function lineageTree(graph: OrderedGraph): Markup {
  const metrics = commonMetrics(graph);
  const rows = treeRows(graph).map((row) =>
    row.references.length > 0 ? referenceRow(graph, row, 4 + metrics.length) : modelRow(graph, row, metrics),
  );
  const heads = metrics.map((name) => html`<th scope="col" class="n">${nameMarkup(name, 24)}</th>`);
  return html`<table class="tree"><thead><tr><th scope="col">Model</th><th scope="col">Made by</th><th scope="col">Marks</th>${heads}<th scope="col">Made</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function modelRow(graph: OrderedGraph, row: TreeRow, metrics: readonly string[]): Markup {
  const { id, name, version, createdMs, marks, note, metrics: figures = {} } = graph.nodes[row.node]!;
  const cells = metrics.map(
    (metric) =>
      html`<td class="n">${Object.hasOwn(figures, metric) ? formatLoss(figures[metric]!) : ""}</td>`,
  );
  const signs = marks.map((mark) => html`<span class="mark ${markClass([mark])}">${markText(mark)}</span> `);
  return html`<tr id="m${row.node}"><th scope="row"><div>${railsMarkup(graph, row)}<span title="${clipText(id, 80)}">${nameMarkup(name, 60)}@${nameMarkup(version, 40)}</span></div></th><td>${madeBy(graph, row)}</td><td>${signs}${note !== undefined && html`<small>${note}</small>`}</td>${cells}<td>${dateMarkup(createdMs)}</td></tr>
`;
}

/** The day; the rest of it on hovering. */
function dateMarkup(ms: number): Markup {
  const iso = isoTime(ms);
  return iso === null
    ? html`unknown`
    : html`<time datetime="${iso}" title="${formatTime(ms)}">${iso.slice(0, 10)}</time>`;
}

const markClasses = ["deployed", "drifted", "healthy", "chosen", "repaired"];

/** The class of the first mark that has a colour of its own. */
function markClass(marks: readonly string[]): string {
  return markClasses.find((mark) => marks.includes(mark)) ?? "plain";
}

function madeBy(graph: OrderedGraph, { node, edge: own }: TreeRow): Markup {
  const made = graph.incoming[node]!.toSorted((one, other) => Number(other === own) - Number(one === own));
  const parts = made.map((index) => {
    const { edge, parent } = graph.edges[index]!;
    if (index === own)
      return html`${edge.transformation} ${edge.note !== undefined && html`<small>${edge.note}</small>`}`;
    return html` <small>and from</small> ${modelLink(graph, parent)}`;
  });
  return html`${parts}`;
}

function modelLink(graph: OrderedGraph, node: number): Markup {
  return html`<a href="#m${node}">${clipText(nodeTitle(graph.nodes[node]!), 60)}</a>`;
}

/** Links of one row of references; the others are counted. */
const linksMax = 6;

function referenceRow(graph: OrderedGraph, row: TreeRow, columns: number): Markup {
  const links = row.references.slice(0, linksMax).map((edge, index) => {
    const link = modelLink(graph, graph.edges[edge]!.child);
    return index === 0 ? link : html`, ${link}`;
  });
  const more = row.references.length - links.length;
  return html`<tr class="also"><td colspan="${columns}"><div>${railsMarkup(graph, row)}<span>also in ${links}${more > 0 && html` and ${more} more`}</span></div></td></tr>
`;
}

/** The rails that pass a row, the bend by which it hangs from its parent, and its dot. */
function railsMarkup(
  graph: OrderedGraph,
  { node, edge, depth, kind, rails, hasRows, references }: TreeRow,
): Markup {
  const x = (rail: number) => railPx / 2 + rail * railPx;
  const own = x(depth);
  const straight = rails
    .slice(0, depth)
    .flatMap((goesOn, rail) => (goesOn ? [`M${px(x(rail))} 0V${rowPx}`] : []));
  if (hasRows) straight.push(`M${px(own)} ${middle}V${rowPx}`);
  const before = x(depth - 1);
  const way = {
    root: "",
    main: `M${px(own)} 0V${middle}`,
    branch: `M${px(before)} ${middle - 10}Q${px(before)} ${middle} ${px(before + 10)} ${middle}H${px(own)}`,
    last: `M${px(before)} 0V${middle - 10}Q${px(before)} ${middle} ${px(before + 10)} ${middle}H${px(own)}`,
  }[kind];
  const isRepair =
    edge !== null && graph.edges[edge]!.edge.transformation === "repair" && references.length === 0;
  const dot = references.length === 0 && dotMarkup(graph, node, own);
  return html`<svg width="${own + railPx / 2 + 4}" height="${rowPx}" aria-hidden="true"><path d="${straight.join("")}"/>${way !== "" && html`<path class="${isRepair ? "repair" : "way"}" d="${way}"/>`}${dot}</svg>`;
}

/** Round; a model of several parents is a square on its corner. */
function dotMarkup(graph: OrderedGraph, node: number, x: number): Markup {
  const className = `dot ${markClass(graph.nodes[node]!.marks)}`;
  if (graph.incoming[node]!.length < 2)
    return html`<circle class="${className}" cx="${px(x)}" cy="${middle}" r="4.5"/>`;
  return html`<path class="${className}" d="M${px(x)} ${middle - 6}L${px(x + 6)} ${middle}L${px(x)} ${middle + 6}L${px(x - 6)} ${middle}Z"/>`;
}
