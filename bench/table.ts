/** Results as tables for people. */
import type { CaseResult, GroupResult } from "./measure.js";
import type { FigureTable } from "./suite.js";

const heads = ["case", "median", "IQR", "ns a value", "GB/s", "ours is", ""];

/** One line a case; the last column says how many times as fast ours is as that case, and what casts doubt on that. */
export function groupText(group: GroupResult): string {
  const rows = [heads, ...group.cases.map(cells)];
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => widthOf(row, column))));
  const lines = rows.map((row) => {
    if (row.length === 2) return `  ${row[0]!.padEnd(widths[0]!)}  ${row[1]}`;
    const numbers = row.slice(1, -1).map((cell, index) => cell.padStart(widths[index + 1]!));
    return `  ${row[0]!.padEnd(widths[0]!)}  ${numbers.join("  ")}  ${row.at(-1)!}`.trimEnd();
  });
  return [`\n${group.name}`, ...lines].join("\n");
}

/** The first column to the left, figures to the right. */
export function tableText({ name, heads: titles, rows }: FigureTable): string {
  const all = [titles, ...rows];
  const widths = titles.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  "),
  );
  return [`\n${name}`, ...lines.map((line) => `  ${line}`.trimEnd())].join("\n");
}

/** A case that did not complete has only two cells; its note must not widen the columns. */
function cells(one: CaseResult): string[] {
  if (one.medianMs === null) return [one.name, `${one.status}: ${one.note ?? ""}`];
  const iqr = one.upperQuartileMs! - one.lowerQuartileMs!;
  return [
    one.name,
    timeText(one.medianMs),
    timeText(iqr),
    one.nsPerValue === null ? "" : figure(one.nsPerValue),
    one.gbPerSecond === null ? "" : figure(one.gbPerSecond),
    one.ratio === null ? "" : `${figure(one.ratio)}x`,
    one.warnings.join(", "),
  ];
}

export function timeText(ms: number): string {
  if (ms >= 1000) return `${figure(ms / 1000)} s`;
  if (ms >= 1) return `${figure(ms)} ms`;
  return `${figure(ms * 1000)} us`;
}

function figure(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(value >= 1 ? 2 : 3);
}

function widthOf(row: readonly string[], column: number): number {
  return row.length === 2 && column > 0 ? 0 : row[column]!.length;
}
