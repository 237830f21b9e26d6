/** Drift over time: the PSI of each feature as a line over the windows, the threshold, the moments, and the verdicts below. */

import { formatCount, formatNumber } from "./format.js";
import { html, type Markup, type Part, visibleText } from "./markup.js";
import { verdictClass } from "./page.js";
import {
  fitText,
  linearScale,
  niceTicks,
  px,
  type Scale,
  spreadPositions,
  svgMarkup,
  textWidth,
} from "./plot.js";

export interface DriftChart {
  /** Rows seen at each window's end. */
  readonly atRows: readonly number[];
  /** One line each; null where a window does not have the feature. In order of importance. */
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
  readonly threshold: number;
  /** Vertical lines at a window's index, or half way between two. */
  readonly moments: readonly { readonly at: number; readonly label: string }[];
  /** Index of the first window of the repaired model; null when there is none. */
  readonly afterFrom: number | null;
  /** A row of verdicts each: the deployed model's, the ancestors'. */
  readonly strips: readonly { readonly name: string; readonly verdicts: readonly (string | null)[] }[];
}

/** Lines with a colour, a dash, a point and a name of their own. */
export const namedLinesMax = 6;
/** Faint lines without a name: more are a blot. */
const faintLinesMax = 40;
const momentRowPx = 16;
const stripRowPx = 20;

interface Frame {
  readonly width: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly x: Scale;
  readonly y: Scale;
  readonly slotPx: number;
}

export function driftChartSvg(chart: DriftChart, label: string, widthPx: number, className: string): Markup {
  const moments = placedMoments(chart, widthPx);
  const frame = chartFrame(chart, widthPx, moments.length);
  const height = frame.bottom + 40 + chart.strips.length * stripRowPx;
  return svgMarkup({ width: widthPx, height }, label, className, [
    afterShade(chart, frame),
    yAxis(frame, chart),
    xAxis(frame, chart),
    thresholdLine(frame, chart),
    moments.map((moment) => momentMarkup(moment, frame)),
    chart.lines
      .slice(namedLinesMax, namedLinesMax + faintLinesMax)
      .map(({ values }) => html`<path class="line minor" d="${linePath(values, frame)}"/>`),
    chart.lines.slice(0, namedLinesMax).map(({ values }, index) => namedLine(values, index, frame)),
    lineNames(chart, frame),
    strips(chart, frame),
  ]);
}

/** Room for names at the right and for numbers at the left. */
function margins(chart: DriftChart, widthPx: number): { left: number; right: number } {
  const names = [...chart.lines.slice(0, namedLinesMax), ...chart.strips].map(({ name }) =>
    visibleText(name).slice(0, 60),
  );
  const widest = Math.max(40, ...names.map((name) => textWidth(name, 12)));
  return { left: 40, right: Math.min(widthPx * 0.3, widest + 26) };
}

function windowScale(
  chart: DriftChart,
  widthPx: number,
): { x: Scale; slotPx: number; left: number; right: number } {
  const { left, right } = margins(chart, widthPx);
  const count = chart.atRows.length;
  const slotPx = (widthPx - left - right) / Math.max(1, count);
  const x = linearScale([-0.5, Math.max(1, count) - 0.5], [left, widthPx - right]);
  return { x, slotPx, left, right };
}

function chartFrame(chart: DriftChart, width: number, momentRows: number): Frame {
  const { x, slotPx, left, right } = windowScale(chart, width);
  const values = chart.lines
    .flatMap((line) => line.values)
    .filter((value) => value !== null && Number.isFinite(value)) as number[];
  const highest = values.reduce((max, value) => Math.max(max, value), chart.threshold * 1.5 || 1) * 1.06;
  const top = 10 + momentRows * momentRowPx;
  const bottom = top + (width < 500 ? 190 : 260);
  return {
    width,
    left,
    right: width - right,
    top,
    bottom,
    x,
    slotPx,
    y: linearScale([0, highest], [bottom, top]),
  };
}

function yAxis(frame: Frame, chart: DriftChart): Part {
  const highest = chartTop(frame);
  const ticks = niceTicks(0, highest, 5).filter(
    (tick) => Math.abs(frame.y(tick) - frame.y(chart.threshold)) > 9 || tick === 0,
  );
  return [
    ticks.map(
      (tick) =>
        html`<path class="grid" d="M${frame.left} ${px(frame.y(tick))}H${px(frame.right)}"/><text class="t e" x="${frame.left - 7}" y="${px(frame.y(tick) + 4)}">${formatNumber(tick)}</text>`,
    ),
    html`<text class="t e" x="${frame.left - 7}" y="${px(frame.top - 2)}">PSI</text>`,
  ];
}

/** The value at the frame's upper end. */
function chartTop({ y, top, bottom }: Frame): number {
  return (bottom - top) / (y(0) - y(1));
}

function xAxis(frame: Frame, { atRows }: DriftChart): Part {
  let taken = Number.NEGATIVE_INFINITY;
  const labels = atRows.map((row, index) => {
    const text = formatCount(row);
    const half = textWidth(text, 11) / 2;
    const at = frame.x(index);
    const isLast = index === atRows.length - 1;
    const lastLeft = frame.x(atRows.length - 1) - textWidth(formatCount(atRows.at(-1)!), 11) / 2;
    if (at - half < taken + 12 || (!isLast && at + half + 12 > lastLeft)) return null;
    taken = at + half;
    return html`<path class="axis" d="M${px(at)} ${frame.bottom}v4"/><text class="t m" x="${px(at)}" y="${frame.bottom + 17}">${text}</text>`;
  });
  return [
    html`<path class="axis" d="M${frame.left} ${frame.bottom}H${px(frame.right)}"/>`,
    labels,
    html`<text class="t" x="${px(Math.max(frame.right + 9, taken + 8))}" y="${frame.bottom + 17}">rows seen</text>`,
  ];
}

function thresholdLine(frame: Frame, { threshold }: DriftChart): Markup {
  const y = px(frame.y(threshold));
  return html`<path class="threshold" d="M${frame.left} ${y}H${px(frame.right)}"/><text class="t e" x="${frame.left - 7}" y="${px(y + 4)}">${formatNumber(threshold)}</text><text class="t halo" x="${frame.left + 6}" y="${px(y - 5)}">threshold</text>`;
}

interface PlacedMoment {
  readonly at: number;
  readonly label: string;
  readonly row: number;
  readonly anchor: "start" | "end";
}

/**
 * A row each. Labels stand to the right of their line in the left half and to its left in the other; those that others' lines
 * could cross come first, as lines begin at their own row and go down.
 */
function placedMoments(chart: DriftChart, widthPx: number): PlacedMoment[] {
  const { x, left, right } = windowScale(chart, widthPx);
  const isLeft = ({ at }: { at: number }) => x(at) < (left + widthPx - right) / 2;
  const sorted = chart.moments.toSorted((one, other) => one.at - other.at);
  const inRows = [...sorted.filter(isLeft), ...sorted.filter((moment) => !isLeft(moment)).toReversed()];
  return inRows.map((moment, row) => ({ ...moment, row, anchor: isLeft(moment) ? "start" : "end" }));
}

function momentMarkup({ at, label, row, anchor }: PlacedMoment, frame: Frame): Markup {
  const x = px(frame.x(at));
  const y = 12 + row * momentRowPx;
  const textX = px(anchor === "start" ? x + 5 : x - 5);
  return html`<path class="moment" d="M${x} ${y - 9}V${frame.bottom}"/><text class="t halo${anchor === "end" && " e"}" x="${textX}" y="${y}">${label}</text>`;
}

function afterShade({ afterFrom }: DriftChart, frame: Frame): Part {
  if (afterFrom === null) return null;
  const x = px(frame.x(afterFrom - 0.5));
  return html`<rect class="after" x="${x}" y="${frame.top}" width="${px(frame.right - x)}" height="${frame.bottom - frame.top}"/>`;
}

/** Broken where a window lacks the feature. */
function linePath(values: readonly (number | null)[], { x, y }: Frame): string {
  let path = "";
  let isDown = false;
  values.forEach((value, index) => {
    if (value === null || !Number.isFinite(value)) {
      isDown = false;
      return;
    }
    path += `${isDown ? "L" : "M"}${px(x(index))} ${px(y(Math.max(0, value)))}`;
    isDown = true;
  });
  return path;
}

/** Points only while they can be told apart. */
const pointGapPxMin = 14;

function namedLine(values: readonly (number | null)[], index: number, frame: Frame): Part {
  const path = html`<path class="line s${index} d${index}" d="${linePath(values, frame)}"/>`;
  if (frame.slotPx < pointGapPxMin) return path;
  const points = values.map((value, window) => {
    if (value === null || !Number.isFinite(value)) return null;
    return html`<circle class="dot s${index}" cx="${px(frame.x(window))}" cy="${px(frame.y(Math.max(0, value)))}" r="2.6"/>`;
  });
  return [path, points];
}

/** At the end of each line, moved apart where ends meet. */
function lineNames(chart: DriftChart, frame: Frame): Part {
  const ends = chart.lines
    .slice(0, namedLinesMax)
    .map(({ name, values }, index) => ({
      name,
      index,
      value: values.findLast((value) => value !== null && Number.isFinite(value)) ?? 0,
    }))
    .sort((left, right) => right.value - left.value || left.index - right.index);
  const wished = ends.map(({ value }) => frame.y(Math.max(0, value)));
  const spread = spreadPositions(wished, 15);
  const over = Math.max(0, (spread.at(-1) ?? 0) - (frame.bottom - 6));
  return ends.map(({ name, index }, i) => {
    const y = spread[i]! - over;
    const text = fitText(name, 12, frame.width - frame.right - 12);
    return html`<path class="grid" d="M${px(frame.right - frame.slotPx / 2 + 4)} ${px(wished[i]!)}L${px(frame.right + 6)} ${px(y)}"/><text class="p${index}" x="${px(frame.right + 9)}" y="${px(y + 4)}">${text}</text>`;
  });
}

/** High and warm for drift, low for stable: told apart by shape too. */
function strips({ strips: list }: DriftChart, frame: Frame): Part {
  return list.map(({ name, verdicts }, row) => {
    const bottom = frame.bottom + 34 + (row + 1) * stripRowPx - 6;
    const width = px(Math.max(1, Math.min(26, frame.slotPx - (frame.slotPx > 5 ? 2 : 0))));
    const cells = verdicts.map((verdict, index) => {
      if (verdict === null) return null;
      const kind = { drift: "vd", stable: "vs", unsure: "vu" }[verdictClass(verdict)] ?? "vu";
      const height = kind === "vd" ? 13 : 4;
      return html`<rect class="${kind}" x="${px(frame.x(index) - width / 2)}" y="${bottom - height}" width="${width}" height="${height}"/>`;
    });
    const text = fitText(name, 12, frame.width - frame.right - 12);
    return html`<g><title>${name}</title>${cells}<text x="${px(frame.right + 9)}" y="${bottom}">${text}</text></g>`;
  });
}
