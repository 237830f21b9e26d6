/** Two model versions side by side: their tensors, their metrics, and what they were trained on. */
import type { Json } from "../../lineage-store/codec.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { FeatureProfile, Profile } from "../drift/profile.js";
import { loadProfile, type ScratchModels } from "../models.js";
import { compareTensors, type ParameterComparison } from "../parameters/comparison.js";
import { type NamedModel, namedModel } from "./relations.js";
import { withStoredTensors } from "./stored-tensors.js";

export interface ModelDifference extends ParameterComparison {
  readonly source: NamedModel;
  readonly target: NamedModel;
  readonly metrics: readonly MetricDifference[];
  readonly data: DataDifference;
}

/** null where a model does not have it. */
export interface MetricDifference {
  readonly name: string;
  readonly source: number | null;
  readonly target: number | null;
  /** target - source. */
  readonly difference: number | null;
}

export interface DataDifference {
  /** Rows trained on; null without a profile. */
  readonly rows: { readonly source: number | null; readonly target: number | null };
  readonly features: readonly FeatureDifference[];
  /** Drift as it was measured when the one was derived from the other; null where it was not. */
  readonly recorded: RecordedDrift | null;
}

export interface RecordedDrift {
  readonly verdict: string;
  readonly features: readonly {
    readonly name: string;
    readonly verdict: string;
    readonly psi: number | null;
  }[];
}

export interface FeatureDifference {
  readonly name: string;
  readonly source: FeatureFigures | null;
  readonly target: FeatureFigures | null;
  /** Difference of the means in standard deviations of the source; null where it has none. */
  readonly shift: number | null;
}

export interface FeatureFigures {
  readonly kind: "numeric" | "categorical";
  /** Share of the rows. */
  readonly missing: number;
  /** Of the finite values; null for categories. */
  readonly mean: number | null;
  readonly deviation: number | null;
  /** Categories with a bin of their own; null for numbers. */
  readonly categories: number | null;
}

/** Tensors are streamed from the store's objects: memory does not grow with the models. */
export async function modelDifference(
  runtime: Runtime,
  store: LineageStore,
  scratch: ScratchModels,
  source: ModelRecord,
  target: ModelRecord,
  signal?: AbortSignal,
): Promise<ModelDifference> {
  const reading = <T>(model: ModelRecord, use: Parameters<typeof withStoredTensors<T>>[3]) =>
    withStoredTensors(store, model.id, () => scratch.file(model), use);
  const comparison = await reading(source, (left) =>
    reading(target, (right) => compareTensors(runtime, left, right, signal)),
  );
  return {
    source: namedModel(source),
    target: namedModel(target),
    ...comparison,
    metrics: metricDifferences(source, target),
    data: await dataDifference(store, source, target),
  };
}

function namesOf(left: Iterable<string>, right: Iterable<string>): string[] {
  return [...new Set([...left, ...right])];
}

function metricDifferences(source: ModelRecord, target: ModelRecord): MetricDifference[] {
  return namesOf(Object.keys(source.metrics), Object.keys(target.metrics)).map((name) => {
    const [left, right] = [source, target].map(({ metrics }) =>
      Object.hasOwn(metrics, name) ? metrics[name]! : null,
    );
    return {
      name,
      source: left!,
      target: right!,
      difference: left === null || right === null ? null : right! - left!,
    };
  });
}

async function dataDifference(
  store: LineageStore,
  source: ModelRecord,
  target: ModelRecord,
): Promise<DataDifference> {
  const [left, right] = [await loadProfile(store, source), await loadProfile(store, target)];
  const names = namesOf(left?.features.keys() ?? [], right?.features.keys() ?? []);
  return {
    rows: { source: left?.rows ?? null, target: right?.rows ?? null },
    features: names.map((name) => featureDifference(name, left, right)),
    recorded: await recordedDrift(store, source.id, target.id),
  };
}

function featureDifference(name: string, left: Profile | null, right: Profile | null): FeatureDifference {
  const [source, target] = [left, right].map((profile) => figuresOf(profile?.features.get(name)));
  const isShift = source?.mean != null && target?.mean != null && source.deviation! > 0;
  return {
    name,
    source: source!,
    target: target!,
    shift: isShift ? (target.mean! - source.mean!) / source.deviation! : null,
  };
}

function figuresOf(feature: FeatureProfile | undefined): FeatureFigures | null {
  if (feature === undefined) return null;
  const { kind, rows } = feature;
  const missing = rows === 0 ? 0 : feature.missing / rows;
  if (kind === "categorical")
    return { kind, missing, mean: null, deviation: null, categories: feature.categories.length };
  const { count, mean, m2 } = feature.moments;
  const deviation = m2 === null || count === 0 ? null : Math.sqrt(m2 / count);
  return { kind, missing, mean: count === 0 ? null : mean, deviation, categories: null };
}

async function recordedDrift(
  store: LineageStore,
  source: string,
  target: string,
): Promise<RecordedDrift | null> {
  for (const [parent, child] of [
    [source, target],
    [target, source],
  ]) {
    for (const derivation of await store.parents(child!)) {
      const { distribution } = derivation;
      const drift = derivation.parent === parent ? driftFrom(member(distribution, "drift")) : null;
      if (drift !== null) return drift;
    }
  }
  return null;
}

/** Records of derivations are open to anything: what is not there, or of another form, is left out. */
function driftFrom(drift: Json | undefined): RecordedDrift | null {
  const verdict = member(drift, "verdict");
  if (typeof verdict !== "string") return null;
  const features = member(drift, "features");
  const rows = Array.isArray(features) ? (features as readonly Json[]) : [];
  return {
    verdict,
    features: rows.map((feature) => {
      const psi = member(member(feature, "psi"), "value");
      return {
        name: String(member(feature, "name")),
        verdict: String(member(feature, "verdict")),
        psi: typeof psi === "number" ? psi : null,
      };
    }),
  };
}

function member(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? (value as { readonly [key: string]: Json })[name] : undefined;
}
