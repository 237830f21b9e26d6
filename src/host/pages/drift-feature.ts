/** One feature of a drift page: a line that opens to what moved, the two distributions and the statistics. */
import type { FeatureReport } from "../drift/report.js";
import { distributionSvg } from "./distribution.js";
import { formatCount, formatLoss, formatNumber, formatPValue, formatShare } from "./format.js";
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
  const moved = typeset(feature.explanation.sentence);
  const label = `Distributions of ${visibleText(name)} in the reference and in the current rows. ${moved}`;
  return html`<details class="feature"${isOpen && html` open`}><summary><b>${nameMarkup(name)}</b>${verdictMarkup(feature.verdict)}<span class="soft">PSI ${formatLoss(feature.psi.value)}</span></summary><div class="body" id="${anchor}"><p>${moved}</p><figure>${distributionSvg(feature, label)}</figure>${statistics(feature)}</div></details>
`;
}

/** A percent sign stays with its number. */
function typeset(sentence: string): string {
  return sentence.replaceAll(/(?<=\d) (?=%)/g, "\u202f");
}

function statistics(feature: FeatureReport): Markup {
  const { psi, ks, kl, js, tv, missing, nonFinite } = feature;
  const rows: [string, Part][] = [
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
function shiftRows({ shift }: FeatureReport): [string, Part][] {
  if (shift === null) return [];
  const { wasserstein, mean, standardDeviation, method } = shift;
  const about = method === "binned" ? "about " : "";
  const deviations = (scaled: number | null) => (scaled === null ? "" : `, ${formatLoss(scaled)} sd`);
  const moved = ({ reference, current }: { reference: number; current: number }) =>
    `${formatNumber(reference)} → ${about}${formatNumber(current)}`;
  return [
    [
      "Wasserstein distance",
      `${about}${formatNumber(wasserstein.distance)}${deviations(wasserstein.scaled)}`,
    ],
    ["Mean", moved(mean)],
    ["Standard deviation", moved(standardDeviation)],
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
