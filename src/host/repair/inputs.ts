/** The data of a repair as its run remembers it: a run goes on with the very data that it began with, or not at all. */
import { MendlineError } from "../../errors.js";
import type { DataSource } from "../columns/column.js";
import { dataDigest } from "../columns/digest.js";
import { openData } from "../columns/open.js";
import type { RepairContext } from "./context.js";
import type { RepairSources } from "./request.js";
import { pathOf, recordedPath } from "./slice-paths.js";

export interface RepairInput {
  /** The file as it was named, for messages. */
  readonly label: string;
  /** Where it can be opened again, as slice-paths.ts writes it; null for rows and streams. */
  readonly path: string | null;
  readonly rows: number;
  /** Of the columns that the run looks at. */
  readonly digest: string;
}

export interface RepairInputs {
  readonly live: RepairInput;
  readonly validation: RepairInput;
  readonly gate: RepairInput | null;
  readonly control: RepairInput | null;
}

export interface InputColumns {
  readonly live: readonly string[];
  readonly labelled: readonly string[];
}

export async function describeInputs(
  context: RepairContext,
  sources: RepairSources,
  columns: InputColumns,
  signal: AbortSignal | undefined,
): Promise<RepairInputs> {
  const describe = async (source: DataSource, names: readonly string[]): Promise<RepairInput> => ({
    label: source.label,
    path: recordedPath(context.store.dir, source.path),
    rows: source.rowCount,
    digest: await dataDigest(source, names, context.runtime.arena, signal),
  });
  return {
    live: await describe(sources.live, columns.live),
    validation: await describe(sources.validation, columns.labelled),
    gate: sources.gate === undefined ? null : await describe(sources.gate, columns.labelled),
    control: sources.control === undefined ? null : await describe(sources.control, columns.labelled),
  };
}

const names = {
  live: "live data",
  validation: "validation data",
  gate: "gate data",
  control: "control data",
} as const;

/** @throws MendlineError MENDLINE_REPAIR_INPUTS  names the data that is not what it was, with both row counts */
export function refuseOtherInputs(run: string, recorded: RepairInputs, given: RepairInputs): void {
  for (const kind of ["live", "validation", "gate", "control"] as const) {
    const before = recorded[kind];
    const now = given[kind];
    if (before?.digest === now?.digest) continue;
    throw new MendlineError(
      "MENDLINE_REPAIR_INPUTS",
      `${run}: ${difference(kind, before, now)}: give it the same, or end it with \`mendline resume ${run} --cancel\` and repair anew`,
      { details: { run, input: kind, before, now } },
    );
  }
}

function difference(kind: keyof typeof names, before: RepairInput | null, now: RepairInput | null): string {
  if (before === null) return `it began without ${names[kind]}`;
  if (now === null) return `it began with ${names[kind]} (${before.label})`;
  const rows = before.rows === now.rows ? "other values" : `${now.rows} rows where there were ${before.rows}`;
  return `the ${names[kind]} ${now.label} is not what it began with, but has ${rows}`;
}

/**
 * The data of a run that is resumed: what the caller gives, else the files that the run began with.
 *
 * @returns the sources, and what closes those that were opened here
 * @throws MendlineError MENDLINE_REPAIR_INPUTS  it was no file, and is not given again
 */
export async function reopenInputs(
  { runtime, store }: RepairContext,
  run: string,
  recorded: RepairInputs,
  given: Partial<RepairSources>,
  signal: AbortSignal | undefined,
): Promise<{ readonly sources: RepairSources; close(): Promise<void> }> {
  const opened: DataSource[] = [];
  const close = async () => {
    for (const source of opened) await source.close();
  };
  const reopen = async (kind: keyof typeof names): Promise<DataSource | undefined> => {
    if (given[kind] !== undefined) return given[kind];
    const before = recorded[kind];
    if (before === null) return undefined;
    if (before.path === null) throw notGiven(run, kind, before);
    const source = await openData(pathOf(store.dir, before.path), runtime.arena, { signal });
    opened.push(source);
    return source;
  };
  try {
    const live = (await reopen("live"))!;
    const validation = (await reopen("validation"))!;
    const [gate, control] = [await reopen("gate"), await reopen("control")];
    return { sources: { live, validation, gate, control }, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function notGiven(run: string, kind: keyof typeof names, { label }: RepairInput): MendlineError {
  return new MendlineError(
    "MENDLINE_REPAIR_INPUTS",
    `${run}: the ${names[kind]} (${label}) was no file that could be opened again: give it with --${kind}`,
    { details: { run, input: kind } },
  );
}
