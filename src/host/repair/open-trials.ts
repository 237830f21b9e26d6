/** Trials of aliases that have not ended, as the store keeps them. */
import type { LineageStore } from "../../lineage-store/store.js";
import type { TrialState } from "./trial.js";

/** The trial of an alias that has not ended, as it was kept last; null where there is none. */
export async function openTrial(store: LineageStore, alias: string): Promise<TrialState | null> {
  const kept = (await store.lastTrial(alias)) as TrialState | null;
  return kept?.verdict === "open" ? kept : null;
}

/** The repair run whose candidate is on trial before the alias moves; null where none is. */
export async function runOnTrial(store: LineageStore, alias: string): Promise<string | null> {
  const trial = await openTrial(store, alias);
  const isWaiting = trial?.period === "before" && (await store.alias(alias))?.id === trial.incumbent;
  return isWaiting ? trial.run : null;
}

export interface OpenTrial extends TrialState {
  readonly alias: string;
}

export async function* openTrials(store: LineageStore): AsyncGenerator<OpenTrial> {
  for await (const { alias } of store.aliases()) {
    const trial = await openTrial(store, alias);
    if (trial !== null) yield { alias, ...trial };
  }
}
