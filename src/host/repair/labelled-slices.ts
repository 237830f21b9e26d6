/** The labelled data of a repair, cut into the slices that it is judged on. */
import { MendlineError } from "../../errors.js";
import type { ModelTask } from "../../lineage-store/records.js";
import type { RepairContext } from "./context.js";
import { type LabelledData, readLabelled, selectRows, withoutRows } from "./labelled-data.js";
import type { RepairSources } from "./request.js";
import type { CheckedStep } from "./run-steps.js";
import { splitRows } from "./slices.js";
import type { Candidate, Validator } from "./validator.js";

export interface LabelledSlices {
  readonly selection: LabelledData;
  readonly gate: LabelledData;
  readonly control: LabelledData | null;
  readonly checked: CheckedStep;
}

export interface CutOptions {
  readonly task: ModelTask & { readonly label: string };
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Prepares the validator with all labelled rows, leaves out those that the unrepaired model has no finite output for, and splits.
 *
 * @throws MendlineError MENDLINE_DATA_EMPTY  a control slice without a labelled row
 */
export async function cutSlices(
  { runtime }: RepairContext,
  { validation, control }: Pick<RepairSources, "validation" | "control">,
  validator: Validator,
  baseline: Candidate,
  { task, seed, signal }: CutOptions,
): Promise<LabelledSlices> {
  const { features, label } = task;
  const reading = { features, label, memory: runtime.arena.memory, ...(signal && { signal }) };
  const all = await readLabelled(validation, reading);
  const held = control === undefined ? null : await readLabelled(control, reading);
  if (held?.rowCount === 0) throw noControl(held.source, "with a label");
  // A validator has nothing to look at where there is no row.
  const { nonFiniteRows } =
    all.rowCount === 0
      ? { nonFiniteRows: new Uint32Array(0) }
      : await validator.prepare(baseline, all, { signal });
  const usable = nonFiniteRows.length === 0 ? all : withoutRows(all, nonFiniteRows);
  const split = splitRows(usable.labels, { task: task.kind, seed });
  const selection = selectRows(usable, split.selection);
  const gate = selectRows(usable, split.gate);
  return {
    selection,
    gate,
    control: held,
    checked: {
      labelled: all.rowCount,
      withoutLabel: all.skippedUnlabelled,
      withoutOutput: nonFiniteRows.length,
      selection: selection.rowCount,
      gate: gate.rowCount,
      control: held?.rowCount ?? 0,
      isEnough: split.isEnough,
      rowsMin: split.rowsMin,
    },
  };
}

export function noControl(source: string, what: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_EMPTY",
    `${source}: there are no rows ${what} for the control slice: leave it out, or give data of the old regime`,
  );
}
