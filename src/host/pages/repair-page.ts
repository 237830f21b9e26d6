/** The page of a repair run: the story from the first window to the mended model, from top to bottom. */
import { type DriftChart, driftChartSvg, namedLinesMax } from "./drift-chart.js";
import {
  formatCount,
  formatDifference,
  formatLoss,
  formatNumber,
  formatPlural,
  formatPValue,
} from "./format.js";
import { lineageDrawing } from "./lineage-drawing.js";
import { linesMarkup } from "./lineage-page.js";
import { lineageText } from "./lineage-text.js";
import { clipText, html, type Markup, nameMarkup, type Part, visibleText } from "./markup.js";
import {
  factsMarkup,
  footerMarkup,
  own,
  pageDocument,
  paragraphsMarkup,
  scrollMarkup,
  verdictMarkup,
} from "./page.js";
import { gateSvg, scaleCurveSvg } from "./repair-charts.js";
import { isHigherBetter, metricName, type RepairStory } from "./repair-story.js";
import {
  batchNormWords,
  choiceWords,
  chosenVerdict,
  controlWords,
  driftWords,
  gateWords,
  outcomeOf,
  powerWords,
  rungAnswer,
  rungName,
  scaleWords,
  turningWindow,
} from "./repair-words.js";

export type { RepairStory, StoryFeature, StoryGate, StoryRung, StoryWindow } from "./repair-story.js";

/** Drawn for both, shown for one: text in a drawing would shrink with it. */
const wideWidthPx = 1000;
const halfWidthPx = 760;
const narrowWidthPx = 344;
/** A narrow drawing of more models than this would fill many screens. */
const narrowLineageNodesMax = 30;

/**
 * @returns an HTML document; the same input gives the same bytes
 * @throws MendlineError  as `orderedGraph`, for the lineage
 */
export function repairPage(story: RepairStory): string {
  const sections: { title: string; content: Part }[] = [
    { title: "The lineage", content: lineageSection(story) },
    { title: "The data drifts", content: driftSection(story) },
    { title: "An ancestor is chosen", content: choiceSection(story) },
    { title: "How far to go back", content: scaleSection(story) },
    { title: "The gate", content: gateSection(story) },
    { title: "Before and after", content: tableSection(story) },
  ];
  const body = html`${header(story)}
${sections.map(
  (
    { title, content },
    index,
  ) => html`<section><h2><span class="step">${index + 1}</span>${title}</h2>${content}</section>
`,
)}${footerMarkup(story.createdMs)}`;
  return pageDocument({ title: story.title, body });
}

function header(story: RepairStory): Markup {
  const { word, verdict, sentence } = outcomeOf(story);
  const look = { good: "stable", bad: "drift", open: "unsure" }[verdict];
  const sign = { good: "✓", bad: "✕", open: "?" }[verdict];
  return html`<header><p class="kicker">Repair run</p><h1>${nameMarkup(story.title, 160)}</h1>
${paragraphsMarkup(story.intro, "lede")}
<div class="banner ${look}"><span class="verdict ${look}">${sign} ${word}</span><p>${sentence}</p></div>
${headline(story)}${publishedMarkup(story)}</header>
`;
}

/** The run in four numbers. */
function headline({ gate, control, scale, choice, metric }: RepairStory): Markup {
  const facts: { term: string; value: Part }[] = [];
  const pair = (before: number, after: number, rows: number) =>
    html`<b>${formatLoss(before)} → ${formatLoss(after)}</b><small>${formatPlural(rows, "row")}</small>`;
  if (gate !== null)
    facts.push({
      term: `${metricName(metric)} on the new data`,
      value: pair(gate.keep, gate.repaired, gate.rows),
    });
  if (control !== null)
    facts.push({
      term: `${metricName(metric)} on the old data`,
      value: pair(control.keep, control.repaired, control.rows),
    });
  if (choice.chosen !== null) {
    facts.push({
      term: "mended from",
      value: html`<b>${nameMarkup(choice.chosen.name, 40)}</b><small>${formatPlural(choice.chosen.distance, "derivation")} back</small>`,
    });
  }
  if (scale !== null)
    facts.push({
      term: "scale",
      value: html`<b>${formatNumber(scale, 3)}</b><small>0 keeps, 1 rolls back</small>`,
    });
  return factsMarkup(facts);
}

function publishedMarkup({ published }: RepairStory): Part {
  if (published === null) return null;
  return factsMarkup([
    { term: "Published as", value: nameMarkup(published.name) },
    {
      term: "Id",
      value: html`<code title="${clipText(visibleText(published.id), 200)}">${clipText(visibleText(published.id), 16)}</code>`,
    },
    { term: "To", value: html`<code>${published.path}</code>` },
  ]);
}

/** The same drawing for wide and for narrow screens. */
function twice(draw: (widthPx: number, className: string) => Markup, wide: number): Part {
  return [draw(wide, "wide"), draw(narrowWidthPx, "narrow")];
}

function lineageSection({ lineage, choice }: RepairStory): Part {
  const hasNarrow = lineage.nodes.length <= narrowLineageNodesMax;
  const drawings = hasNarrow
    ? [lineageDrawing(lineage, "right", "wide"), lineageDrawing(lineage, "down", "narrow")]
    : lineageDrawing(lineage, "right", "lineage");
  const chosen =
    choice.chosen === null ? "" : " The ancestor that the repair draws on is drawn with a bold frame.";
  return html`<p>${formatPlural(lineage.nodes.length, "model")} and how they were made. Arrows point from a parent to what was made of it.${chosen}</p>
<figure>${scrollMarkup("Drawing of the lineage", drawings, "panel scroll tall")}</figure>
<details class="more"><summary>The lineage as text</summary><pre>${linesMarkup(lineageText(lineage))}</pre></details>`;
}

function driftSection(story: RepairStory): Part {
  const words = driftWords(story);
  if (story.windows.length === 0) return html`<p>${words}</p>`;
  const chart = driftChartOf(story);
  const label = `PSI of ${formatPlural(chart.lines.length, "feature")} over ${formatPlural(story.windows.length, "window")}, with the threshold ${formatNumber(story.threshold)}. ${words}`;
  const faint = chart.lines.length - namedLinesMax;
  return html`<p>${words}</p>
<figure><div class="panel">${twice((width, className) => driftChartSvg(chart, label, width, className), wideWidthPx)}</div>
<figcaption>How far each feature of a window lies from the training data (PSI). A feature counts as drifted when it is above the threshold beyond chance, so a line may pass it a while before the verdict turns. Below: each window’s verdict, a high bar for drift, a low one for stable.${faint > 0 && ` The ${namedLinesMax} features that moved most have names, ${formatCount(faint)} more are in the table.`}</figcaption></figure>
<details class="more"><summary>All windows as a table</summary>${scrollMarkup("Table of windows", windowTable(story, chart))}</details>`;
}

function driftChartOf(story: RepairStory): DriftChart {
  const { windows, triggerWindow, threshold } = story;
  const turned = turningWindow(story);
  const firstAfter = windows.findIndex(({ phase }) => phase === "after");
  const moments: { at: number; label: string }[] = [];
  const isTrigger = turned === triggerWindow;
  if (turned !== null)
    moments.push({ at: turned, label: isTrigger ? "drift, repair starts" : "verdict turns" });
  if (triggerWindow !== null && !isTrigger && windows[triggerWindow] !== undefined) {
    moments.push({ at: triggerWindow, label: "repair starts" });
  }
  if (firstAfter > 0) moments.push({ at: firstAfter - 0.5, label: "repaired model serves" });
  const ancestors = new Set(windows.flatMap((window) => (window.ancestors ?? []).map(({ name }) => name)));
  return {
    atRows: windows.map(({ atRow }) => atRow),
    lines: featureLines(story),
    threshold,
    moments,
    afterFrom: firstAfter >= 0 ? firstAfter : null,
    strips: [
      { name: "serving model", verdicts: windows.map(({ verdict }) => verdict) },
      ...Array.from(ancestors, (name) => ({
        name,
        verdicts: windows.map(
          (window) => window.ancestors?.find((one) => one.name === name)?.verdict ?? null,
        ),
      })),
    ],
  };
}

/** What moved most first. */
function featureLines({ windows }: RepairStory): DriftChart["lines"] {
  const names = new Set(windows.flatMap(({ features }) => Object.keys(features)));
  const most = (values: readonly (number | null)[]) => Math.max(0, ...values.map((value) => value ?? 0));
  return Array.from(names, (name) => ({
    name,
    values: windows.map(({ features }) => own(features, name)?.psi ?? null),
  }))
    .map((line) => ({ line, most: most(line.values) }))
    .sort((left, right) => right.most - left.most || (left.line.name < right.line.name ? -1 : 1))
    .map(({ line }) => line);
}

/** Columns of the windows' table; a hundred features would make it unreadable. */
const tableFeaturesMax = 12;

function windowTable({ windows }: RepairStory, chart: DriftChart): Markup {
  const names = chart.lines.slice(0, tableFeaturesMax).map(({ name }) => name);
  const rows = windows.map(({ label, atRow, verdict, features }) => {
    const cells = names.map((name) => {
      const feature = own(features, name);
      if (feature === undefined) return html`<td class="n">–</td>`;
      const sign = feature.verdict === "drift" && html`<span class="verdict drift">▲</span> `;
      return html`<td class="n">${sign}${formatLoss(feature.psi)}<br><small>p ${formatPValue(feature.pValueAtThreshold)}</small></td>`;
    });
    return html`<tr><th scope="row">${nameMarkup(label)}</th><td class="n">${formatCount(atRow)}</td><td>${verdictMarkup(verdict)}</td>${cells}</tr>
`;
  });
  return html`<table><caption>PSI and p at the threshold by window</caption><thead><tr><th scope="col">Window</th><th scope="col" class="n">Rows seen</th><th scope="col">Verdict</th>${names.map((name) => html`<th scope="col" class="n">${nameMarkup(name, 40)}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
}

function choiceSection(story: RepairStory): Part {
  const { chosen, passedOver } = story.choice;
  const row = (name: string, answer: Part, reason: Part) =>
    html`<tr><th scope="row">${nameMarkup(name)}<br><small>${answer}</small></th><td>${reason}</td></tr>`;
  const rows = [
    ...passedOver.map(({ name, reason }) =>
      row(name, html`<span class="verdict unsure">✕ passed over</span>`, reason),
    ),
    ...(chosen === null
      ? []
      : [
          row(
            chosen.name,
            html`<span class="verdict stable">★ chosen</span>`,
            `${chosenVerdict(story) === "stable" ? "healthy, " : ""}${formatPlural(chosen.distance, "derivation")} away`,
          ),
        ]),
  ];
  const table = html`<table><thead><tr><th scope="col">Ancestor</th><th scope="col">Reason</th></tr></thead><tbody>${rows}</tbody></table>`;
  return html`<p>${choiceWords(story)}</p>${rows.length > 0 && scrollMarkup("Table of ancestors", table)}`;
}

function scaleSection(story: RepairStory): Part {
  const points = story.curve
    .filter(({ scale, loss }) => Number.isFinite(scale) && Number.isFinite(loss))
    .toSorted((left, right) => left.scale - right.scale);
  if (points.length === 0) return html`<p>No scale was tried.</p>`;
  const words = scaleWords(story);
  const curve = { points, chosen: story.scale };
  return html`<p>${words}</p>
<figure class="half"><div class="panel">${twice((width, className) => scaleCurveSvg(curve, `Loss over the scale. ${words}`, width, className), halfWidthPx)}</div>
<figcaption>Loss on the rows for choosing, over the scale. Each point is a blend that was tried.</figcaption></figure>
${rungsMarkup(story)}`;
}

/** From one number to many: what was tried, and whether it paid. */
function rungsMarkup(story: RepairStory): Part {
  const { rungs = [] } = story;
  const statistics = batchNormWords(story);
  const rows = rungs.map((rung) => {
    const sign = rung.pays ? html`<span class="verdict stable">✓</span> ` : null;
    return html`<tr><th scope="row">${rungName(rung)}</th><td class="n">${formatCount(rung.numbers)}</td><td class="n">${rung.loss === null ? "–" : formatLoss(rung.loss)}</td><td>${sign}${rungAnswer(rung)}</td></tr>
`;
  });
  const head = html`<tr><th scope="col">Candidate</th><th scope="col" class="n">Numbers</th><th scope="col" class="n">Loss</th><th scope="col">Is it worth it?</th></tr>`;
  const table = html`<table><caption>Numbers that labels choose: more only where they pay</caption><thead>${head}</thead><tbody>${rows}</tbody></table>`;
  return [
    rungs.length > 1 && html`<h3>One number or more?</h3>${scrollMarkup("Table of rungs", table)}`,
    statistics !== "" && html`<h3>Batch norm</h3><p>${statistics}</p>`,
  ];
}

function gateSection(story: RepairStory): Part {
  const { gate, metric } = story;
  const words = gateWords(story);
  const control = controlWords(story);
  const drawing = (one: NonNullable<RepairStory["gate"]>) => ({
    gate: one,
    isHigherBetter: isHigherBetter(metric),
    metric: metricName(metric),
  });
  return html`<p>${words}</p>
${gate !== null && html`<figure class="half"><div class="panel">${twice((width, className) => gateSvg(drawing(gate), words, width, className), halfWidthPx)}</div></figure>`}
${rivalsMarkup(story)}
${control !== "" && html`<h3>The control slice</h3><p>${control}</p>`}`;
}

/** What else could be put in place; and what so many rows can tell. */
function rivalsMarkup(story: RepairStory): Part {
  const power = powerWords(story);
  const { rivals = [] } = story.gate ?? {};
  const rows = rivals.map(({ name, value, difference, interval }) => {
    const between =
      interval === null ? "not known" : interval.map((end) => formatDifference(end)).join(" to ");
    return html`<tr><th scope="row">${nameMarkup(name, 120)}</th><td class="n">${formatLoss(value)}</td><td class="n">${formatDifference(difference)}</td><td class="n">${between}</td></tr>
`;
  });
  const head = ["Value", "Repaired − rival", "Interval"].map(
    (text) => html`<th scope="col" class="n">${text}</th>`,
  );
  const table = html`<table><caption>${metricName(story.metric)} on the gate slice</caption><thead><tr><th scope="col">Rival</th>${head}</tr></thead><tbody>${rows}</tbody></table>`;
  return [
    power !== "" && html`<p>${power}</p>`,
    rows.length > 0 &&
      html`<h3>What else could be put in place</h3>${scrollMarkup("Table of rivals", table)}`,
  ];
}

function tableSection({ table }: RepairStory): Part {
  if (table.rows.length === 0) return html`<p>There is nothing to compare: no repaired model was made.</p>`;
  const isHigher = isHigherBetter(table.metric);
  const rows = table.rows.map(({ data, before, rollback, after, count }) => {
    const values = [before, after, ...(rollback === null ? [] : [rollback])].filter(Number.isFinite);
    const best = isHigher ? Math.max(...values) : Math.min(...values);
    const cell = (value: number) =>
      html`<td class="n${value === best && " best"}">${value === best && html`<small>best</small> `}${formatLoss(value)}</td>`;
    return html`<tr><th scope="row">${nameMarkup(data, 120)}</th><td class="n">${formatCount(count)}</td>${cell(before)}${rollback === null ? html`<td class="n">–</td>` : cell(rollback)}${cell(after)}<td class="n">${formatDifference(after - before)}</td></tr>
`;
  });
  const head = ["Rows", "Before", "Roll back", "After", "Change"].map(
    (text) => html`<th scope="col" class="n">${text}</th>`,
  );
  return html`<p>The same rows through the model that was deployed, through the ancestor, and through the repaired model.</p>
${scrollMarkup("Table of before and after", html`<table><caption>${metricName(table.metric)}, ${isHigher ? "higher" : "lower"} is better</caption><thead><tr><th scope="col">Data</th>${head}</tr></thead><tbody>${rows}</tbody></table>`)}`;
}
