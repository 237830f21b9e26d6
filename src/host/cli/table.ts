/** Tables and colours for a terminal. Names come from data: what could move a cursor or turn text round is written out. */
import { clipText, visibleText } from "../pages/markup.js";

export interface TableColumn {
  readonly title: string;
  /** Numbers are set to the right. */
  readonly isNumber?: boolean;
}

export interface PaintedCell {
  readonly text: string;
  readonly style: Style;
}

export type Cell = string | PaintedCell;

const styles = { bold: [1, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], dim: [2, 22] } as const;
export type Style = keyof typeof styles;

const nameLengthMax = 80;
/** Paths and ids stay whole. */
const cellLengthMax = 240;
const gap = "  ";

/** Colour is for people: on a terminal, unless NO_COLOR (no-color.org) or TERM=dumb says otherwise. */
function isColourful(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb";
}

export function paint(text: string, style: Style): string {
  if (!isColourful()) return text;
  const [on, off] = styles[style];
  return `\x1b[${on}m${text}\x1b[${off}m`;
}

/** Columns aligned, no line end after the last row. */
export function tableText(columns: readonly TableColumn[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map((cell) => cellText(cell)));
  const widths = columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...texts.map((row) => widthOf(row[index] ?? ""))),
  );
  const line = (cells: readonly Cell[]) =>
    columns
      .map((column, index) => aligned(cells[index] ?? "", column, widths[index]!))
      .join(gap)
      .trimEnd();
  const heads = columns.map(({ title }): Cell => ({ text: title, style: "bold" }));
  return [line(heads), ...rows.map(line)].join("\n");
}

/** A name of the data or the store, in a sentence or a table. */
export function nameText(name: string): string {
  return clipText(visibleText(name), nameLengthMax);
}

/** `term  value` lines with the values below each other; the lines of a value are indented alike. */
export function factsText(facts: readonly (readonly [term: string, value: string])[]): string {
  const width = Math.max(...facts.map(([term]) => term.length)) + gap.length;
  return facts
    .flatMap(([term, value]) =>
      value.split("\n").map((line, index) => ((index === 0 ? term : "").padEnd(width) + line).trimEnd()),
    )
    .join("\n");
}

function cellText(cell: Cell): string {
  return clipText(visibleText(typeof cell === "string" ? cell : cell.text), cellLengthMax);
}

function aligned(cell: Cell, { isNumber = false }: TableColumn, width: number): string {
  const text = cellText(cell);
  const padding = " ".repeat(width - widthOf(text));
  const shown = typeof cell === "string" ? text : paint(text, cell.style);
  return isNumber ? padding + shown : shown + padding;
}

/** Code points, which is close enough for the scripts whose letters take one place. */
function widthOf(text: string): number {
  return [...text].length;
}
