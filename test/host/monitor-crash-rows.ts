/** The same rows in every process. */
import type { Row, WatchOptions } from "../../src/index.js";
import { random } from "../assembly/support.js";

const next = random(11);
const rows: Row[] = Array.from({ length: 4_000 }, (_, index) => ({
  at: index * 10 - Math.floor(next() ** 4 * 300),
  wind: Math.floor(next() * 40) / 4 + index / 4_000,
  city: `city ${Math.floor(next() * 5)}`,
}));

export function watchedRows(from: number, count: number): Row[] {
  return Array.from({ length: count }, (_, i) => {
    const row = rows[(from + i) % rows.length]!;
    return { ...row, at: Number(row.at) + Math.floor((from + i) / rows.length) * rows.length * 10 };
  });
}

export const watchedOptions: WatchOptions = {
  window: { ms: 400, panes: 2, timeColumn: "at", allowedLatenessMs: 100 },
  segments: { column: "city" },
  flushRows: 100,
};
