/** Reference and current of one feature, drawn over each other: the reference as a filled shape, the current as a line. */
import { categoriesDrawnMax } from "../../limits.js";
import type { FeatureReport } from "../drift/report.js";
import { formatShare } from "./format.js";
import { html, type Markup } from "./markup.js";
import { fitText, px, svgMarkup, textWidth } from "./plot.js";
import { edgeTexts, type Slot, slotsOf } from "./slots.js";

const widthPx = 380;
/** Keeps the outermost lines whole. */
const insetPx = 2;
const labelPx = 11;

/** @param label  what the drawing shows, for who does not see it */
export function distributionSvg(feature: FeatureReport, label: string): Markup {
  const slots = slotsOf(feature);
  // False and true are names more than they are numbers; the bins beside them hold nothing.
  if (feature.logical === "boolean")
    return categoricalSvg(
      slots.filter((slot) => slot.label !== "neither"),
      label,
    );
  return feature.kind === "numeric" ? numericSvg(feature, slots, label) : categoricalSvg(slots, label);
}

/** What the two shapes mean; once a page. */
export function distributionKey(): Markup {
  return html`<p class="key"><span><svg width="22" height="12" aria-hidden="true"><path class="rf" d="M0 0H22V12H0z"/></svg>reference</span><span><svg width="22" height="12" aria-hidden="true"><path class="cl" d="M0 11H7V2H15V7H22"/></svg>current</span></p>`;
}

interface Bar {
  readonly slot: Slot;
  readonly x: number;
  readonly width: number;
  /** Share over drawn width, so that areas compare. */
  readonly reference: number;
  readonly current: number;
}

const plotTop = 8;
const plotBottom = 128;
/** In median bin widths. Wider and narrower bins than these are drawn at the limit: an atom stays visible, an outlier harmless. */
const barWidthMin = 0.35;
const barWidthMax = 3;
/** Open bins have no width of their own. */
const tailWidth = 1.4;
const missingWidth = 1.4;
const missingGapPx = 18;

function numericSvg(feature: FeatureReport, slots: readonly Slot[], label: string): Markup {
  const { values, missing } = numericBars(slots, (feature.edges ?? []).map(Number));
  const bars = missing === null ? values : [...values, missing];
  const highest = Math.max(...bars.map((bar) => Math.max(bar.reference, bar.current))) || 1;
  const y = (density: number) => px(plotBottom - (density / highest) * (plotBottom - plotTop));
  const shapes = [values, ...(missing === null ? [] : [[missing]])];
  const labels = axisLabels(edgeTexts(feature), values, missing);
  const end = values.at(-1)!;
  return svgMarkup({ width: widthPx, height: 154 }, label, "chart", [
    shapes.map((shape) => html`<path class="rf" d="${stepPath(shape, ({ reference }) => y(reference))}"/>`),
    html`<path class="axis" d="M0 ${plotBottom}H${px(end.x + end.width)}"/>`,
    shapes.map((shape) => html`<path class="cl" d="${stepPath(shape, ({ current }) => y(current))}"/>`),
    labels,
    bars.map(hitBox),
  ]);
}

function numericBars(
  slots: readonly Slot[],
  edges: readonly number[],
): { values: Bar[]; missing: Bar | null } {
  const weights = barWeights(edges);
  const last = slots.at(-1)!;
  const hasMissing = last.reference > 0 || last.current > 0;
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0) + (hasMissing ? missingWidth : 0);
  const unit = (widthPx - 2 * insetPx - (hasMissing ? missingGapPx : 0)) / weightSum;
  let x = insetPx;
  const bar = (slot: Slot, weight: number): Bar => {
    const made = {
      slot,
      x,
      width: weight * unit,
      reference: slot.reference / weight,
      current: slot.current / weight,
    };
    x += weight * unit;
    return made;
  };
  const values = weights.map((weight, index) => bar(slots[index]!, weight));
  x += missingGapPx;
  return { values, missing: hasMissing ? bar(last, missingWidth) : null };
}

/** Drawn widths of the value bins: true to scale between the limits. Halved first: the ends of f64 are further apart than f64 goes. */
function barWeights(edges: readonly number[]): number[] {
  if (edges.length === 0) return [1];
  const widths = edges.slice(1).map((edge, index) => edge / 2 - edges[index]! / 2);
  const sorted = widths.filter((width) => width > 0).sort((left, right) => left - right);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 1;
  const inner = widths.map((width) =>
    Math.min(barWidthMax, Math.max(barWidthMin, width / median || barWidthMin)),
  );
  return [tailWidth, ...inner, tailWidth];
}

function stepPath(bars: readonly Bar[], top: (bar: Bar) => number): string {
  const steps = bars.map((bar) => `V${top(bar)}H${px(bar.x + bar.width)}`).join("");
  return `M${px(bars[0]!.x)} ${plotBottom}${steps}V${plotBottom}`;
}

function hitBox({ slot, x, width }: Bar): Markup {
  return html`<rect class="hit" x="${px(x)}" y="0" width="${px(width)}" height="${plotBottom}"><title>${slot.label}: ${formatShare(slot.reference)} → ${formatShare(slot.current)}</title></rect>`;
}

/** The open tails by name, and between them every edge that finds room. */
function axisLabels(edges: readonly string[], values: readonly Bar[], missing: Bar | null): Markup[] {
  const labels: Markup[] = [];
  let taken = 0;
  const add = (text: string, middle: number, right: number) => {
    const half = textWidth(text, labelPx) / 2;
    const at = Math.min(widthPx - half, Math.max(half, middle));
    if (at - half < taken || at + half > right) return;
    taken = at + half + 8;
    labels.push(html`<text class="t m" x="${px(at)}" y="${plotBottom + 17}">${text}</text>`);
  };
  const tail = values.at(-1)!;
  const tailMiddle = tail.x + tail.width / 2;
  const tailText = edges.length === 0 ? "any value" : `≥ ${edges.at(-1)!}`;
  if (edges.length > 0) add(`< ${edges[0]!}`, values[0]!.width / 2, widthPx);
  const tailLeft = tailMiddle - textWidth(tailText, labelPx) / 2 - 8;
  edges.slice(1, -1).forEach((text, index) => {
    // The second edge of an atom reads like its first.
    if (text !== edges[index]) add(text, values[index + 2]!.x, tailLeft);
  });
  add(tailText, tailMiddle, widthPx);
  if (missing !== null) add("missing", missing.x + missing.width / 2, widthPx);
  return labels;
}

const rowPx = 22;
const nameWidthPx = 118;
const barLeftPx = nameWidthPx + 10;
const barRightPx = widthPx - 98;

function categoricalSvg(slots: readonly Slot[], label: string): Markup {
  const rows = categoricalRows(slots);
  const highest = Math.max(...rows.map(({ reference, current }) => Math.max(reference, current))) || 1;
  const length = (share: number) => px((share / highest) * (barRightPx - barLeftPx));
  const drawn = rows.map(({ label: name, reference, current }, index) => {
    const y = index * rowPx + 4;
    return html`<g><title>${name}: ${formatShare(reference)} → ${formatShare(current)}</title><text class="e" x="${nameWidthPx}" y="${y + 13}">${fitText(name, 12, nameWidthPx)}</text><rect class="rf" x="${barLeftPx}" y="${y}" width="${length(reference)}" height="17"/><rect class="cf" x="${barLeftPx}" y="${y + 6}" width="${length(current)}" height="5"/><text class="t" x="${barRightPx + 8}" y="${y + 13}">${formatShare(reference)} → ${formatShare(current)}</text></g>`;
  });
  return svgMarkup({ width: widthPx, height: rows.length * rowPx + 6 }, label, "chart", [
    drawn,
    html`<path class="axis" d="M${barLeftPx} 0V${rows.length * rowPx + 2}"/>`,
  ]);
}

type Row = Pick<Slot, "label" | "reference" | "current">;

/** The most frequent in either sample first, the rest added up; missing and unseen where there are any. */
function categoricalRows(slots: readonly Slot[]): Row[] {
  const categories = slots.filter(({ kind }) => kind === "value");
  const size = ({ reference, current }: Slot) => Math.max(reference, current);
  const sorted = categories.toSorted((left, right) => size(right) - size(left));
  // One left over takes no more room by its own name than as "the rest".
  const shown = sorted.length === categoriesDrawnMax + 1 ? sorted.length : categoriesDrawnMax;
  const rest = sorted.slice(shown);
  const rows: Row[] = sorted.slice(0, shown);
  if (rest.length > 0) {
    rows.push({
      label: `${rest.length} more`,
      reference: rest.reduce((sum, { reference }) => sum + reference, 0),
      current: rest.reduce((sum, { current }) => sum + current, 0),
    });
  }
  for (const slot of slots) {
    if (slot.kind !== "value" && size(slot) > 0) {
      rows.push({ ...slot, label: slot.kind === "unseen" ? "unseen" : "missing" });
    }
  }
  return rows.length > 0 ? rows : [{ label: "no category", reference: 0, current: 0 }];
}
