/** Counts the texts of a column by name, whatever the batches' dictionaries are. */
import { MendlineError } from "../../errors.js";
import type { Batch, Field } from "../columns/column.js";
import { type CounterHost, sliceOf } from "./counter.js";
import type { CategoricalSample } from "./feature-profile.js";

/** Counts texts by name: the codes of a batch through a kernel, then names in a map. Numbers count by their shortest decimal text. */
export class TextCollector {
  readonly field: Field;
  readonly #counts = new Map<string, number>();
  #present = 0;

  constructor(field: Field) {
    this.field = field;
  }

  add(runtime: CounterHost, batch: Batch): void {
    const column = batch.columns.get(this.field.name)!;
    if (column.kind !== "text") throw new TypeError(`column ${column.name} is not text`);
    const scope = runtime.arena.scope();
    try {
      const codeCount = column.names.length;
      const slotCount = codeCount + 1;
      const remapPtr = scope.allocate(Math.max(1, codeCount) * 4);
      const countsPtr = scope.allocate((slotCount + 1) * 4);
      new Uint32Array(runtime.arena.memory.buffer, remapPtr, codeCount).forEach((_, code, remap) => {
        remap[code] = column.names[code] === null ? codeCount : code;
      });
      runtime.kernels.countCategories(
        column.type,
        sliceOf(column, 0, batch.rowCount),
        remapPtr,
        codeCount,
        codeCount,
        slotCount,
        countsPtr,
      );
      const counts = new Uint32Array(runtime.arena.memory.buffer, countsPtr, slotCount + 1);
      if (counts[slotCount] !== 0) {
        throw new MendlineError(
          "MENDLINE_DATA_MALFORMED",
          `column "${column.name}": ${counts[slotCount]} codes lie outside its dictionary of ${codeCount} names`,
        );
      }
      for (let code = 0; code < codeCount; code++) {
        if (counts[code] === 0) continue;
        const name = column.names[code]!;
        this.#counts.set(name, (this.#counts.get(name) ?? 0) + counts[code]!);
        this.#present += counts[code]!;
      }
    } finally {
      scope.close();
    }
  }

  sample(rows: number): CategoricalSample {
    return {
      kind: "categorical",
      field: this.field,
      rows,
      missing: rows - this.#present,
      counts: this.#counts,
    };
  }
}
