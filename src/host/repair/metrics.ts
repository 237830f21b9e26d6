/** What a repair is judged by: names, directions, goals. How the numbers arise: outputs.ts and judgement.ts. */
import { MendlineError } from "../../errors.js";

export type Task = "classification" | "regression";

const plainNames = ["log-loss", "brier", "accuracy", "auc", "rmse", "mae"] as const;
type PlainName = (typeof plainNames)[number];
/** Of a quantile's prediction, such as `pinball:0.9`; `pinball` alone is that of the median. */
export type PinballName = `pinball:${number}`;
export type MetricName = PlainName | PinballName;
/** A proper loss: what a scale is chosen by. */
export type LossName = "log-loss" | "brier" | "squared-error" | PinballName;
/** `loss` is what a validator command printed: mendline knows no more about it than that lower is better. */
export type JudgedMetric = MetricName | "loss";

interface MetricRow {
  readonly task: Task;
  readonly lowerIsBetter: boolean;
}

const metricTable: Record<PlainName | "pinball", MetricRow> = {
  "log-loss": { task: "classification", lowerIsBetter: true },
  brier: { task: "classification", lowerIsBetter: true },
  rmse: { task: "regression", lowerIsBetter: true },
  mae: { task: "regression", lowerIsBetter: true },
  accuracy: { task: "classification", lowerIsBetter: false },
  auc: { task: "classification", lowerIsBetter: false },
  pinball: { task: "regression", lowerIsBetter: true },
};

/** What there is, as it is written: for messages and help. */
export const metricNames = [...plainNames, "pinball:Q"] as const;

function rowOf(metric: MetricName): MetricRow {
  return metricTable[metric.startsWith("pinball") ? "pinball" : (metric as PlainName)];
}

/** Of `pinball:0.9` the 0.9. */
export function quantileOf(metric: PinballName): number {
  return Number(metric.slice("pinball:".length));
}

export function isPinball(metric: MetricName | LossName): metric is PinballName {
  return metric.startsWith("pinball:");
}

/** The proper loss that goes with a metric. */
export function lossFor(metric: MetricName): LossName {
  if (metric === "brier" || isPinball(metric)) return metric;
  return rowOf(metric).task === "classification" ? "log-loss" : "squared-error";
}

export function defaultMetric(task: Task): MetricName {
  return task === "classification" ? "log-loss" : "rmse";
}

export function isLowerBetter(metric: JudgedMetric): boolean {
  return metric === "loss" || rowOf(metric).lowerIsBetter;
}

const pinballPattern = /^pinball(?::(\d*\.?\d+))?$/;

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID  no such metric, or not one of the task */
export function requireMetric(name: string, task: Task): MetricName {
  const metric = named(name);
  if (metric !== null && rowOf(metric).task === task) return metric;
  const fitting = metricNames.filter((known) => rowOf(known as MetricName).task === task);
  const what = metric === null ? "is not known" : `is for ${rowOf(metric).task}`;
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `metric ${name} ${what}; for ${task} there are ${fitting.join(", ")}`,
    { details: { metric: name, task } },
  );
}

function named(name: string): MetricName | null {
  const pinball = pinballPattern.exec(name);
  if (pinball === null) return plainNames.find((known) => known === name) ?? null;
  const quantile = Number(pinball[1] ?? 0.5);
  if (quantile > 0 && quantile < 1) return `pinball:${quantile}`;
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `metric ${name}: its quantile lies between 0 and 1, such as pinball:0.9`,
    { details: { metric: name } },
  );
}

const comparators = ["<=", ">=", "<", ">"] as const;
export type Comparator = (typeof comparators)[number];

export interface Goal {
  readonly metric: JudgedMetric;
  readonly comparator: Comparator;
  readonly value: number;
}

const goalPattern =
  /^\s*([a-z-]+(?::[\d.]+)?)\s*(<=|>=|<|>)\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)\s*$/i;

/**
 * @param text  a metric (or `loss`, of a validator command), `<=`, `<`, `>=` or `>`, and a number
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  malformed, or the comparator points to the worse side
 * @example parseGoal("log-loss<=0.6", "classification")  // { metric: "log-loss", comparator: "<=", value: 0.6 }
 */
export function parseGoal(text: string, task: Task): Goal {
  const match = goalPattern.exec(text);
  if (match === null) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `goal '${text}' is malformed: write a metric, <= or >=, and a number, such as '${defaultMetric(task)}<=0.6'`,
    );
  }
  const name = match[1]!.toLowerCase();
  const metric = name === "loss" ? name : requireMetric(name, task);
  const comparator = comparators.find((known) => known === match[2])!;
  if (comparator.startsWith("<") !== isLowerBetter(metric)) {
    const [better, right] = isLowerBetter(metric) ? ["lower", "<="] : ["higher", ">="];
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `goal '${text}': ${metric} is better when ${better}: write '${metric}${right}${match[3]}'`,
    );
  }
  return { metric, comparator, value: Number(match[3]) };
}

/** A value that is no number meets no goal. */
export function meetsGoal(goal: Goal, value: number): boolean {
  switch (goal.comparator) {
    case "<=":
      return value <= goal.value;
    case ">=":
      return value >= goal.value;
    case "<":
      return value < goal.value;
    case ">":
      return value > goal.value;
  }
}
