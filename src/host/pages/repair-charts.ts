/** The drawings of a repair's decision: the loss over the scale, and the gate. */
import { formatDifference, formatLoss, formatNumber } from "./format.js";
import { html, type Markup, type Part } from "./markup.js";
import { linearScale, niceTicks, paddedRange, px, type Scale, svgMarkup, textWidth } from "./plot.js";
import type { StoryGate } from "./repair-story.js";

export interface ScaleCurve {
  readonly points: readonly { readonly scale: number; readonly loss: number }[];
  readonly chosen: number | null;
}

interface Frame {
  readonly width: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly x: Scale;
  readonly y: Scale;
}

/** @param curve  points with finite losses, by rising scale; at least one */
export function scaleCurveSvg(curve: ScaleCurve, label: string, widthPx: number, className: string): Markup {
  const frame = curveFrame(curve, widthPx);
  const { points } = curve;
  const line = points.map(
    ({ scale, loss }, i) => `${i === 0 ? "M" : "L"}${px(frame.x(scale))} ${px(frame.y(loss))}`,
  );
  return svgMarkup({ width: widthPx, height: frame.bottom + 42 }, label, className, [
    curveAxes(curve, frame),
    [0, 1].map(
      (scale) =>
        html`<path class="moment soft" stroke-dasharray="2 3" d="M${px(frame.x(scale))} ${frame.top}V${frame.bottom}"/>`,
    ),
    html`<path class="cl" d="${line.join("")}"/>`,
    points.map(
      ({ scale, loss }) =>
        html`<circle class="plaindot" cx="${px(frame.x(scale))}" cy="${px(frame.y(loss))}" r="3"><title>scale ${formatNumber(scale)}: ${formatLoss(loss)}</title></circle>`,
    ),
    curveNotes(curve, frame),
  ]);
}

function curveFrame({ points }: ScaleCurve, width: number): Frame {
  const scales = points.map(({ scale }) => scale);
  const [low, high] = paddedRange([0, 1, ...scales], 0.06);
  const [least, most] = paddedRange(
    points.map(({ loss }) => loss),
    0.2,
  );
  const left = 48;
  const right = width - 14;
  const top = 14;
  const bottom = top + (width < 500 ? 190 : 240);
  const x = linearScale([low, high], [left, right]);
  return { width, left, right, top, bottom, x, y: linearScale([least, most], [bottom, top]) };
}

function curveAxes({ points }: ScaleCurve, frame: Frame): Part {
  const [least, most] = paddedRange(
    points.map(({ loss }) => loss),
    0.2,
  );
  const scales = points.map(({ scale }) => scale);
  const ends = paddedRange([0, 1, ...scales], 0.06);
  const ticks = niceTicks(ends[0], ends[1], frame.width < 500 ? 4 : 7);
  const name = (tick: number) => (tick === 0 ? "keep" : tick === 1 ? "roll back" : null);
  return [
    niceTicks(least, most, 5).map(
      (tick) =>
        html`<path class="grid" d="M${frame.left} ${px(frame.y(tick))}H${frame.right}"/><text class="t e" x="${frame.left - 7}" y="${px(frame.y(tick) + 4)}">${formatNumber(tick)}</text>`,
    ),
    html`<path class="axis" d="M${frame.left} ${frame.bottom}H${frame.right}"/>`,
    [...new Set([...ticks, 0, 1])].map(
      (tick) =>
        html`<path class="axis" d="M${px(frame.x(tick))} ${frame.bottom}v4"/><text class="t m" x="${px(frame.x(tick))}" y="${frame.bottom + 17}">${formatNumber(tick)}</text>${name(tick) !== null && html`<text class="t m h" x="${px(frame.x(tick))}" y="${frame.bottom + 32}">${name(tick)}</text>`}`,
    ),
  ];
}

/** The values at 0, at 1 and at the chosen scale; the chosen one, a low point, is written below the line. */
function curveNotes({ points, chosen }: ScaleCurve, frame: Frame): Part {
  const at = (scale: number | null) =>
    points.find((point) => scale !== null && Math.abs(point.scale - scale) < 1e-9);
  const ends = [0, 1]
    .filter((scale) => scale !== chosen)
    .map((scale) => {
      const point = at(scale);
      if (point === undefined) return null;
      const text = formatLoss(point.loss);
      return note(frame, point, text, -12, false);
    });
  const best = at(chosen);
  if (best === undefined) return ends;
  const mark = html`<circle class="chosendot" cx="${px(frame.x(best.scale))}" cy="${px(frame.y(best.loss))}" r="7"/>`;
  return [
    ends,
    mark,
    note(frame, best, `scale ${formatNumber(best.scale, 3)}: ${formatLoss(best.loss)}`, 24, true),
  ];
}

function note(
  frame: Frame,
  { scale, loss }: { scale: number; loss: number },
  text: string,
  offset: number,
  isChosen: boolean,
): Markup {
  const half = textWidth(text, 12) / 2;
  const x = Math.min(frame.right - half, Math.max(frame.left + half + 2, frame.x(scale)));
  const y = Math.min(frame.bottom - 5, Math.max(frame.top + 10, frame.y(loss) + offset));
  return html`<text class="m halo${isChosen && " h"}" x="${px(x)}" y="${px(y)}">${text}</text>`;
}

export interface GateDrawing {
  readonly gate: StoryGate;
  readonly isHigherBetter: boolean;
  /** What the metric is called, for the axis. */
  readonly metric: string;
}

const gateRowPx = 30;

/** Three values on one axis, and the difference with its interval on another. */
export function gateSvg(
  { gate, isHigherBetter, metric }: GateDrawing,
  label: string,
  width: number,
  className: string,
): Markup {
  const left = 82;
  const right = width - 64;
  const values = [
    { name: "keep", value: gate.keep },
    { name: "roll back", value: gate.rollback },
    { name: "repaired", value: gate.repaired },
  ];
  const range = paddedRange(
    values.map(({ value }) => value),
    0.25,
  );
  const x = linearScale(range, [left, right]);
  const axisY = 8 + values.length * gateRowPx;
  const rows = values.map(({ name, value }, row) =>
    valueRow(name, value, x, left, right, 22 + row * gateRowPx),
  );
  const ticks = niceTicks(range[0], range[1], width < 500 ? 4 : 6).map(
    (tick) =>
      html`<path class="axis" d="M${px(x(tick))} ${axisY}v4"/><text class="t m" x="${px(x(tick))}" y="${axisY + 17}">${formatNumber(tick)}</text>`,
  );
  const better = isHigherBetter ? `${metric}, higher is better →` : `← lower is better, ${metric}`;
  return svgMarkup({ width, height: axisY + 148 }, label, className, [
    rows,
    html`<path class="axis" d="M${left} ${axisY}H${right}"/>`,
    ticks,
    html`<text class="t${isHigherBetter && " e"}" x="${isHigherBetter ? right : left}" y="${axisY + 34}">${better}</text>`,
    differenceRow(gate, isHigherBetter, [left, right], axisY + 72, width),
  ]);
}

function valueRow(name: string, value: number, x: Scale, left: number, right: number, y: number): Markup {
  const isRepaired = name === "repaired";
  return html`<path class="grid" d="M${left} ${y}H${right}"/><text class="e${isRepaired && " h"}" x="${left - 12}" y="${y + 4}">${name}</text>${Number.isFinite(value) && html`<circle class="${isRepaired ? "chosendot" : "plaindot"}" cx="${px(x(value))}" cy="${y}" r="${isRepaired ? 7 : 5}"/>`}<text class="${isRepaired && "h"}" x="${right + 10}" y="${y + 4}">${formatLoss(value)}</text>`;
}

function differenceRow(
  { difference, interval }: StoryGate,
  isHigherBetter: boolean,
  [left, right]: readonly [number, number],
  y: number,
  width: number,
): Part {
  const range = paddedRange([0, difference, ...interval], 0.12);
  const x = linearScale(range, [left, right]);
  const axisY = y + 22;
  const [low, high] = interval.map((end) => px(x(end))) as [number, number];
  const zero = px(x(0));
  const isDrawable = [difference, ...interval].every(Number.isFinite);
  return [
    html`<rect class="after" x="${isHigherBetter ? zero : left}" y="${y - 16}" width="${px(isHigherBetter ? right - zero : zero - left)}" height="38"/>`,
    html`<path class="moment" d="M${zero} ${y - 22}V${axisY}"/><path class="axis" d="M${left} ${axisY}H${right}"/>`,
    html`<text class="e" x="${left - 12}" y="${y - 2}">repaired</text><text class="e" x="${left - 12}" y="${y + 13}">− keep</text>`,
    isDrawable &&
      html`<path class="cl" d="M${low} ${y}H${high}M${low} ${y - 6}v12M${high} ${y - 6}v12"/><circle class="chosendot" cx="${px(x(difference))}" cy="${y}" r="6"/>`,
    html`<text class="h" x="${right + 10}" y="${y + 4}">${formatDifference(difference)}</text>`,
    niceTicks(range[0], range[1], width < 500 ? 3 : 6).map(
      (tick) =>
        html`<path class="axis" d="M${px(x(tick))} ${axisY}v4"/><text class="t m" x="${px(x(tick))}" y="${axisY + 17}">${formatNumber(tick)}</text>`,
    ),
    html`<text class="t" x="${left}" y="${axisY + 34}">shaded: the repaired model is better</text>`,
  ];
}
