/**
 * Labelled rows whose file says how they were drawn: two columns beside the features, which refinements write (refined-slices.ts). What
 * a row counts follows from all draws of its slice together, so it is told here and not stored.
 */
import type { DataSource } from "../columns/column.js";
import type { OutColumn } from "../columns/write-arrow.js";
import { type Draw, weightsOf } from "../labels/weighed-draw.js";
import { type LabelledData, type ReadLabelledOptions, readLabelled } from "./labelled-data.js";

const chanceColumn = "mendline.chance";
const leftColumn = "mendline.left";
/** What the rows' weights are called where a validator is handed them. */
const weightColumn = "mendline.weight";

export interface DrawnRows {
  /** Without the draws' columns, and weighed by none of them. */
  readonly data: LabelledData;
  /** One a row: null where it was no draw of a pool; null for all where the source tells of none. */
  readonly draws: readonly (Draw | null)[] | null;
}

export async function readDrawn(source: DataSource, options: ReadLabelledOptions): Promise<DrawnRows> {
  const isDrawn = [chanceColumn, leftColumn].every((name) => source.fields.some((one) => one.name === name));
  if (!isDrawn) return { data: await readLabelled(source, options), draws: null };
  const { features } = options;
  const all = await readLabelled(source, { ...options, features: [...features, chanceColumn, leftColumn] });
  const [chances, lefts] = all.columns.slice(features.length) as [Float64Array, Float64Array];
  return {
    data: {
      ...all,
      features,
      columns: all.columns.slice(0, features.length),
      texts: all.texts.slice(0, features.length),
    },
    draws: Array.from(chances, (chance, row) => {
      const left = lefts[row]!;
      return chance > 0 && left >= 1 ? { chance, left } : null;
    }),
  };
}

/** With a weight of its own a row counts both. Where all were drawn alike, nothing is weighed. */
export function weighed({ data, draws }: DrawnRows): LabelledData {
  const isUniform = draws === null || draws.every((draw) => draw === null || draw.chance === 1);
  if (isUniform) return data;
  const weights = weightsOf(draws);
  const own = data.weights;
  return {
    ...data,
    weights: own === null ? weights : weights.map((weight, row) => weight * own[row]!),
    weight: data.weight ?? weightColumn,
  };
}

/** What a file says of its rows' draws. */
export function drawColumns(draws: readonly (Draw | null)[]): OutColumn[] {
  const column = (name: string, numberOf: (draw: Draw) => number): OutColumn => ({
    name,
    values: Float64Array.from(draws, (draw) => (draw === null ? Number.NaN : numberOf(draw))),
  });
  return [column(chanceColumn, ({ chance }) => chance), column(leftColumn, ({ left }) => left)];
}
