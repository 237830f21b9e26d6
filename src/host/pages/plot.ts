/** What every drawing needs: scales, ticks, text that fits, and the frame of an SVG. */
import { clipText, html, type Markup, type Part, visibleText } from "./markup.js";

export type Scale = (value: number) => number;

/** A tenth of a pixel is finer than any screen shows, and short to write. */
export function px(value: number): number {
  return Math.round(value * 10) / 10 + 0;
}

/** Linear from domain to range; a domain of one value lands in the middle. */
export function linearScale(from: readonly [number, number], to: readonly [number, number]): Scale {
  const span = from[1] - from[0];
  if (!(Math.abs(span) > 0)) return () => (to[0] + to[1]) / 2;
  return (value) => to[0] + ((value - from[0]) / span) * (to[1] - to[0]);
}

/** Round numbers (1, 2 or 5 times a power of ten) within [low, high], about `count` of them. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const ticks: number[] = [];
  const decimals = Math.min(100, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index++) {
    ticks.push(Number((index * step).toFixed(decimals)));
  }
  return ticks;
}

/** The range of the finite values, widened by a share of itself on both sides; [0, 1] where there is none. */
export function paddedRange(values: readonly number[], share: number): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  const pad = (high - low || Math.abs(high) || 1) * share;
  return [low - pad, high + pad];
}

/** Estimated, on the wide side, as nothing here can measure: shares of the font's size for the usual sans-serif faces. */
export function textWidth(text: string, sizePx: number): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width * sizePx;
}

function characterWidth(character: string): number {
  if (/\p{M}/u.test(character)) return 0;
  if (character.codePointAt(0)! >= 0x1100) return /[\u2000-\u2bff]/.test(character) ? 0.75 : 1.05;
  if (/[ijl.,:;'|! ()[\]]/.test(character)) return 0.36;
  return /[\p{Lu}mw@%+]/u.test(character) ? 0.8 : 0.6;
}

/** Cut with an ellipsis so that it takes `widthPx` at most. */
export function fitText(text: string, sizePx: number, widthPx: number): string {
  const shown = visibleText(text);
  if (shown.length < 400 && textWidth(shown, sizePx) <= widthPx) return shown;
  const ellipsisWidth = 0.8 * sizePx;
  let width = 0;
  let count = 0;
  for (const character of shown) {
    width += characterWidth(character) * sizePx;
    if (width + ellipsisWidth > widthPx) break;
    count++;
  }
  return clipText(shown, Math.max(2, count + 1));
}

/** @param label  what a person who does not see the drawing is told */
export function svgMarkup(
  size: { readonly width: number; readonly height: number },
  label: string,
  className: string,
  content: Part,
): Markup {
  const width = Math.ceil(size.width);
  const height = Math.ceil(size.height);
  return html`<svg class="${className}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${clipText(visibleText(label), 600)}">${content}</svg>`;
}

/** Nearest positions to the wished ones, in ascending order, that keep `gap` between neighbours. */
export function spreadPositions(wished: readonly number[], gap: number): number[] {
  return separatedPositions(
    wished,
    wished.map((_, index) => (index === 0 ? 0 : gap)),
  );
}

/**
 * Least-squares positions in the given order with `gaps[i]` at least between i - 1 and i: isotonic regression of wished minus
 * summed gaps, by pooling adjacent violators (Barlow et al. 1972). Bounds are kept by clamping, which stays optimal.
 *
 * @param bounds  least first and greatest last position; they leave room for the gaps
 */
export function separatedPositions(
  wished: readonly number[],
  gaps: readonly number[],
  options: { readonly weights?: readonly number[]; readonly bounds?: readonly [number, number] } = {},
): number[] {
  const blocks: { sum: number; weight: number; count: number }[] = [];
  let offset = 0;
  const offsets = gaps.map((gap) => (offset += gap));
  wished.forEach((wish, index) => {
    const weight = options.weights?.[index] ?? 1;
    let block = { sum: (wish - offsets[index]!) * weight, weight, count: 1 };
    for (
      let last = blocks.at(-1);
      last !== undefined && last.sum / last.weight >= block.sum / block.weight;
      last = blocks.at(-1)
    ) {
      blocks.pop();
      block = {
        sum: last.sum + block.sum,
        weight: last.weight + block.weight,
        count: last.count + block.count,
      };
    }
    blocks.push(block);
  });
  const [low, high] = options.bounds ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const positions: number[] = [];
  for (const { sum, weight, count } of blocks) {
    const start = Math.max(low, Math.min(high - offset, sum / weight));
    for (let i = 0; i < count; i++) positions.push(start + offsets[positions.length]!);
  }
  return positions;
}
