/**
 * Whose child a model is, told from its weights. Real histories have edges that lie, and models come without any: fine-tuning, pruning
 * and repair leave most of a model's direction in place, so that its parent is the model it is nearest to.
 *
 * A guess looks at a sample of many models' weights and at all weights of the nearest few. How sure it is follows the ratio test
 * (Lowe 2004, section 7.1): the nearest counts for as much as it is nearer than the next. A parent cannot be told from a child, nor
 * from a twin, by distance alone: such come with little confidence.
 */
import { MendlineError, messageOf } from "../../errors.js";
import {
  checkTensorsMax,
  guessCandidatesMax,
  guessFinalistsMax,
  guessScanMax,
  guessTensorsMax,
} from "../../limits.js";
import type { ModelRecord, TensorRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Runtime } from "../../scheduler/runtime.js";
import {
  areUnrelated,
  compareTensors,
  relatedCosineMin,
  type TensorComparison,
  type TensorForm,
  telling,
  withTensorsOf,
} from "../parameters/comparison.js";
import { contentId } from "../parameters/identity.js";
import { openParameterFile } from "../parameters/parameter-file.js";
import type { ParameterFile } from "../parameters/tensor-index.js";
import {
  compareSamples,
  readSample,
  type SamplePlan,
  samplePlan,
  strangers,
  type WeightSample,
  weightDistance,
} from "../parameters/weight-sample.js";
import type { ResolvedLink } from "./links.js";
import { type NamedModel, namedModel } from "./relations.js";
import { withStoredTensors } from "./stored-tensors.js";

export interface Kinship extends NamedModel {
  /** 0: the same weights. 1.41: nothing in common. */
  readonly distance: number;
  readonly cosine: number;
  /** Share of the model's weights for which the candidate has some of the same name and shape. */
  readonly sharedShare: number;
  /** Whether all weights were compared, not a sample of them. */
  readonly isComplete: boolean;
}

export interface ParentGuess {
  /** The model of the store with the very same parameters, or null: then there is nothing to guess. */
  readonly same: NamedModel | null;
  /** null where no model of the store is related to it. */
  readonly parent: Kinship | null;
  /** From 0, another is just as near, to 1, no other comes close: 1 - distance / distance of the next. */
  readonly confidence: number;
  /** The related ones, nearest first. */
  readonly candidates: readonly Kinship[];
  /** Models whose weights were looked at. */
  readonly comparedCount: number;
}

export interface GuessOptions {
  /** Whether an ONNX model may keep its values in other files of its folder. */
  readonly externalData?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Distance beyond which nothing is proven: that of two models of the same size whose cosine is the least that tells. */
const kinDistanceMax = strangers * Math.sqrt(1 - relatedCosineMin);

/** @throws MendlineError MENDLINE_MODEL_*, MENDLINE_STORE_*, MENDLINE_TASK_ABORTED */
export async function guessParent(
  runtime: Runtime,
  store: LineageStore,
  path: string,
  { externalData, signal }: GuessOptions = {},
): Promise<ParentGuess> {
  const file = await openParameterFile(path, { externalData });
  const known = await store.find(await contentId(file));
  if (known !== null)
    return { same: namedModel(known), parent: null, confidence: 0, candidates: [], comparedCount: 0 };
  const plan = samplePlan(file.tensors, guessTensorsMax);
  const sample = await withTensorsOf(file, (reader) => readSample(reader, plan));
  const sampled: Kinship[] = [];
  let comparedCount = 0;
  for await (const { model, sharedShare } of candidatesFor(store, file, signal)) {
    comparedCount++;
    const kinship = await sampledKinship(store, model, sharedShare, plan, sample);
    if (kinship !== null) sampled.push(kinship);
  }
  sampled.sort(byDistance);
  const finalists: Kinship[] = [];
  for (const one of sampled.slice(0, guessFinalistsMax))
    finalists.push(await fullKinship(runtime, store, file, one, signal));
  const candidates = [...finalists, ...sampled.slice(guessFinalistsMax)].sort(byDistance);
  const [first, second] = candidates;
  const next = Math.min(second?.distance ?? strangers, strangers);
  const confidence = first === undefined || next === 0 ? 0 : Math.max(0, 1 - first.distance / next);
  return { same: null, parent: first ?? null, confidence, candidates, comparedCount };
}

function byDistance(left: Kinship, right: Kinship): number {
  return left.distance - right.distance;
}

interface Candidate {
  readonly model: ModelRecord;
  readonly sharedShare: number;
}

/** Models of the same form, the newest first; where these are few, also those that share the most of the tensors. */
async function* candidatesFor(
  store: LineageStore,
  file: ParameterFile,
  signal: AbortSignal | undefined,
): AsyncGenerator<Candidate> {
  let left = guessCandidatesMax;
  for await (const model of store.modelsLike(file.tensors, { signal })) {
    yield { model, sharedShare: 1 };
    if (--left === 0) return;
  }
  yield* await sharingModels(store, file, left, signal);
}

async function sharingModels(
  store: LineageStore,
  file: ParameterFile,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Candidate[]> {
  const sizes = new Map(file.tensors.map((tensor) => [formText(tensor), elementsOf(tensor)]));
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const sharing: Candidate[] = [];
  let scanned = 0;
  for await (const model of store.models({ signal })) {
    if (++scanned > guessScanMax) break;
    const { tensors } = await store.parameters(model.id);
    const shared = tensors.reduce((sum, tensor) => sum + (sizes.get(formText(tensor)) ?? 0), 0);
    const isSameForm =
      tensors.length === sizes.size && tensors.every((tensor) => sizes.has(formText(tensor)));
    if (shared > 0 && !isSameForm) sharing.push({ model, sharedShare: Math.min(1, shared / total) });
  }
  return sharing.sort((one, other) => other.sharedShare - one.sharedShare).slice(0, count);
}

function formText({ name, shape }: Pick<TensorForm | TensorRecord, "name" | "shape">): string {
  return JSON.stringify([name, ...shape]);
}

function elementsOf({ shape }: Pick<TensorForm, "shape">): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** null for a model that has nothing in common with it. */
async function sampledKinship(
  store: LineageStore,
  model: ModelRecord,
  sharedShare: number,
  plan: SamplePlan,
  sample: WeightSample,
): Promise<Kinship | null> {
  const other = await withStoredTensors(store, model.id, null, (reader) => readSample(reader, plan));
  const tensors = compareSamples(other, sample);
  if (tensors.length === 0 || haveNothingInCommon(tensors)) return null;
  const kinship = kinshipOf(namedModel(model), tensors, sharedShare, false);
  return kinship.distance > kinDistanceMax ? null : kinship;
}

function haveNothingInCommon(tensors: readonly TensorComparison[]): boolean {
  return areUnrelated({ tensors, ...telling(tensors) });
}

function kinshipOf(
  model: NamedModel,
  tensors: readonly TensorComparison[],
  sharedShare: number,
  isComplete: boolean,
): Kinship {
  const distance = weightDistance(tensors, sharedShare);
  return { ...model, distance, cosine: telling(tensors).cosine, sharedShare, isComplete };
}

/** By all weights, where the types of both are the same; else as the sample has told. */
async function fullKinship(
  runtime: Runtime,
  store: LineageStore,
  file: ParameterFile,
  sampled: Kinship,
  signal: AbortSignal | undefined,
): Promise<Kinship> {
  const { id, name, version, sharedShare } = sampled;
  const { tensors, reshaped } = await withStoredTensors(store, id, null, (reader) =>
    withTensorsOf(file, (own) => compareTensors(runtime, reader, own, signal)),
  );
  const floats = tensors.filter(({ cosine }) => cosine !== null);
  if (floats.length === 0 || reshaped.length > 0) return sampled;
  return kinshipOf({ id, name, version }, floats, sharedShare, true);
}

/** Transformations after which a model has its parent's weights, changed; a student has its own. */
const keepsWeights: ReadonlySet<string> = new Set([
  "fine-tuning",
  "pruning",
  "quantization",
  "merge",
  "repair",
]);
/** And its tensors too, by name and shape: quantising renames them. */
const keepsTensors: ReadonlySet<string> = new Set(["fine-tuning", "pruning", "repair"]);

/**
 * What speaks against the parents that are declared for a model: weights that have nothing in common with theirs. Sentences for a
 * person; nothing is refused, for the one who adds a model may know better.
 */
export async function parentDoubts(
  store: LineageStore,
  file: ParameterFile,
  links: readonly ResolvedLink[],
): Promise<string[]> {
  const doubted = links.filter(({ transformation }) => keepsWeights.has(transformation));
  if (doubted.length === 0) return [];
  const plan = samplePlan(file.tensors, checkTensorsMax);
  const sample = await withTensorsOf(file, (reader) => readSample(reader, plan));
  const doubts: string[] = [];
  for (const { parent, transformation } of doubted) {
    const doubt = await doubtAbout(store, parent, transformation, plan, sample);
    if (doubt === null) continue;
    const { name, version } = await store.get(parent);
    doubts.push(
      `${name}@${version} may not be its parent by ${transformation}: ${doubt}; is it the right one?`,
    );
  }
  return doubts;
}

async function doubtAbout(
  store: LineageStore,
  parent: string,
  transformation: string,
  plan: SamplePlan,
  sample: WeightSample,
): Promise<string | null> {
  if (plan.size === 0) return null;
  const plannedElements = (names: readonly string[]) =>
    names.reduce((sum, name) => sum + plan.get(name)!.elementCount, 0);
  try {
    const other = await withStoredTensors(store, parent, null, (reader) => readSample(reader, plan));
    const tensors = compareSamples(other, sample);
    if (tensors.length > 0 && haveNothingInCommon(tensors)) {
      const { cosine, comparedElements } = telling(tensors);
      return `their weights have nothing in common (cosine ${cosine.toFixed(3)} over ${comparedElements} of them)`;
    }
    const share = plannedElements(tensors.map(({ name }) => name)) / plannedElements([...plan.keys()]);
    if (!keepsTensors.has(transformation) || share > relatedCosineMin) return null;
    return `only ${Math.round(share * 100)} % of the weights are in tensors of the same name and shape`;
  } catch (thrown) {
    // A parent that is damaged, or was let go of, is no reason to refuse its child.
    if (thrown instanceof MendlineError) return `its weights could not be read (${messageOf(thrown)})`;
    throw thrown;
  }
}
