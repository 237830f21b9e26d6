/** The labelled data of a repair, cut into the slices that it is judged on. */
import { MendlineError } from "../../errors.js";
import { sliceRowsMin } from "../../limits.js";
import type { ModelTask } from "../../lineage-store/records.js";
import type { DataSource } from "../columns/column.js";
import type { RepairContext } from "./context.js";
import { readDrawn, weighed } from "./drawn-rows.js";
import { type LabelledData, selectRows, withoutRows } from "./labelled-data.js";
import { effectiveRows } from "./paired.js";
import type { RepairSources } from "./request.js";
import { refuseOverlap } from "./row-overlap.js";
import type { CheckedSlices } from "./run-steps.js";
import { splitRows } from "./slices.js";
import type { Candidate, Validator } from "./validator.js";

/** No row is in two of them; rows on which the unrepaired model gives no finite output are in none. */
export interface LabelledSlices {
  readonly selection: LabelledData;
  readonly gate: LabelledData;
  readonly control: LabelledData | null;
  readonly checked: CheckedSlices;
}

export interface CutOptions {
  readonly task: ModelTask & { readonly label: string };
  /** Column of the rows' weights. */
  readonly weight: string | null;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Prepares the validator with the validation rows, and splits them into selection and gate slice, unless the gate's rows came as data
 * of their own.
 *
 * @throws MendlineError MENDLINE_DATA_EMPTY  a control slice without a labelled row that can be judged
 * @throws MendlineError MENDLINE_REPAIR_INPUTS  gate or control rows that choose the scale too
 */
export async function cutSlices(
  context: RepairContext,
  sources: Omit<RepairSources, "live">,
  validator: Validator,
  baseline: Candidate,
  options: CutOptions,
): Promise<LabelledSlices> {
  const read = (source: DataSource) => readSlice(context, source, options);
  const all = await read(sources.validation);
  const ownGate = sources.gate === undefined ? null : await read(sources.gate);
  const held = sources.control === undefined ? null : await read(sources.control);
  if (held?.rowCount === 0) throw noControl(held.source, "with a label");
  const { signal } = options;
  // A validator has nothing to look at where there is no row.
  const nonFiniteRows =
    all.rowCount === 0
      ? new Uint32Array(0)
      : (await validator.prepare(baseline, all, { signal })).nonFiniteRows;
  const usable = nonFiniteRows.length === 0 ? all : withoutRows(all, nonFiniteRows);
  const judged = (data: LabelledData) => withOutput(validator, baseline, data, signal);
  // Before `prepare` nothing can be judged.
  const gateRows = ownGate === null || usable.rowCount === 0 ? ownGate : await judged(ownGate);
  const { selection, gate } =
    gateRows === null ? splitBySeed(usable, options) : { selection: usable, gate: gateRows };
  const control = held === null || usable.rowCount === 0 ? held : await judged(held);
  if (control?.rowCount === 0) throw noControl(control.source, "that the model gives a finite output for");
  if (gateRows !== null) refuseOverlap("gate", gate, selection);
  if (control !== null) refuseOverlap("control", control, selection);
  const counts = [selection, gate].map(countOf);
  // Weights that come of draws make up for their chances, and leave no row out: rows are counted.
  const enough = options.weight === null ? [selection.rowCount, gate.rowCount] : counts;
  const hasWeights = selection.weights !== null || gate.weights !== null;
  return {
    selection,
    gate,
    control,
    checked: {
      labelled: all.rowCount + (ownGate?.rowCount ?? 0),
      withoutLabel: all.skippedUnlabelled + (ownGate?.skippedUnlabelled ?? 0),
      withoutOutput: nonFiniteRows.length + (ownGate?.rowCount ?? 0) - (gateRows?.rowCount ?? 0),
      selection: selection.rowCount,
      gate: gate.rowCount,
      control: control?.rowCount ?? 0,
      effective: !hasWeights ? null : { selection: counts[0]!, gate: counts[1]! },
      isEnough: Math.min(...enough) >= sliceRowsMin,
      rowsMin: sliceRowsMin,
    },
  };
}

async function readSlice(
  { runtime }: RepairContext,
  source: DataSource,
  { task, weight, signal }: CutOptions,
): Promise<LabelledData> {
  const { features, label } = task;
  return weighed(
    await readDrawn(source, {
      features,
      label,
      weight,
      memory: runtime.arena.memory,
      ...(signal && { signal }),
    }),
  );
}

function splitBySeed(
  usable: LabelledData,
  { task, seed }: CutOptions,
): Pick<LabelledSlices, "selection" | "gate"> {
  const split = splitRows(usable.labels, { task: task.kind, seed });
  return { selection: selectRows(usable, split.selection), gate: selectRows(usable, split.gate) };
}

/** The rows on which the unrepaired model gives a finite output: on the others nothing can be compared. */
async function withOutput(
  validator: Validator,
  baseline: Candidate,
  data: LabelledData,
  signal: AbortSignal | undefined,
): Promise<LabelledData> {
  if (data.rowCount === 0) return data;
  const { nonFiniteCount, rowLosses } = await validator.evaluate(baseline, data, { signal });
  if (nonFiniteCount === 0 || rowLosses === null) return data;
  return withoutRows(
    data,
    Uint32Array.from(rowLosses.keys()).filter((row) => !Number.isFinite(rowLosses[row])),
  );
}

/** Rows, or of weighted ones how many of equal weight tell as much. */
function countOf({ rowCount, weights }: LabelledData): number {
  return weights === null || rowCount === 0 ? rowCount : effectiveRows(weights);
}

function noControl(source: string, what: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_EMPTY",
    `${source}: there are no rows ${what} for the control slice: leave it out, or give data of the old regime`,
  );
}
