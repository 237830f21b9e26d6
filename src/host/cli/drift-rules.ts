/** The options of `mendline drift` that say when a feature drifts, and how a rule is told to people. */
import { type Command, InvalidArgumentError } from "commander";
import type {
  DriftOptions,
  DriftReport,
  DriftRule,
  FeatureReport,
  FeatureRule,
  PlainLimits,
} from "../../index.js";
import { numberFrom, parseNames, parsePositive } from "./values.js";

export interface RuleFlags {
  readonly threshold: number;
  readonly alpha: number;
  readonly rule?: DriftRule;
  readonly featureThreshold?: ReadonlyMap<string, number>;
  readonly featureRule?: ReadonlyMap<string, DriftRule>;
  readonly watchOnly?: readonly string[];
}

const limitNames: readonly (keyof PlainLimits)[] = ["psi", "ks", "kl", "js", "tv", "wasserstein"];

export function addRuleOptions(command: Command): Command {
  return command
    .option(
      "--threshold <psi>",
      "a feature drifts when its PSI exceeds this beyond chance",
      parsePositive(),
      0.2,
    )
    .option("--alpha <share>", "how often pure chance may raise the alarm", parsePositive(1), 0.01)
    .option(
      "--rule <limits>",
      `plain limits instead, as in psi=0.1,ks=0.2 (${limitNames.join(", ")}): a feature drifts when it exceeds one, by chance or not`,
      parseLimits,
    )
    .option("--feature-threshold <name=psi>", "a threshold of its own, wind=0.3; repeatable", parseThresholds)
    .option("--feature-rule <name:limits>", "plain limits of its own, wind:ks=0.2; repeatable", parseRules)
    .option("--watch-only <names>", "features that are told of and do not make the data drifted", parseNames);
}

/** The same as the library takes it. */
export function ruleOptions(flags: RuleFlags): DriftOptions {
  const { threshold, alpha, rule } = flags;
  // Names come from the outside: `__proto__` is one like any other.
  const perFeature = Object.create(null) as Record<string, FeatureRule>;
  const add = (name: string, own: FeatureRule) => {
    perFeature[name] = { ...perFeature[name], ...own };
  };
  flags.featureThreshold?.forEach((own, name) => {
    add(name, { threshold: own });
  });
  flags.featureRule?.forEach((own, name) => {
    add(name, { rule: own });
  });
  for (const name of flags.watchOnly ?? []) add(name, { votes: false });
  return { threshold, alpha, rule, perFeature };
}

/** `psi=0.1,ks=0.2` */
export function parseLimits(text: string): DriftRule {
  const limits: { -readonly [name in keyof PlainLimits]: number } = {};
  for (const part of text.split(",")) {
    const [name = "", amount = "", ...rest] = part.split("=");
    const value = numberFrom(amount);
    const known = limitNames.find((limit) => limit === name);
    if (known === undefined || value === null || value < 0 || rest.length > 0) {
      throw new InvalidArgumentError(`Give limits of ${limitNames.join(", ")}, as in psi=0.1,ks=0.2.`);
    }
    if (limits[known] !== undefined) throw new InvalidArgumentError(`"${known}" is given twice.`);
    limits[known] = value;
  }
  return { kind: "plain", ...limits };
}

/** The last `=`: a name may hold one. */
function parseThresholds(text: string, before: ReadonlyMap<string, number> = new Map()): Map<string, number> {
  const [name, amount] = cutAtLast(text, "=", "wind=0.3");
  return withOne(before, name, parsePositive()(amount));
}

function parseRules(
  text: string,
  before: ReadonlyMap<string, DriftRule> = new Map(),
): Map<string, DriftRule> {
  const [name, limits] = cutAtLast(text, ":", "wind:ks=0.2");
  return withOne(before, name, parseLimits(limits));
}

function cutAtLast(text: string, mark: string, example: string): [name: string, rest: string] {
  const at = text.lastIndexOf(mark);
  if (at < 1) throw new InvalidArgumentError(`Give a feature and what it is judged by, as in ${example}.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function withOne<Value>(before: ReadonlyMap<string, Value>, name: string, value: Value): Map<string, Value> {
  if (before.has(name)) throw new InvalidArgumentError(`"${name}" is given twice.`);
  return new Map([...before, [name, value]]);
}

const limitTitles: Readonly<Record<keyof PlainLimits, string>> = {
  psi: "PSI",
  ks: "KS",
  kl: "KL",
  js: "Jensen-Shannon",
  tv: "total variation",
  wasserstein: "Wasserstein/sd",
};

/** What most features were judged by, and how many others there are: "PSI above 0.2 beyond chance, alpha 0.01". */
export function rulesText({ features }: DriftReport, alpha: number): string {
  const texts = Object.values(features).map((feature) => ruleText(feature, alpha));
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const [most] = [...counts].sort(([, left], [, right]) => right - left);
  if (most === undefined) return "";
  const [text, count] = most;
  return count === texts.length ? text : `${text}; ${texts.length - count} by rules of their own`;
}

export function ruleText({ rule, psi }: FeatureReport, alpha: number): string {
  if (rule.kind === "calibrated") return `PSI above ${psi.threshold} beyond chance, alpha ${alpha}`;
  return limitNames
    .filter((name) => rule[name] !== undefined)
    .map((name) => `${limitTitles[name]} above ${rule[name]}`)
    .join(" or ");
}
