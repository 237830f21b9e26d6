/** One point as a person sees it before he labels it: its features, and where they stand in what the model was trained on. */
import type { FeatureProfile, NumericFeatureProfile, Profile } from "../drift/profile.js";
import type { FeatureValue, LabelPoint, LabelQuestion } from "./label-request.js";

export interface FeatureLine {
  readonly name: string;
  readonly value: string;
  /** Against the training data. */
  readonly place: string;
}

/** @param profile  the model's; null where it has none */
export function featureLines(
  { features }: Pick<LabelQuestion, "features">,
  { values }: LabelPoint,
  profile: Profile | null,
): FeatureLine[] {
  return features.map((name, index) => ({
    name,
    value: valueText(values[index]!),
    place: placeOf(values[index]!, profile?.features.get(name)),
  }));
}

function valueText(value: FeatureValue): string {
  if (value === null) return "missing";
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
}

function placeOf(value: FeatureValue, feature: FeatureProfile | undefined): string {
  if (feature === undefined) return "";
  if (value === null) return `missing in ${percent(feature.missing / feature.rows)} of training rows`;
  if (feature.kind === "numeric") return typeof value === "number" ? placeOfNumber(value, feature) : "";
  const at = feature.categories.indexOf(String(value));
  if (at < 0) return feature.other === null ? "never in the training data" : "rare in the training data";
  return `${percent(feature.counts[at]! / feature.rows)} of training rows`;
}

/** The shares below it, to a bin of the 256 quantiles. */
function placeOfNumber(value: number, { ks, moments }: NumericFeatureProfile): string {
  if (moments.count === 0) return "no value in the training data";
  const range = `(${valueText(moments.min)} to ${valueText(moments.max)})`;
  if (value < moments.min) return `below all training values ${range}`;
  if (value > moments.max) return `above all training values ${range}`;
  const bin = ks.edges.filter((edge) => Number(edge) <= value).length;
  const total = ks.counts.reduce((sum, count) => sum + count, 0);
  const below = ks.counts.slice(0, bin).reduce((sum, count) => sum + count, 0);
  return `above ${percent(below / total)} of training values ${range}`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
