/** The forms that live data come in, told apart by what they are, and brought to where they are counted. */

import { ArrowBytes } from "../columns/arrow-bytes.js";
import { type ArrowTable, ArrowTables, isArrowTable } from "../columns/arrow-table.js";
import type { DataSource } from "../columns/column.js";
import { type ColumnBatch, heldBatch, isColumnValues } from "../columns/held.js";
import type { Row } from "../columns/rows.js";
import type { WindowCounter } from "./window-counter.js";

/** What is taken at once: a row, rows, columns of equal length, or a table or record batch of apache-arrow. */
export type LiveRows = Row | readonly Row[] | ColumnBatch | ArrowTable;

const label = "observed rows";
/** For messages. */
export const liveArrowLabel = "observed Arrow data";

export class LiveIntake {
  readonly #counter: WindowCounter;
  readonly #arrowBytes: ArrowBytes;
  readonly #arrowTables: ArrowTables;

  constructor(counter: WindowCounter) {
    this.#counter = counter;
    this.#arrowBytes = new ArrowBytes(counter.columns);
    this.#arrowTables = new ArrowTables(counter.columns);
  }

  add(live: LiveRows): void {
    if (Array.isArray(live)) this.#counter.addRows(live as readonly Row[]);
    else if (typeof live !== "object" || live === null) this.#counter.addRow(live);
    else if (isArrowTable(live)) this.#addTable(live);
    else if (this.#isColumns(live)) this.addColumns(live as ColumnBatch);
    else this.#counter.addRow(live as Row);
  }

  addColumns(columns: ColumnBatch): void {
    this.#counter.addBatch(heldBatch(columns, this.#counter.columns, label));
  }

  /** An Arrow IPC stream. */
  addBytes(bytes: Uint8Array): void {
    for (const batch of this.#arrowBytes.batches(bytes, liveArrowLabel)) this.#counter.addBatch(batch);
  }

  #addTable(table: ArrowTable): void {
    for (const batch of this.#arrowTables.batches(table, label)) this.#counter.addBatch(batch);
  }

  /** The first watched value that is there tells: a row has none that is a column. */
  #isColumns(live: object): boolean {
    for (const name of this.#counter.columns) {
      const value = (live as Row)[name];
      if (value !== undefined && value !== null && Object.hasOwn(live, name)) return isColumnValues(value);
    }
    return false;
  }
}

export function isSource(live: unknown): live is DataSource {
  return (
    typeof live === "object" && live !== null && typeof (live as Partial<DataSource>).read === "function"
  );
}
