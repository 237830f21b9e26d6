/** The page of one drift report: the verdict, a table of the features, and each feature's two distributions. */
import type { DriftReport, Verdict } from "../drift/report.js";
import { distributionKey } from "./distribution.js";
import { type FeatureEntry, featureMarkup, movedText } from "./drift-feature.js";
import { formatCount, formatLoss, formatPlural, formatPValue, formatShare } from "./format.js";
import { html, type Markup, nameMarkup, type Part } from "./markup.js";
import {
  factsMarkup,
  footerMarkup,
  pageDocument,
  scrollMarkup,
  timeMarkup,
  verdictClass,
  verdictMarkup,
} from "./page.js";

export interface DriftPageMeta {
  readonly title: string;
  /** What the reference is called: a file, a profile. */
  readonly reference: string;
  readonly current: string;
  readonly createdMs: number;
}

/** Features that are open from the start: what drifted, as long as the page stays short enough to read and to print. */
const openMax = 12;

/** @returns an HTML document; the same input gives the same bytes */
export function driftPage(report: DriftReport, meta: DriftPageMeta): string {
  const entries = sortedEntries(report);
  const body = html`<header><p class="kicker">Drift report</p><h1>${nameMarkup(meta.title, 160)}</h1>${banner(report, entries)}${facts(report, entries, meta)}${schemaMarkup(report)}</header>
<section><h2>Features</h2>
${entries.length > 12 && html`<label class="filter" hidden>Show features named <input type="search"></label>`}
${scrollMarkup("Table of features", featureTable(entries), entries.length > 25 ? "scroll tall" : "scroll")}
</section>
<section><h2>Distributions</h2>
<p class="soft small">The area of a bar is its share of the rows. The bins hold about equally many rows of the reference each; very wide and very narrow ones are drawn at a limited width, the first and the last are open to their side. Hover over a bin for its numbers.</p>
${distributionKey()}
${entries.map((entry, index) => featureMarkup(entry, index < openMax && entry.feature.verdict === "drift"))}
</section>
<section><h2>How to read this</h2>${explanation()}</section>
${footerMarkup(meta.createdMs)}`;
  return pageDocument({ title: meta.title, body, script: tableScript });
}

const verdictOrder: Readonly<Record<Verdict, number>> = { drift: 0, "insufficient-data": 1, stable: 2 };

/** What needs a look first: drifted ones, then by PSI; ties by name, so that equal reports give equal pages. */
function sortedEntries(report: DriftReport): FeatureEntry[] {
  const rank = (value: number) => (Number.isFinite(value) ? value : 0);
  return Object.entries(report.features)
    .sort(
      ([leftName, left], [rightName, right]) =>
        verdictOrder[left.verdict] - verdictOrder[right.verdict] ||
        rank(right.psi.value) - rank(left.psi.value) ||
        (leftName < rightName ? -1 : 1),
    )
    .map(([name, feature], index) => ({ name, feature, anchor: `feature-${index + 1}` }));
}

function countOf(entries: readonly FeatureEntry[], verdict: Verdict): number {
  return entries.filter(({ feature }) => feature.verdict === verdict).length;
}

function banner(report: DriftReport, entries: readonly FeatureEntry[]): Markup {
  return html`<div class="banner ${verdictClass(report.verdict)}">${verdictMarkup(report.verdict)}<p>${bannerText(report, entries)}</p></div>`;
}

function bannerText(report: DriftReport, entries: readonly FeatureEntry[]): string {
  const drifted = countOf(entries, "drift");
  const unsure = countOf(entries, "insufficient-data");
  const of = `${formatCount(drifted)} of ${formatPlural(entries.length, "feature")}`;
  if (report.rows.current === 0) return "There are no current rows.";
  if (report.verdict === "drift") return `${of} moved away from the reference.`;
  if (report.verdict === "insufficient-data") {
    return "With so few rows, chance alone could look like drift. Compare more rows.";
  }
  const rest =
    unsure === 0 ? "" : ` ${formatPlural(unsure, "feature has", "features have")} too few rows to tell.`;
  if (drifted > 0) return `${of} moved, fewer than the rule asks for.${rest}`;
  return `No feature is shown to have moved away from the reference.${rest}`;
}

function facts(report: DriftReport, entries: readonly FeatureEntry[], meta: DriftPageMeta): Markup {
  const rowsOf = (name: string, rows: number) =>
    html`${nameMarkup(name)}<small>${formatPlural(rows, "row")}</small>`;
  const counts = (["drift", "stable", "insufficient-data"] as const)
    .map((verdict) => ({ verdict, count: countOf(entries, verdict) }))
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => html`${formatCount(count)} ${verdictMarkup(verdict)}<br>`);
  return factsMarkup([
    { term: "Reference", value: rowsOf(meta.reference, report.rows.reference) },
    { term: "Current", value: rowsOf(meta.current, report.rows.current) },
    { term: "Features", value: counts.length > 0 ? counts : "none" },
    { term: "Made", value: timeMarkup(meta.createdMs) },
  ]);
}

/** Columns named at most; the rest are counted. */
const namesMax = 20;

/** Columns that are not the reference's. */
function schemaMarkup({ schema }: DriftReport): Part {
  if (schema === undefined) return null;
  const { added, gone, changed } = schema;
  const list = (parts: readonly Part[]) =>
    html`${parts.slice(0, namesMax).map((part, index) => html`${index > 0 && ", "}${part}`)}${parts.length > namesMax && ` and ${formatCount(parts.length - namesMax)} more`}`;
  const lines: [string, Part[]][] = [
    ["Gone, counted as missing", gone.map((name) => nameMarkup(name))],
    ["Not in the reference", added.map((name) => nameMarkup(name))],
    [
      "Of another type",
      changed.map(
        ({ feature, reference, current }) => html`${nameMarkup(feature)} (${reference}, now ${current})`,
      ),
    ],
  ];
  const told = lines.filter(([, names]) => names.length > 0);
  if (told.length === 0) return null;
  return html`<dl class="stats columns">${told.map(([term, names]) => html`<dt>${term}</dt><dd>${list(names)}</dd>`)}</dl>`;
}

/** The first click on a heading sorts names upwards and numbers downwards: what is large needs a look. */
const columns = [
  { title: "Feature", isNumber: false },
  { title: "Verdict", isNumber: false },
  { title: "PSI", isNumber: true },
  { title: "p at threshold", isNumber: true },
  { title: "KS", isNumber: true },
  { title: "KL", isNumber: true },
  { title: "Missing", isNumber: true },
] as const;

function featureTable(entries: readonly FeatureEntry[]): Markup {
  const heads = columns.map(
    ({ title, isNumber }) =>
      html`<th scope="col"${isNumber && html` class="n"`}><button type="button">${title}</button></th>`,
  );
  return html`<table class="sortable"><thead><tr>${heads}</tr></thead><tbody>
${entries.map(featureRow)}</tbody></table>`;
}

function featureRow({ name, feature, anchor }: FeatureEntry): Markup {
  const { psi, ks, kl, missing, verdict } = feature;
  const number = (value: number | null, text: string) =>
    html`<td class="n" data-v="${value ?? ""}">${text}</td>`;
  return html`<tr><th scope="row"><a href="#${anchor}">${nameMarkup(name)}</a>${verdict === "drift" && html`<small>${movedText(feature)}</small>`}</th><td data-v="${verdictOrder[verdict]}">${verdictMarkup(verdict)}</td>${number(psi.value, formatLoss(psi.value))}${number(psi.pValueAtThreshold, formatPValue(psi.pValueAtThreshold))}${number(ks?.statistic ?? null, ks === null ? "–" : formatLoss(ks.statistic))}${number(kl.value, formatLoss(kl.value))}${number(missing.current, formatShare(missing.current))}</tr>
`;
}

function explanation(): Markup {
  return html`<p><b>PSI</b>, the population stability index, adds up over all bins how far the shares moved; 0 is no change. Chance alone makes it larger than 0, the more so the fewer rows there are. So a feature is called drifted by its <b>p at threshold</b>: how likely a PSI at least this large would be if the true one were the threshold. Small means that the true PSI lies above it. The p values are adjusted for the number of features.</p>
<p><b>KS</b> is the largest distance between the two cumulative distributions (numbers only). <b>KL</b> is the information lost when the reference stands in for the current rows, in nats. <b>Jensen-Shannon</b> and <b>total variation</b> are distances of the shares, 0 to 0.833 and 0 to 1. <b>Wasserstein</b> is the area between the cumulative distributions, in the feature’s own unit and in standard deviations (sd) of the reference; “about” where it is estimated from counts. <b>Missing</b> is the share of current rows without a value. “Too few rows” means that noise at this size could pass for drift.</p>`;
}

/** Sorting, filtering by name, and opening the feature that a link points to. Without it the page lacks only these. */
const tableScript = `(() => {
const table = document.querySelector("table.sortable");
const body = table.tBodies[0];
const keyOf = (row, column) => {
  const cell = row.cells[column];
  const value = cell.dataset.v;
  return value === undefined ? cell.querySelector("a").textContent : value === "" ? -Infinity : Number(value);
};
[...table.tHead.rows[0].cells].forEach((head, column) => {
  head.querySelector("button").addEventListener("click", () => {
    const was = head.getAttribute("aria-sort");
    const isDown = was ? was === "ascending" : head.classList.contains("n");
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    const rows = [...body.rows].map((row) => ({ row, key: keyOf(row, column) }));
    rows.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0) * (isDown ? -1 : 1));
    body.append(...rows.map(({ row }) => row));
  });
});
const label = document.querySelector(".filter");
if (label) {
  label.hidden = false;
  label.querySelector("input").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    const lacks = (element) => !element.textContent.toLowerCase().includes(wanted);
    for (const row of body.rows) row.hidden = lacks(row.cells[0].querySelector("a"));
    for (const feature of document.querySelectorAll(".feature")) feature.hidden = lacks(feature.querySelector("b"));
  });
}
const open = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const feature = target && target.closest("details");
  if (feature) { feature.open = true; feature.scrollIntoView(); }
};
addEventListener("hashchange", open);
open();
})();`;
