/** What a repair is judged by: names, directions, goals. How the numbers arise: outputs.ts and judgement.ts. */
import { MendlineError } from "../../errors.js";

export type Task = "classification" | "regression";

export const metricNames = ["log-loss", "rmse", "mae", "accuracy", "auc"] as const;
export type MetricName = (typeof metricNames)[number];
/** `loss` is what a validator command printed: mendline knows no more about it than that lower is better. */
export type JudgedMetric = MetricName | "loss";

interface MetricRow {
  readonly task: Task;
  readonly lowerIsBetter: boolean;
}

const metricTable: Record<MetricName, MetricRow> = {
  "log-loss": { task: "classification", lowerIsBetter: true },
  rmse: { task: "regression", lowerIsBetter: true },
  mae: { task: "regression", lowerIsBetter: true },
  accuracy: { task: "classification", lowerIsBetter: false },
  auc: { task: "classification", lowerIsBetter: false },
};

export function defaultMetric(task: Task): MetricName {
  return task === "classification" ? "log-loss" : "rmse";
}

export function isLowerBetter(metric: JudgedMetric): boolean {
  return metric === "loss" || metricTable[metric].lowerIsBetter;
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID  no such metric, or not one of the task */
export function requireMetric(name: string, task: Task): MetricName {
  const metric = metricNames.find((known) => known === name);
  const fitting = metricNames.filter((known) => metricTable[known].task === task);
  if (metric === undefined || metricTable[metric].task !== task) {
    const what = metric === undefined ? "is not known" : `is for ${metricTable[metric].task}`;
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `metric ${name} ${what}; for ${task} there are ${fitting.join(", ")}`,
      { details: { metric: name, task } },
    );
  }
  return metric;
}

const comparators = ["<=", ">=", "<", ">"] as const;
export type Comparator = (typeof comparators)[number];

export interface Goal {
  readonly metric: JudgedMetric;
  readonly comparator: Comparator;
  readonly value: number;
}

const goalPattern = /^\s*([a-z-]+)\s*(<=|>=|<|>)\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)\s*$/i;

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
