/** The drift report: per feature the statistics and a verdict, and one verdict for the model. Plain data, as CONTRACT prints it. */
import type { Runtime } from "../../scheduler/runtime.js";
import { benjaminiHochberg } from "./distributions/index.js";
import { type Edge, edgeToJson } from "./edges.js";
import type { FeatureProfile } from "./profile.js";
import {
  checkedDriftOptions,
  type DriftOptions,
  type DriftRule,
  type DriftSettings,
  type FeatureRule,
  ruleOf,
} from "./rules.js";
import { binnedKs, type Divergence, divergenceOf, type KsResult, sum } from "./statistics.js";

export {
  alphaDefault,
  checkedDriftOptions,
  type DriftOptions,
  type DriftRule,
  thresholdDefault,
} from "./rules.js";

export type Verdict = "stable" | "drift" | "insufficient-data";

export interface PsiReport {
  readonly value: number;
  readonly debiased: number;
  readonly pValue: number;
  readonly pValueAtThreshold: number;
  /** pValueAtThreshold after Benjamini-Hochberg; null when the feature took no part. */
  readonly pValueAdjusted: number | null;
  readonly threshold: number;
  /** The smallest PSI that these rows can tell from noise at alpha. */
  readonly detectable: number;
  readonly bins: number;
}

export interface FeatureReport {
  readonly kind: "numeric" | "categorical";
  readonly verdict: Verdict;
  /** What the verdict was found by, and whether it counts toward the model's. */
  readonly rule: DriftRule;
  readonly votes: boolean;
  readonly psi: PsiReport;
  readonly ks: KsResult | null;
  readonly kl: { readonly value: number; readonly pValue: number };
  readonly missing: { readonly reference: number; readonly current: number };
  readonly nonFinite: { readonly reference: number; readonly current: number };
  /** Share of the current rows; categorical only. */
  readonly unseen?: number;
  readonly categories?: readonly string[];
  readonly edges?: readonly (number | string)[];
  readonly counts: { readonly reference: readonly number[]; readonly current: readonly number[] };
}

export interface DriftReport {
  readonly verdict: Verdict;
  readonly rows: { readonly reference: number; readonly current: number };
  readonly features: Readonly<Record<string, FeatureReport>>;
}

/** One feature's current data as its profile bins it: value slots, missing, and for categories unseen. */
export interface CurrentCounts {
  readonly psi: readonly number[];
  readonly ks: readonly number[] | null;
  readonly nonFinite: number;
  /** The exact distance, where both samples' values were at hand. */
  readonly exactKs?: KsResult | null;
}

export interface FeatureComparison {
  readonly name: string;
  readonly profile: FeatureProfile;
  readonly current: CurrentCounts;
}

interface Judged {
  readonly name: string;
  readonly rule: Required<FeatureRule>;
  readonly profile: FeatureProfile;
  readonly current: CurrentCounts;
  readonly reference: readonly number[];
  readonly divergence: Divergence | null;
  readonly ks: KsResult | null;
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID  an option out of range */
export function driftReport(
  runtime: Runtime,
  comparisons: readonly FeatureComparison[],
  rows: { reference: number; current: number },
  options: DriftOptions = {},
): DriftReport {
  const settings = checkedDriftOptions(options);
  const judged = comparisons.map((comparison) => judge(runtime, comparison, rows.current, settings));
  const adjusted = adjustedPValues(judged, settings.alpha);
  const features: Record<string, FeatureReport> = Object.create(null) as Record<string, FeatureReport>;
  judged.forEach((one, index) => {
    features[one.name] = featureReport(one, adjusted[index]!, rows, settings);
  });
  return { verdict: modelVerdict(Object.values(features), settings.minDriftedFeatures), rows, features };
}

export function referenceSlots(profile: FeatureProfile): number[] {
  if (profile.kind === "numeric") return [...profile.psi.counts, profile.missing];
  const folded = profile.other === null ? [] : [profile.other.count];
  return [...profile.counts, ...folded, profile.missing, 0];
}

function judge(
  runtime: Runtime,
  comparison: FeatureComparison,
  currentRows: number,
  settings: DriftSettings,
): Judged {
  const { name, profile, current } = comparison;
  const rule = ruleOf(settings, name);
  const reference = referenceSlots(profile);
  if (currentRows === 0) return { ...comparison, rule, reference, divergence: null, ks: null };
  const { threshold } = rule;
  const divergence = divergenceOf(runtime, reference, current.psi, { ...settings, threshold });
  let ks: KsResult | null = null;
  if (profile.kind === "numeric") {
    ks =
      current.exactKs !== undefined
        ? current.exactKs
        : binnedKs(runtime, profile.ks.counts, current.ks!, profile.ks.edges, profile.type);
  }
  return { ...comparison, rule, reference, divergence, ks };
}

function isInsufficient({ divergence }: Judged, alpha: number): boolean {
  return divergence === null || divergence.noiseAtThreshold > alpha;
}

/**
 * Benjamini-Hochberg within each family: features with a vote and features that are only watched, by the calibrated rule and by plain
 * ones. So nobody hides drift by watching more. Features without enough data take no part unless they drift at alpha by themselves:
 * they would only dilute the others.
 */
function adjustedPValues(judged: readonly Judged[], alpha: number): (number | null)[] {
  const adjusted: (number | null)[] = judged.map(() => null);
  const families = new Map<string, number[]>();
  judged.forEach((one, index) => {
    const { divergence, rule } = one;
    if (divergence === null || (isInsufficient(one, alpha) && divergence.psiPValueAtThreshold >= alpha))
      return;
    const family = `${rule.rule.kind} ${rule.votes}`;
    families.set(family, [...(families.get(family) ?? []), index]);
  });
  for (const members of families.values()) {
    const pValues = benjaminiHochberg(
      members.map((index) => judged[index]!.divergence!.psiPValueAtThreshold),
    );
    members.forEach((index, position) => {
      adjusted[index] = pValues[position]!;
    });
  }
  return adjusted;
}

function drifts(one: Judged, pValueAdjusted: number | null, alpha: number): boolean {
  const { rule } = one.rule;
  if (rule.kind === "calibrated") return pValueAdjusted !== null && pValueAdjusted < alpha;
  const over = (value: number | undefined, limit: number | undefined) =>
    value !== undefined && limit !== undefined && value > limit;
  return (
    over(one.divergence?.psi, rule.psi) ||
    over(one.divergence?.kl, rule.kl) ||
    over(one.ks?.statistic, rule.ks)
  );
}

function verdictOf(one: Judged, pValueAdjusted: number | null, alpha: number): Verdict {
  if (drifts(one, pValueAdjusted, alpha)) return "drift";
  if (one.divergence === null) return "insufficient-data";
  return one.rule.rule.kind === "calibrated" && isInsufficient(one, alpha) ? "insufficient-data" : "stable";
}

function featureReport(
  one: Judged,
  pValueAdjusted: number | null,
  rows: { reference: number; current: number },
  settings: DriftSettings,
): FeatureReport {
  const { profile, current, divergence } = one;
  const isNumeric = profile.kind === "numeric";
  const missingSlot = one.reference.length - (isNumeric ? 1 : 2);
  const share = (count: number, of: number) => (of === 0 ? 0 : count / of);
  return {
    kind: profile.kind,
    verdict: verdictOf(one, pValueAdjusted, settings.alpha),
    rule: one.rule.rule,
    votes: one.rule.votes,
    psi: {
      value: divergence?.psi ?? 0,
      debiased: divergence?.psiDebiased ?? 0,
      pValue: divergence?.psiPValue ?? 1,
      pValueAtThreshold: divergence?.psiPValueAtThreshold ?? 1,
      pValueAdjusted,
      threshold: one.rule.threshold,
      detectable: divergence?.psiDetectable ?? 0,
      bins: divergence?.slotsUsed ?? one.reference.filter((count) => count > 0).length,
    },
    ks: one.ks,
    kl: { value: divergence?.kl ?? 0, pValue: divergence?.klPValue ?? 1 },
    missing: {
      reference: share(profile.missing, rows.reference),
      current: share(current.psi[missingSlot] ?? 0, rows.current),
    },
    nonFinite: { reference: isNumeric ? profile.nonFinite : 0, current: current.nonFinite },
    ...(isNumeric
      ? { edges: profile.psi.edges.map((edge: Edge) => edgeToJson(edge)) }
      : { unseen: share(current.psi.at(-1)!, rows.current), categories: categoryNames(profile) }),
    counts: { reference: one.reference, current: current.psi },
  };
}

function categoryNames(profile: FeatureProfile & { kind: "categorical" }): string[] {
  return profile.other === null ? [...profile.categories] : [...profile.categories, "other"];
}

function modelVerdict(features: readonly FeatureReport[], minDriftedFeatures: number): Verdict {
  const voters = features.filter(({ votes }) => votes);
  const drifted = voters.filter(({ verdict }) => verdict === "drift").length;
  if (drifted >= minDriftedFeatures) return "drift";
  return voters.some(({ verdict }) => verdict !== "insufficient-data") ? "stable" : "insufficient-data";
}

/** The model's distance to a reference in one number: the sum of its features' debiased PSI. For ranking ancestors. */
export function totalPsi(report: DriftReport): number {
  return sum(Object.values(report.features).map(({ psi }) => psi.debiased));
}
