/** What a caller says of a derivation, made ready for the store: references become ids, and a merge has one weight a parent. */
import { MendlineError } from "../../errors.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { checkParameters, type Transformation } from "../../lineage-store/transformations.js";

export interface ParentLink {
  /** Any REF. */
  readonly ref: string;
  readonly transformation?: Transformation;
  /** See transformations.ts; models in them (`teacher`, `ancestor`) by any REF. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Metrics at the time of the transformation; the model's own by default. */
  readonly metrics?: Readonly<Record<string, number>>;
}

export interface ResolvedLink {
  /** Id of the parent. */
  readonly parent: string;
  readonly transformation: Transformation;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, number>> | undefined;
}

/** Parameters that name a model of the store. */
const modelParameters: Partial<Record<Transformation, string>> = {
  distillation: "teacher",
  repair: "ancestor",
};

/** @throws MendlineError MENDLINE_STORE_UNKNOWN, _AMBIGUOUS, MENDLINE_ARGUMENT_INVALID */
export async function resolvedLinks(
  store: LineageStore,
  links: readonly ParentLink[],
): Promise<ResolvedLink[]> {
  const resolved: ResolvedLink[] = [];
  for (const { ref, transformation = "other", parameters = {}, metrics } of links) {
    const parent = await store.resolve(ref);
    const known = await withIds(store, transformation, parameters);
    checkParameters(transformation, known);
    resolved.push({ parent, transformation, parameters: known, metrics });
  }
  checkWeights(resolved);
  return resolved;
}

async function withIds(
  store: LineageStore,
  transformation: Transformation,
  parameters: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const name = modelParameters[transformation];
  const ref = name === undefined ? undefined : parameters[name];
  if (typeof ref !== "string") return parameters;
  try {
    return { ...parameters, [name!]: await store.resolve(ref) };
  } catch (thrown) {
    if (!(thrown instanceof MendlineError)) throw thrown;
    const where = `the ${name} of a ${transformation} must be in the store, or stand under another name`;
    throw new MendlineError(thrown.code, `${where}: ${thrown.message}`, { details: { ...thrown.details } });
  }
}

function checkWeights(links: readonly ResolvedLink[]): void {
  const merged = links.filter(({ transformation }) => transformation === "merge");
  for (const { parameters } of merged) {
    const weights = parameters.weights;
    if (!Array.isArray(weights) || weights.length === merged.length) continue;
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `a merge of ${merged.length} parents has ${weights.length} weights: give one a parent, in their order`,
      { details: { parents: merged.length, weights: weights.length } },
    );
  }
}
