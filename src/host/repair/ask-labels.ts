/** Makes a label request: from a pool of unlabelled rows, the points whose labels would tell most, as a durable record. */
import { MendlineError } from "../../errors.js";
import { labelClassesMax, labelPointsMax, labelPoolRowsMax } from "../../limits.js";
import type { ModelRecord, ModelTask } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { DataSource } from "../columns/column.js";
import { choosePoints } from "../labels/choose-points.js";
import {
  type LabelPoint,
  type LabelRequest,
  type PointPrediction,
  requestFormat,
} from "../labels/label-request.js";
import { contentOf, mayJudge, valuesAt } from "../labels/point-side.js";
import { createRequest, listRequests, newRequestId, pointIdOf } from "../labels/requests.js";
import { type PoolOutputs, type Strategy, scoresOf } from "../labels/strategies.js";
import { likeliestClass } from "../labels/uncertainty.js";
import { committeeOutputs } from "./committee.js";
import type { RepairContext } from "./context.js";
import { budgetOf, randomCountOf, waitingRun } from "./label-budget.js";
import { drawnStrategies, gateStakes, inItsPlace, strategyOf } from "./label-strategy.js";
import { excludeLabelled } from "./labelled-before.js";
import { readUnlabelled, selectUnlabelled, type UnlabelledData } from "./labelled-data.js";
import type { RepairResult } from "./pipeline.js";
import { Random } from "./random.js";
import { recentPool } from "./recent-pool.js";
import { type RepairRequest, taskOf } from "./request.js";
import { RunLog } from "./run-log.js";
import { refuseAgreement } from "./stopping.js";

export interface AskLabelsRequest {
  /** Unlabelled rows; a label column is not looked at. Left out: the rows that the model's monitors keep. */
  readonly pool?: DataSource;
  readonly count: number;
  /** `mixed` by default; `weighed` only after a repair that weighed labels can refine. */
  readonly strategy?: Strategy;
  readonly seed?: number;
  /** Of the count, drawn at random for the gate; half by default, nine in ten where the gate is what lacks labels. */
  readonly randomCount?: number;
  /** Names by class index; `0`, `1`, … by default. */
  readonly classes?: readonly string[];
  /** The repair run that wants them; by default the model's newest, if labels can change what it came to. */
  readonly run?: string;
  /** Label column, where the model has none of its own. */
  readonly label?: string;
  readonly expiresMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_DATA_*, MENDLINE_REPAIR_VALIDATOR, MENDLINE_STORE_* */
export async function askLabels(
  context: RepairContext,
  model: ModelRecord,
  request: AskLabelsRequest,
): Promise<LabelRequest> {
  const { store, runtime } = context;
  const { seed = 0, signal } = request;
  checkCounts(request);
  const log =
    request.run === undefined ? await waitingRun(store, model.id) : await runOf(context, model, request.run);
  const task = taskOf(model, request.label ?? log?.started.plan.label ?? null);
  const memory = runtime.arena.memory;
  const source = request.pool ?? (await recentPool(context, model));
  const all = await readUnlabelled(source, { features: task.features, memory, ...(signal && { signal }) });
  const pool = sampled(withoutInfinite(all), seed);
  const run = log === null ? null : { plan: log.started.plan, finalist: inItsPlace(log) };
  const strategy = strategyOf(request.strategy, log);
  const outputs =
    pool.rowCount === 0 ? [] : await committeeOutputs(context, { model, task, pool, strategy, run, signal });
  const excluded = await askedBefore(store, model.id, pool);
  if (log !== null) await excludeLabelled(context, log, task, pool, excluded, signal);
  refuseEmpty(pool, excluded.size);
  if (log !== null) refuseAgreement(outputs, pool.rowCount, excluded, pool.source);
  const scoring = { kind: task.kind, rowCount: pool.rowCount };
  const scores = scoresOf(strategy, outputs, scoring);
  const budget = log === null ? null : budgetOf(log);
  const chosen = choosePoints({
    pool,
    scores,
    count: request.count,
    randomCount: randomCountOf(request.count, request.randomCount, budget),
    random: new Random(seed),
    excluded,
    mayJudge: (row) => mayJudge(contentOf(valuesAt(pool, row))),
    stakes: gateStakes(outputs, scoring, log),
    isDrawn: drawnStrategies.includes(strategy),
  });
  const id = newRequestId();
  return createRequest(store, id, {
    format: requestFormat,
    model: model.id,
    name: model.name,
    version: model.version,
    run: log?.id ?? null,
    kind: task.kind,
    label: task.label,
    classes: classesOf(task, outputs, request.classes),
    features: task.features,
    strategy,
    seed,
    committee: outputs.map(({ name }) => name),
    pool: { label: source.label, rows: source.rowCount },
    points: chosen.map(({ row, score, isRandom, draw }): LabelPoint => {
      const values = valuesAt(pool, row);
      const pointId = pointIdOf(id, pool.rowNumbers[row]!);
      const predicted = predictionOf(outputs[0], task.kind, row);
      return {
        pointId,
        values,
        score,
        random: isRandom,
        draw,
        content: contentOf(values),
        ...(predicted !== null && { predicted }),
      };
    }),
    budget,
    expiresMs: request.expiresMs ?? null,
  });
}

/**
 * After a repair that wants labels and was told to ask for them (`RepairRequest.labels`): a request over its pool, or its live
 * data, of which what a monitor keeps is a part.
 *
 * @throws MendlineError  as `askLabels`; the run has come to its end then, and is recorded
 */
export async function askAfter(
  context: RepairContext,
  model: ModelRecord,
  request: RepairRequest,
  result: RepairResult,
): Promise<RepairResult> {
  const { report } = result;
  const isWanted = report.outcome === "not-proven" || report.outcome === "needs-labels";
  if (request.labels === undefined || request.dryRun === true || !isWanted) return result;
  const { live, pool = live, seed, label, signal } = request;
  const { id } = await askLabels(context, model, {
    pool,
    count: request.labels,
    run: report.run,
    signal,
    ...(seed !== undefined && { seed }),
    ...(label !== undefined && { label }),
    // Parameters without a graph cannot be run on the pool.
    ...(model.format !== "onnx" && { strategy: "random" }),
  });
  return { ...result, report: { ...report, labelRequest: id } };
}

async function runOf({ store }: RepairContext, model: ModelRecord, run: string): Promise<RunLog> {
  const log = await RunLog.reopen(store, run);
  if (log.started.plan.model === model.id) return log;
  throw invalid(`${run} repairs another model, ${log.started.plan.model}: name that one, or leave --run out`);
}

function checkCounts({ count, randomCount, seed = 0, classes }: AskLabelsRequest): void {
  if (!(Number.isInteger(count) && count >= 1 && count <= labelPointsMax))
    throw invalid(`${count} points to label: choose 1 to ${labelPointsMax}`);
  if (
    randomCount !== undefined &&
    !(Number.isInteger(randomCount) && randomCount >= 0 && randomCount <= count)
  )
    throw invalid(`${randomCount} random points of ${count}: choose 0 to ${count}`);
  if (!Number.isSafeInteger(seed)) throw invalid(`seed is ${seed}: choose a whole number`);
  const twice = classes?.find(
    (name, index) => name.trim() !== name || name === "" || classes.indexOf(name) !== index,
  );
  if (twice !== undefined) throw invalid(`class ${JSON.stringify(twice)} is empty, padded or named twice`);
}

function classesOf(
  { kind }: ModelTask,
  [first]: readonly PoolOutputs[],
  names: readonly string[] | undefined,
): string[] | null {
  if (kind === "regression") {
    if (names === undefined) return null;
    throw invalid("a regression has no classes: leave --classes out");
  }
  const count = first?.outputCount ?? names?.length;
  if (count === undefined)
    throw invalid("no model was run that would tell the classes: name them with --classes");
  if (count > labelClassesMax)
    throw invalid(`${count} classes are more than the ${labelClassesMax} that people can tell apart`);
  if (names !== undefined && names.length !== count)
    throw invalid(`${names.length} classes are named, and the model has ${count}`);
  return [...(names ?? Array.from({ length: count }, (_, index) => String(index)))];
}

/** A person cannot be shown them, nor a file of labels hold them. */
function withoutInfinite(pool: UnlabelledData): UnlabelledData {
  const rows = Uint32Array.from({ length: pool.rowCount }, (_, row) => row);
  const isShowable = (row: number) =>
    pool.columns.every((column) => Math.abs(column[row]!) !== Number.POSITIVE_INFINITY);
  const kept = rows.filter(isShowable);
  return kept.length === rows.length ? pool : selectUnlabelled(pool, kept);
}

function sampled(pool: UnlabelledData, seed: number): UnlabelledData {
  if (pool.rowCount <= labelPoolRowsMax) return pool;
  const rows = Uint32Array.from({ length: pool.rowCount }, (_, row) => row);
  new Random(seed, 1).shuffle(rows);
  return selectUnlabelled(pool, rows.slice(0, labelPoolRowsMax).sort());
}

/** Rows of the pool whose very values a request of the model asked about; of rows that are alike as many as were asked. */
async function askedBefore(store: LineageStore, model: string, pool: UnlabelledData): Promise<Set<number>> {
  const asked = new Map<string, number>();
  for await (const { question, state } of listRequests(store)) {
    if (question.model !== model || state === "cancelled") continue;
    for (const { content } of question.points) asked.set(content, (asked.get(content) ?? 0) + 1);
  }
  const rows = new Set<number>();
  if (asked.size === 0) return rows;
  for (let row = 0; row < pool.rowCount; row++) {
    const content = contentOf(valuesAt(pool, row));
    const count = asked.get(content) ?? 0;
    if (count === 0) continue;
    asked.set(content, count - 1);
    rows.add(row);
  }
  return rows;
}

function refuseEmpty({ source, rowCount }: UnlabelledData, asked: number): void {
  if (rowCount > asked) return;
  throw new MendlineError(
    "MENDLINE_DATA_EMPTY",
    `${source}: of ${rowCount} rows ${asked} have a label or were asked about already, and none is left: give a larger --pool`,
    { details: { rows: rowCount, asked } },
  );
}

/** Of the deployed model; null where it was not run, or gives no finite output. */
function predictionOf(
  outputs: PoolOutputs | undefined,
  kind: ModelTask["kind"],
  row: number,
): PointPrediction | null {
  if (outputs === undefined) return null;
  const { values, outputCount } = outputs;
  const said = values.subarray(row * outputCount, (row + 1) * outputCount);
  if (!said.every(Number.isFinite)) return null;
  if (kind === "regression") return { label: said[0]!, share: null };
  const label = likeliestClass(said);
  return { label, share: said[label]! };
}

function invalid(message: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", message);
}
