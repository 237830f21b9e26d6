/** Options that pick models, and derivations, among those of the store. */
import { type Command, Option } from "commander";
import type { MetricCondition, ModelFilter, Transformation } from "../../index.js";
import { walkNodesMax } from "../../limits.js";
import { parseConditions, parseText, parseTexts, parseWhole } from "./values.js";

export interface FilterOptions {
  readonly name?: string;
  readonly tag?: ReadonlyMap<string, string>;
  readonly metric?: readonly MetricCondition[];
  readonly limit?: number;
}

export function addFilterOptions(command: Command): Command {
  return command
    .option("--name <name>", "models of this name", parseText)
    .option("--tag <k=v>", "models with this tag; may be repeated, all must be there", parseTexts)
    .option("--metric <condition>", "as in 'auc>0.8'; may be repeated, all must hold", parseConditions)
    .option("--limit <count>", "so many at most", parseWhole(1, walkNodesMax));
}

export function filterOf({ name, tag, metric }: FilterOptions): ModelFilter {
  return { name, tags: Object.fromEntries(tag ?? []), metrics: metric ?? [] };
}

/** Keyed by the type, so that a new kind cannot be forgotten here. */
export const transformationKinds = Object.keys({
  "fine-tuning": true,
  pruning: true,
  quantization: true,
  distillation: true,
  merge: true,
  repair: true,
  other: true,
} satisfies Record<Transformation, true>) as Transformation[];

export interface WalkFlags {
  readonly maxDistance?: number;
  readonly transformation?: readonly Transformation[];
}

export function addWalkOptions(command: Command): Command {
  return command
    .option("--max-distance <count>", "so many derivations away at most", parseWhole(1, walkNodesMax))
    .addOption(
      new Option("--transformation <kinds...>", "follow derivations of these kinds only").choices(
        transformationKinds,
      ),
    );
}
