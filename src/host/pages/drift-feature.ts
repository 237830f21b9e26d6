/** One feature of a drift page: a line that opens to what moved, the two distributions and the statistics. */
import type { FeatureReport } from "../drift/report.js";
import type { PlainLimits } from "../drift/rules.js";
import { unitMs } from "../drift/slot-labels.js";
import { distributionSvg } from "./distribution.js";
import {
  formatCount,
  formatLoss,
  formatNumber,
  formatPValue,
  formatShare,
  formatSpan,
  formatTime,
} from "./format.js";
import { html, type Markup, nameMarkup, type Part, visibleText } from "./markup.js";
import { verdictMarkup } from "./page.js";

export interface FeatureEntry {
  readonly name: string;
  readonly feature: FeatureReport;
  /** Of its section within the page; names are no ids. */
  readonly anchor: string;
}

/** @param currentName  what the current rows are called in the drawing's description */
export function featureMarkup({ name, feature, anchor }: FeatureEntry, isOpen: boolean): Markup {
  const moved = movedText(feature);
  const label = `Distributions of ${visibleText(name)} in the reference and in the current rows. ${moved}`;
  return html`<details class="feature"${isOpen && html` open`}><summary><b>${nameMarkup(name)}</b>${!feature.votes && html`<span class="soft">only watched</span>`}${verdictMarkup(feature.verdict)}<span class="soft">PSI ${formatLoss(feature.psi.value)}</span></summary><div class="body" id="${anchor}"><p>${moved}</p><figure>${distributionSvg(feature, label)}${contributions(feature)}</figure>${statistics(feature)}</div></details>
`;
}

/** What moved, with percent signs that stay with their numbers. */
export function movedText({ explanation }: FeatureReport): string {
  return explanation.sentence.replaceAll(/(?<=\d) (?=%)/g, "\u202f");
}

/** Of what drifted, the slots that make up most of its PSI, those that grew with a plus. */
function contributions({ verdict, explanation }: FeatureReport): Part {
  if (verdict !== "drift" || explanation.contributions.length === 0) return null;
  const rows = explanation.contributions.map(
    ({ label, reference, current, change, share }) =>
      html`<tr><th scope="row">${nameMarkup(label, 60)}</th><td class="n">${formatShare(reference)} → ${formatShare(current)}</td><td class="n">${change > 0 ? "+" : "\u2212"}</td><td class="n">${formatShare(share)}</td></tr>`,
  );
  return html`<table class="parts"><caption>Largest parts of the PSI</caption><thead><tr><th scope="col">Bin</th><th scope="col" class="n">Share of rows</th><th scope="col" class="n">Change</th><th scope="col" class="n">Of the PSI</th></tr></thead><tbody>${rows}</tbody></table>`;
}

const limitTitles: Readonly<Record<keyof PlainLimits, string>> = {
  psi: "PSI",
  ks: "KS",
  kl: "KL",
  js: "Jensen-Shannon",
  tv: "total variation",
  wasserstein: "Wasserstein in sd",
};

function ruleText({ rule, psi, votes }: FeatureReport): string {
  const limits =
    rule.kind === "calibrated"
      ? `PSI above ${formatNumber(psi.threshold)} beyond chance`
      : (Object.keys(limitTitles) as (keyof PlainLimits)[])
          .filter((name) => rule[name] !== undefined)
          .map((name) => `${limitTitles[name]} above ${formatNumber(rule[name]!)}`)
          .join(" or ");
  return votes ? limits : `${limits}; only watched`;
}

function statistics(feature: FeatureReport): Markup {
  const { psi, ks, kl, js, tv, missing, nonFinite } = feature;
  const rows: [string, Part][] = [
    ["Drift when", ruleText(feature)],
    ["PSI", `${formatLoss(psi.value)}, ${formatLoss(psi.debiased)} without the expected noise`],
    ["p, no change at all", formatPValue(psi.pValue)],
    [`p, PSI is ${formatNumber(psi.threshold)} at most`, thresholdText(feature)],
    ["Smallest PSI told from noise", formatLoss(psi.detectable)],
    ["Bins in use", formatCount(psi.bins)],
    ["KL", `${formatLoss(kl.value)}, p ${formatPValue(kl.pValue)}`],
    ...(ks === null ? [] : ([["KS", ksText(ks)]] as [string, Part][])),
    ["Jensen-Shannon distance", formatLoss(js.distance)],
    ["Total variation", formatLoss(tv.distance)],
    ...shiftRows(feature),
    ["Missing", `${formatShare(missing.reference)} → ${formatShare(missing.current)}`],
  ];
  if (nonFinite.reference + nonFinite.current > 0) {
    rows.push(["Infinite values", `${formatCount(nonFinite.reference)} → ${formatCount(nonFinite.current)}`]);
  }
  if (feature.unseen !== undefined) rows.push(["In categories never seen", formatShare(feature.unseen)]);
  return html`<dl class="stats">${rows.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`;
}

/** In the feature's own unit, and in standard deviations of the reference. */
function shiftRows({ shift, logical, type }: FeatureReport): [string, Part][] {
  if (shift === null) return [];
  const { wasserstein, mean, standardDeviation, method } = shift;
  const about = method === "binned" ? "about " : "";
  const unit = type === undefined ? null : unitMs(logical, type);
  // Of times, moments are dates and distances are spans.
  const moment = (value: number) => (unit === null ? formatNumber(value) : formatTime(value * unit));
  const span = (value: number) => (unit === null ? formatNumber(value) : formatSpan(value * unit));
  const deviations = (scaled: number | null) => (scaled === null ? "" : `, ${formatLoss(scaled)} sd`);
  return [
    ["Wasserstein distance", `${about}${span(wasserstein.distance)}${deviations(wasserstein.scaled)}`],
    ["Mean", `${moment(mean.reference)} → ${about}${moment(mean.current)}`],
    [
      "Standard deviation",
      `${span(standardDeviation.reference)} → ${about}${span(standardDeviation.current)}`,
    ],
  ];
}

function thresholdText({ psi }: FeatureReport): string {
  const own = formatPValue(psi.pValueAtThreshold);
  return psi.pValueAdjusted === null ? own : `${own}, ${formatPValue(psi.pValueAdjusted)} over all features`;
}

function ksText(ks: NonNullable<FeatureReport["ks"]>): string {
  const range = (low: string, high: string) => (low === high ? low : `${low} to ${high}`);
  const statistic = range(formatLoss(ks.lower), formatLoss(ks.upper));
  return `${statistic}, p ${range(formatPValue(ks.pValueAtUpper), formatPValue(ks.pValue))} (${ks.method})`;
}
