/** The history of a repair over its rounds: the run that asked, the labels that people gave, and the runs that were refined with them. */
import type { LineageStore } from "../../lineage-store/store.js";
import { listRequests } from "../labels/requests.js";
import type { RepairOutcome } from "./report.js";
import { type EndStep, isDecided, type StartedStep } from "./run-steps.js";

export type StoryEvent =
  | {
      readonly kind: "run";
      readonly atMs: number;
      readonly run: string;
      /** Null: it has not come to an end. */
      readonly outcome: RepairOutcome | null;
      readonly reason: string | null;
      /** What a round began with; null for the first run. */
      readonly labels: { readonly request: string; readonly chosen: number; readonly random: number } | null;
    }
  | {
      readonly kind: "request";
      readonly atMs: number;
      readonly request: string;
      readonly points: number;
      readonly labelled: number;
      readonly annotators: number;
      readonly state: string;
    };

/** In the order of time. Of a run that no labels were asked for it is that run alone. */
export async function storyOf(store: LineageStore, run: string): Promise<StoryEvent[]> {
  const chain = chainOf(run, await started(store, run));
  const events: StoryEvent[] = [];
  const runs = new Set<string>();
  const rounds = new Map<string, { request: string; chosen: number; random: number }>();
  for await (const { runId, createdMs } of runsOf(store)) {
    if (chainOf(runId, await started(store, runId)) !== chain) continue;
    runs.add(runId);
    events.push({ kind: "run", atMs: createdMs, run: runId, ...(await endOf(store, runId)), labels: null });
    // Runs are listed newest first, and the chain begins with its first.
    if (runId === chain) break;
  }
  for await (const { id, question, answers, state, createdMs, rounds: refined } of listRequests(store)) {
    if (question.run === null || !runs.has(question.run)) continue;
    const given = [...answers.values()];
    const people = new Set(given.flatMap(({ standing }) => standing.map(({ annotator }) => annotator)));
    events.push({
      kind: "request",
      atMs: createdMs,
      request: id,
      points: given.length,
      labelled: given.filter(({ label }) => label !== null).length,
      annotators: people.size,
      state,
    });
    for (const { run: round, chosen, random } of refined) rounds.set(round, { request: id, chosen, random });
  }
  return events
    .map((event) => (event.kind === "run" ? { ...event, labels: rounds.get(event.run) ?? null } : event))
    .sort((one, other) => one.atMs - other.atMs);
}

async function* runsOf(store: LineageStore): AsyncGenerator<{ runId: string; createdMs: number }> {
  for await (const { runId } of store.listRuns())
    yield { runId, createdMs: (await store.run(runId))[0]!.atMs };
}

async function started(store: LineageStore, run: string): Promise<Partial<StartedStep> | null> {
  return (await store.run(run))[0]!.data as Partial<StartedStep> | null;
}

function chainOf(run: string, step: Partial<StartedStep> | null): string {
  return step?.plan?.refines ?? run;
}

async function endOf(
  store: LineageStore,
  run: string,
): Promise<{ outcome: RepairOutcome | null; reason: string | null }> {
  const { step, data } = (await store.run(run)).at(-1)!;
  if (!isDecided(step)) return { outcome: null, reason: null };
  const { outcome, reason } = data as unknown as EndStep;
  return { outcome, reason };
}
