/** When a feature drifts, and when a model does: the options of a drift report, their defaults, and their bounds. */
import { MendlineError } from "../../errors.js";
import { type Smoothing, smoothingDefault } from "./statistics.js";

/** Statistics that a plain rule may limit. A feature drifts when one of them exceeds its limit; categories have no KS and no W1. */
export interface PlainLimits {
  /** Nats. */
  readonly psi?: number;
  /** Where the distance is only bounded: its lower end. */
  readonly ks?: number;
  /** Nats. */
  readonly kl?: number;
  /** Jensen-Shannon distance, 0 to 0.8326. */
  readonly js?: number;
  /** Total variation, 0 to 1. */
  readonly tv?: number;
  /** Wasserstein distance in standard deviations of the reference. */
  readonly wasserstein?: number;
}

/**
 * When a feature drifts. `calibrated`: its PSI exceeds the threshold beyond chance, tested at alpha over all features together
 * (Benjamini-Hochberg). `plain`: a statistic exceeds its own limit, whatever the number of rows; what other tools do.
 */
export type DriftRule = { readonly kind: "calibrated" } | ({ readonly kind: "plain" } & PlainLimits);

/** How one feature is judged where it differs from the others. */
export interface FeatureRule {
  /** PSI, nats. */
  readonly threshold?: number;
  readonly rule?: DriftRule;
  /** False: it is watched and has a verdict of its own, which does not count toward the model's; true by default. */
  readonly votes?: boolean;
}

export interface DriftOptions {
  /** PSI, nats. */
  readonly threshold?: number;
  readonly alpha?: number;
  readonly smoothing?: Smoothing;
  readonly rule?: DriftRule;
  /** By feature name, own properties only. */
  readonly perFeature?: Readonly<Record<string, FeatureRule>>;
  /** Drifted features with a vote that make the model drifted. */
  readonly minDriftedFeatures?: number;
}

export type DriftSettings = Required<DriftOptions>;

export const thresholdDefault = 0.2;
export const alphaDefault = 0.01;
/** No PSI of countable rows comes near: all rows in one bin against all in another is 2 ln(2 N + 1), 62 at N = 2^44. */
const thresholdMax = 100;
const smoothingMax = 1e6;
/** A floor is a proportion. */
const floorMax = 0.5;

export const limitNames = [
  "psi",
  "ks",
  "kl",
  "js",
  "tv",
  "wasserstein",
] as const satisfies readonly (keyof PlainLimits)[];

/**
 * @param names  the features to be judged, where they are known: the options must not speak of others
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  an option out of range, an unknown feature, or no feature with a vote
 */
export function checkedDriftOptions(options: DriftOptions, names?: readonly string[]): DriftSettings {
  const settings = {
    threshold: options.threshold ?? thresholdDefault,
    alpha: options.alpha ?? alphaDefault,
    smoothing: options.smoothing ?? smoothingDefault,
    rule: options.rule ?? { kind: "calibrated" as const },
    perFeature: options.perFeature ?? {},
    minDriftedFeatures: options.minDriftedFeatures ?? 1,
  };
  const { threshold, alpha, smoothing, rule, perFeature, minDriftedFeatures } = settings;
  checkThreshold(threshold, "threshold");
  if (!(alpha > 0 && alpha < 1)) throw refusal(`alpha is ${alpha}: choose one between 0 and 1`);
  checkSmoothing(smoothing);
  if (!(Number.isSafeInteger(minDriftedFeatures) && minDriftedFeatures >= 1)) {
    throw refusal(`minDriftedFeatures is ${minDriftedFeatures}: choose a whole number from 1`);
  }
  checkRule(rule, "a plain rule");
  for (const [name, own] of Object.entries(perFeature)) {
    if (own.threshold !== undefined) checkThreshold(own.threshold, `threshold of "${name}"`);
    if (own.rule !== undefined) checkRule(own.rule, `a plain rule for "${name}"`);
  }
  if (names !== undefined) checkNames(settings, names);
  return settings;
}

/** What one feature is judged by. */
export function ruleOf(settings: DriftSettings, name: string): Required<FeatureRule> {
  const own = Object.hasOwn(settings.perFeature, name) ? settings.perFeature[name] : undefined;
  return {
    threshold: own?.threshold ?? settings.threshold,
    rule: own?.rule ?? settings.rule,
    votes: own?.votes ?? true,
  };
}

function checkNames(settings: DriftSettings, names: readonly string[]): void {
  const known = new Set(names);
  const unknown = Object.keys(settings.perFeature).find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw refusal(
      `a rule is given for "${unknown}", which is none of the features: ${names.slice(0, 12).join(", ")}`,
    );
  }
  if (names.length > 0 && names.every((name) => !ruleOf(settings, name).votes)) {
    throw refusal("every feature is only watched (votes: false): leave one a vote, or there is no verdict");
  }
}

function checkThreshold(threshold: number, what: string): void {
  if (threshold > 0 && threshold <= thresholdMax) return;
  throw refusal(`${what} is ${threshold}: choose a PSI above 0, at most ${thresholdMax}, 0.2 by default`);
}

function checkSmoothing(smoothing: Smoothing): void {
  const isAdditive = smoothing.kind === "additive";
  const amount = isAdditive ? smoothing.s : smoothing.floor;
  const most = isAdditive ? smoothingMax : floorMax;
  if (amount > 0 && amount <= most) return;
  throw refusal(
    `smoothing is ${amount}: choose ${isAdditive ? "counts, 0.5 by default" : "a floor"} above 0, at most ${most}`,
  );
}

function checkRule(rule: DriftRule, what: string): void {
  if (rule.kind === "calibrated") return;
  const given = limitNames.filter((name) => rule[name] !== undefined);
  const isFine = (name: (typeof limitNames)[number]) =>
    rule[name]! >= 0 && rule[name]! < Number.POSITIVE_INFINITY;
  if (given.length > 0 && given.every(isFine)) return;
  const found = given.map((name) => `${name} ${rule[name]}`).join(", ") || "nothing";
  throw refusal(`${what} of ${found}: give ${limitNames.join(", ")}, one at least, each 0 or more`);
}

function refusal(what: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", what);
}
