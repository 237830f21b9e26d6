/** The drift report: per feature the statistics and a verdict, and one verdict for the model. Plain data, as CONTRACT prints it. */
import type { Runtime } from "../../scheduler/runtime.js";
import { Turns } from "../../scheduler/turns.js";
import type { Logical } from "../columns/column.js";
import type { NumericType } from "../kernels/types.js";
import type { SchemaChanges } from "./alignment.js";
import { jensenShannonDistance, totalVariation } from "./distances.js";
import { benjaminiHochberg } from "./distributions/index.js";
import { type Edge, edgeToJson } from "./edges.js";
import { type Explanation, explain } from "./explain.js";
import type { FeatureProfile } from "./profile.js";
import {
  checkedDriftOptions,
  type DriftOptions,
  type DriftRule,
  type DriftSettings,
  type FeatureRule,
  limitNames,
  type PlainLimits,
  ruleOf,
} from "./rules.js";
import { binnedShift, type Shift } from "./shift.js";
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
  /** What the reference's column means: edges of dates and timestamps are whole numbers of its unit. */
  readonly logical: Logical;
  /** The type whose values the edges are; numeric only. */
  readonly type?: NumericType;
  readonly verdict: Verdict;
  /** What the verdict was found by, and whether it counts toward the model's. */
  readonly rule: DriftRule;
  readonly votes: boolean;
  readonly psi: PsiReport;
  readonly ks: KsResult | null;
  readonly kl: { readonly value: number; readonly pValue: number };
  /** Jensen-Shannon distance over the slots, missing among them: the root of the divergence in nats, 0 to sqrt(ln 2) = 0.8326. */
  readonly js: { readonly distance: number };
  /** Total variation over the same slots, 0 to 1: the share of the rows that would have to be in another slot. */
  readonly tv: { readonly distance: number };
  /** In the feature's own unit; null for categories, and where a side has no finite value. */
  readonly shift: Shift | null;
  /** What moved. */
  readonly explanation: Explanation;
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
  /** Of a comparison of tables; a window of a monitor has none. */
  readonly schema?: SchemaChanges;
  readonly features: Readonly<Record<string, FeatureReport>>;
}

/** One feature's current data as its profile bins it: value slots, missing, and for categories unseen. */
export interface CurrentCounts {
  readonly psi: readonly number[];
  readonly ks: readonly number[] | null;
  readonly nonFinite: number;
  /** The exact distance, where both samples' values were at hand. */
  readonly exactKs?: KsResult | null;
  readonly exactShift?: Shift | null;
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
  readonly js: number;
  readonly tv: number;
  readonly ks: KsResult | null;
  readonly shift: Shift | null;
}

/**
 * In one go: where a window closes. A feature takes some 0.1 ms, up to 1 ms where its p values are counted.
 *
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  an option out of range
 */
export function driftReport(
  runtime: Runtime,
  comparisons: readonly FeatureComparison[],
  rows: { reference: number; current: number },
  options: DriftOptions = {},
): DriftReport {
  const steps = reportSteps(runtime, comparisons, rows, options);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same with turns for the event loop between features. */
export async function driftReportInTurns(...args: Parameters<typeof driftReport>): Promise<DriftReport> {
  const steps = reportSteps(...args);
  const turns = new Turns();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (turns.isOver) await turns.next();
  }
}

function* reportSteps(
  runtime: Runtime,
  comparisons: readonly FeatureComparison[],
  rows: { reference: number; current: number },
  options: DriftOptions = {},
): Generator<void, DriftReport> {
  const settings = checkedDriftOptions(options);
  const judged: Judged[] = [];
  for (const comparison of comparisons) {
    judged.push(judge(runtime, comparison, rows.current, settings));
    yield;
  }
  const adjusted = adjustedPValues(judged, settings.alpha);
  const features: Record<string, FeatureReport> = Object.create(null) as Record<string, FeatureReport>;
  for (const [index, one] of judged.entries()) {
    features[one.name] = featureReport(one, adjusted[index]!, rows, settings);
    yield;
  }
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
  const none = { divergence: null, js: 0, tv: 0, ks: null, shift: null };
  if (currentRows === 0) return { ...comparison, rule, reference, ...none };
  const { threshold } = rule;
  return {
    ...comparison,
    rule,
    reference,
    divergence: divergenceOf(runtime, reference, current.psi, { ...settings, threshold }),
    js: jensenShannonDistance(reference, current.psi),
    tv: totalVariation(reference, current.psi),
    ks: ksOf(runtime, profile, current),
    shift: shiftOf(profile, current),
  };
}

function ksOf(runtime: Runtime, profile: FeatureProfile, current: CurrentCounts): KsResult | null {
  if (profile.kind !== "numeric") return null;
  if (current.exactKs !== undefined) return current.exactKs;
  return binnedKs(runtime, profile.ks.counts, current.ks!, profile.ks.edges, profile.type);
}

function shiftOf(profile: FeatureProfile, current: CurrentCounts): Shift | null {
  if (profile.kind !== "numeric") return null;
  return current.exactShift !== undefined ? current.exactShift : binnedShift(profile, current.ks!);
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
    const members = families.get(family);
    if (members === undefined) families.set(family, [index]);
    else members.push(index);
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
  return limitNames.some((name) => {
    const [value, limit] = [limitedValue(one, name), rule[name]];
    return value !== null && limit !== undefined && value > limit;
  });
}

/** What a plain rule limits, null where the feature has none. */
function limitedValue({ divergence, js, tv, ks, shift }: Judged, name: keyof PlainLimits): number | null {
  if (name === "psi") return divergence?.psi ?? null;
  if (name === "kl") return divergence?.kl ?? null;
  if (name === "ks") return ks?.statistic ?? null;
  if (name === "wasserstein") return shift?.wasserstein.scaled ?? null;
  if (divergence === null) return null;
  return name === "js" ? js : tv;
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
  const verdict = verdictOf(one, pValueAdjusted, settings.alpha);
  const nonFinite = { reference: isNumeric ? profile.nonFinite : 0, current: current.nonFinite };
  return {
    kind: profile.kind,
    logical: profile.logical,
    ...(isNumeric && { type: profile.type }),
    verdict,
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
    js: { distance: one.js },
    tv: { distance: one.tv },
    shift: one.shift,
    explanation: explain({
      ...one,
      current: current.psi,
      nonFinite,
      smoothing: settings.smoothing,
      isDrift: verdict === "drift",
    }),
    missing: {
      reference: share(profile.missing, rows.reference),
      current: share(current.psi[missingSlot] ?? 0, rows.current),
    },
    nonFinite,
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
