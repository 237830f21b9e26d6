/** The drift report: per feature the statistics and a verdict, and one verdict for the model. Plain data, as CONTRACT prints it. */
import { MendlineError } from "../../errors.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { benjaminiHochberg } from "./distributions/index.js";
import { type Edge, edgeToJson } from "./edges.js";
import type { FeatureProfile } from "./profile.js";
import {
  binnedKs,
  type Divergence,
  divergenceOf,
  type KsResult,
  type Smoothing,
  smoothingDefault,
  sum,
} from "./statistics.js";

export type Verdict = "stable" | "drift" | "insufficient-data";

/**
 * When a feature drifts. `calibrated`: its PSI exceeds the threshold beyond chance, tested at alpha over all features together
 * (Benjamini-Hochberg). `plain`: a statistic exceeds its own threshold, whatever the number of rows; what other tools do.
 */
export type DriftRule =
  | { readonly kind: "calibrated" }
  | { readonly kind: "plain"; readonly psi?: number; readonly ks?: number; readonly kl?: number };

export interface DriftOptions {
  /** PSI, nats. */
  readonly threshold?: number;
  readonly alpha?: number;
  readonly smoothing?: Smoothing;
  readonly rule?: DriftRule;
  /** Drifted features that make the model drifted. */
  readonly minDriftedFeatures?: number;
}

export const thresholdDefault = 0.2;
export const alphaDefault = 0.01;
/** No PSI of countable rows comes near: all rows in one bin against all in another is 2 ln(2 N + 1), 62 at N = 2^44. */
const thresholdMax = 100;
const smoothingMax = 1e6;
/** A floor is a proportion. */
const floorMax = 0.5;

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
  readonly profile: FeatureProfile;
  readonly current: CurrentCounts;
  readonly reference: readonly number[];
  readonly divergence: Divergence | null;
  readonly ks: KsResult | null;
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID  threshold, alpha, smoothing, rule or minDriftedFeatures out of range */
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

export function checkedDriftOptions(options: DriftOptions): Required<DriftOptions> {
  const settings = {
    threshold: options.threshold ?? thresholdDefault,
    alpha: options.alpha ?? alphaDefault,
    smoothing: options.smoothing ?? smoothingDefault,
    rule: options.rule ?? { kind: "calibrated" as const },
    minDriftedFeatures: options.minDriftedFeatures ?? 1,
  };
  const refuse = (what: string) => new MendlineError("MENDLINE_ARGUMENT_INVALID", what);
  const { threshold, alpha, smoothing, rule, minDriftedFeatures } = settings;
  if (!(threshold > 0 && threshold <= thresholdMax)) {
    throw refuse(`threshold is ${threshold}: choose a PSI above 0, at most ${thresholdMax}, 0.2 by default`);
  }
  if (!(alpha > 0 && alpha < 1)) throw refuse(`alpha is ${alpha}: choose one between 0 and 1`);
  const amount = smoothing.kind === "additive" ? smoothing.s : smoothing.floor;
  const amountMax = smoothing.kind === "additive" ? smoothingMax : floorMax;
  if (!(amount > 0 && amount <= amountMax)) {
    throw refuse(
      `smoothing is ${amount}: choose ${smoothing.kind === "additive" ? "counts, 0.5 by default" : "a floor"} above 0, at most ${amountMax}`,
    );
  }
  if (!(Number.isSafeInteger(minDriftedFeatures) && minDriftedFeatures >= 1)) {
    throw refuse(`minDriftedFeatures is ${minDriftedFeatures}: choose a whole number from 1`);
  }
  if (rule.kind === "plain") {
    const { psi, ks, kl } = rule;
    const given = [psi, ks, kl].filter((limit) => limit !== undefined);
    if (given.length === 0 || !given.every((limit) => limit >= 0 && limit < Number.POSITIVE_INFINITY)) {
      throw refuse(
        `a plain rule of psi ${psi}, ks ${ks}, kl ${kl}: give one of them at least, each 0 or more`,
      );
    }
  }
  return settings;
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
  settings: Required<DriftOptions>,
): Judged {
  const { profile, current } = comparison;
  const reference = referenceSlots(profile);
  if (currentRows === 0) return { ...comparison, reference, divergence: null, ks: null };
  const divergence = divergenceOf(runtime, reference, current.psi, settings);
  let ks: KsResult | null = null;
  if (profile.kind === "numeric") {
    ks =
      current.exactKs !== undefined
        ? current.exactKs
        : binnedKs(runtime, profile.ks.counts, current.ks!, profile.ks.edges, profile.type);
  }
  return { ...comparison, reference, divergence, ks };
}

function isInsufficient({ divergence }: Judged, alpha: number): boolean {
  return divergence === null || divergence.noiseAtThreshold > alpha;
}

/** Features without enough data take no part unless they drift at alpha by themselves: they would only dilute the others. */
function adjustedPValues(judged: readonly Judged[], alpha: number): (number | null)[] {
  const takesPart = judged.map(
    (one) =>
      one.divergence !== null && (!isInsufficient(one, alpha) || one.divergence.psiPValueAtThreshold < alpha),
  );
  const adjusted = benjaminiHochberg(
    judged.filter((_, index) => takesPart[index]).map((one) => one.divergence!.psiPValueAtThreshold),
  );
  let next = 0;
  return takesPart.map((does) => (does ? adjusted[next++]! : null));
}

function drifts(
  one: Judged,
  pValueAdjusted: number | null,
  { rule, alpha }: Required<DriftOptions>,
): boolean {
  if (rule.kind === "calibrated") return pValueAdjusted !== null && pValueAdjusted < alpha;
  const over = (value: number | undefined, limit: number | undefined) =>
    value !== undefined && limit !== undefined && value > limit;
  return (
    over(one.divergence?.psi, rule.psi) ||
    over(one.divergence?.kl, rule.kl) ||
    over(one.ks?.statistic, rule.ks)
  );
}

function featureReport(
  one: Judged,
  pValueAdjusted: number | null,
  rows: { reference: number; current: number },
  settings: Required<DriftOptions>,
): FeatureReport {
  const { profile, current, divergence } = one;
  const isNumeric = profile.kind === "numeric";
  const missingSlot = one.reference.length - (isNumeric ? 1 : 2);
  const share = (count: number, of: number) => (of === 0 ? 0 : count / of);
  let verdict: Verdict = "stable";
  if (drifts(one, pValueAdjusted, settings)) verdict = "drift";
  else if (
    divergence === null ||
    (settings.rule.kind === "calibrated" && isInsufficient(one, settings.alpha))
  ) {
    verdict = "insufficient-data";
  }
  return {
    kind: profile.kind,
    verdict,
    psi: {
      value: divergence?.psi ?? 0,
      debiased: divergence?.psiDebiased ?? 0,
      pValue: divergence?.psiPValue ?? 1,
      pValueAtThreshold: divergence?.psiPValueAtThreshold ?? 1,
      pValueAdjusted,
      threshold: settings.threshold,
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
  const drifted = features.filter(({ verdict }) => verdict === "drift").length;
  if (drifted >= minDriftedFeatures) return "drift";
  return features.some(({ verdict }) => verdict !== "insufficient-data") ? "stable" : "insufficient-data";
}

/** The model's distance to a reference in one number: the sum of its features' debiased PSI. For ranking ancestors. */
export function totalPsi(report: DriftReport): number {
  return sum(Object.values(report.features).map(({ psi }) => psi.debiased));
}
