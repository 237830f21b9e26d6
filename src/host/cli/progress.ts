/** One line on standard error that is written over; nothing at all where standard error is no terminal. */
import { clipText, visibleText } from "../pages/markup.js";

const redrawMs = 100;
const barWidth = 24;

export class ProgressLine {
  readonly #isShown = process.stderr.isTTY === true;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #isDrawn = false;

  update(label: string, done?: number, total?: number): void {
    if (!this.#isShown) return;
    const nowMs = performance.now();
    if (nowMs - this.#drawnMs < redrawMs) return;
    this.#drawnMs = nowMs;
    this.#isDrawn = true;
    const width = Math.max(20, (process.stderr.columns || 80) - 1);
    process.stderr.write(`\r\x1b[K${clipText(progressText(label, done, total), width)}`);
  }

  /** Before anything else is written to the terminal. */
  clear(): void {
    if (this.#isDrawn) process.stderr.write("\r\x1b[K");
    this.#isDrawn = false;
    this.#drawnMs = Number.NEGATIVE_INFINITY;
  }
}

export function progressText(label: string, done?: number, total?: number): string {
  const text = visibleText(label);
  if (done === undefined || total === undefined || !(total > 0)) return text;
  const share = Math.min(1, Math.max(0, done / total));
  const filled = Math.round(share * barWidth);
  return `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${Math.floor(share * 100)} %  ${text}`;
}
