/**
 * The models of a lineage as a committee: what each says of a pool of rows. The deployed model comes first, then what a repair would put
 * in its place, then its ancestors, children and siblings, as far as they run on the same features.
 */
import { MendlineError } from "../../errors.js";
import { committeeMax } from "../../limits.js";
import type { ModelRecord, ModelTask } from "../../lineage-store/records.js";
import { ofTwo, type PoolOutputs, type Strategy } from "../labels/strategies.js";
import type { CandidateSpec } from "./candidate-spec.js";
import { Candidates } from "./candidates.js";
import type { RepairContext } from "./context.js";
import { asLabelled, type UnlabelledData } from "./labelled-data.js";
import { OnnxValidator } from "./onnx-validator.js";
import { decideReading, distributionsOf, OutputSurveyor } from "./outputs.js";
import { labelOf, type RepairPlan } from "./request.js";
import type { Candidate } from "./validator.js";

export interface CommitteeOptions {
  readonly model: ModelRecord;
  readonly task: ModelTask;
  readonly pool: UnlabelledData;
  readonly strategy: Strategy;
  /** Of the repair that wants the labels: its plan, and what its gate was asked about; null where it did not come so far. */
  readonly run: { readonly plan: RepairPlan; readonly finalist: CandidateSpec | null } | null;
  readonly signal?: AbortSignal | undefined;
}

interface Member {
  readonly name: string;
  make(): Promise<Candidate>;
}

/** Strategies that ask one model alone; at random it still tells the classes. */
const ofOneModel: readonly Strategy[] = ["margin", "entropy", "least-confidence", "random"];

/**
 * @returns distributions, or a regression's predictions; empty where points are drawn at random for a model that cannot be run
 * @throws MendlineError MENDLINE_REPAIR_VALIDATOR  the deployed model cannot be run
 */
export async function committeeOutputs(
  context: RepairContext,
  options: CommitteeOptions,
): Promise<PoolOutputs[]> {
  const { model, task, pool, strategy, run, signal } = options;
  if (strategy === "random" && model.format !== "onnx") return [];
  if (model.format !== "onnx") {
    throw new MendlineError(
      "MENDLINE_REPAIR_VALIDATOR",
      `${labelOf(model)} is a ${model.format} file and cannot be run on the pool: take --strategy random`,
    );
  }
  const validator = new OnnxValidator({ task: task.kind });
  const stop = () => void validator.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const rows = asLabelled(pool);
    const [own, ...others] = await membersOf(context, options);
    const first = await validator.predict(await own!.make(), rows, { signal });
    const surveyor = new OutputSurveyor();
    surveyor.take(first.values, first.outputCount);
    const reading = decideReading(surveyor.finish(), task.kind, run?.plan.output ?? undefined);
    const outputs: PoolOutputs[] = [{ name: own!.name, ...distributionsOf(first.values, reading) }];
    for (const member of others) {
      const said = await validator.predict(await member.make(), rows, { signal });
      // Another head: its numbers mean something else.
      if (said.outputCount !== reading.outputCount) continue;
      outputs.push({ name: member.name, ...distributionsOf(said.values, reading) });
    }
    return outputs;
  } finally {
    signal?.removeEventListener("abort", stop);
    await validator.close();
  }
}

async function membersOf(
  context: RepairContext,
  { model, task, strategy, run }: CommitteeOptions,
): Promise<Member[]> {
  const { store } = context;
  const candidates = await Candidates.open(context, model, run?.plan.filter ?? { include: [], exclude: [] });
  const members: Member[] = [{ name: labelOf(model), make: () => candidates.make({ kind: "keep" }) }];
  if (ofOneModel.includes(strategy)) return members;
  const finalist = run?.finalist ?? null;
  if (finalist !== null && finalist.kind !== "keep")
    members.push({ name: `${labelOf(model)} repaired`, make: () => candidates.make(finalist) });
  const most = ofTwo.includes(strategy) ? 2 : committeeMax;
  for await (const id of relativesOf(context, model)) {
    if (members.length === most) break;
    const relative = await store.get(id);
    if (!runsOn(relative, model, task) || (await store.presence(id)).state !== "kept") continue;
    members.push({ name: labelOf(relative), make: () => candidates.make({ kind: "ancestor", id }) });
  }
  return members;
}

/** Ids: ancestors nearest first, then children, then siblings; each once. */
async function* relativesOf({ store }: RepairContext, model: ModelRecord): AsyncGenerator<string> {
  const seen = new Set([model.id]);
  const isNew = (id: string) => !seen.has(id) && seen.add(id) !== null;
  for await (const { id } of store.ancestors(model.id)) if (isNew(id)) yield id;
  for await (const { child } of store.children(model.id)) if (isNew(child)) yield child;
  for (const { parent } of await store.parents(model.id)) {
    for await (const { child } of store.children(parent)) if (isNew(child)) yield child;
  }
}

function runsOn(relative: ModelRecord, model: ModelRecord, task: ModelTask): boolean {
  const { format, task: own } = relative;
  return (
    format === model.format &&
    own !== null &&
    own.kind === task.kind &&
    own.features.length === task.features.length &&
    own.features.every((name, index) => name === task.features[index])
  );
}
