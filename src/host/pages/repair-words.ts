/** The sentences of a repair's page: what happened at each step, in plain words, from the numbers alone. */
import {
  formatChange,
  formatCount,
  formatDifference,
  formatList,
  formatLoss,
  formatNumber,
  formatPlural,
} from "./format.js";
import { clipText, visibleText } from "./markup.js";
import {
  isHigherBetter,
  metricName,
  type RepairStory,
  type StoryRung,
  type StoryWindow,
} from "./repair-story.js";

export interface Outcome {
  readonly word: string;
  readonly verdict: "good" | "bad" | "open";
  readonly sentence: string;
}

const outcomes: Readonly<Record<string, Outcome>> = {
  published: {
    word: "published",
    verdict: "good",
    sentence: "The model was mended from its lineage, proved better on held-out data, and put in place.",
  },
  "on-trial": {
    word: "on trial",
    verdict: "open",
    sentence:
      "A repair proved better on held-out data, and runs beside the deployed model until live rows confirm it.",
  },
  rejected: {
    word: "rejected",
    verdict: "bad",
    sentence: "A repair was tried and refused: it did not hold on held-out data. The deployed model stays.",
  },
  "not-proven": {
    word: "not proven",
    verdict: "open",
    sentence: "The repair may help, but the labelled rows do not prove it. The deployed model stays.",
  },
  "needs-labels": {
    word: "needs labels",
    verdict: "open",
    sentence: "There are too few labelled rows to judge a repair. The deployed model stays until they come.",
  },
  "no-drift": {
    word: "no drift",
    verdict: "good",
    sentence: "The data has not drifted. Nothing needed mending.",
  },
  "no-healthy-ancestor": {
    word: "no healthy ancestor",
    verdict: "bad",
    sentence: "No ancestor fits the new data, so there is nothing to mend the model from.",
  },
};

export function outcomeOf({ outcome }: RepairStory): Outcome {
  if (Object.hasOwn(outcomes, outcome)) return outcomes[outcome]!;
  return { word: outcome, verdict: "open", sentence: "" };
}

/** Index of the first window of the run of drifted ones that led to the trigger; without a trigger of the first drifted one. */
export function turningWindow({ windows, triggerWindow }: RepairStory): number | null {
  let turned =
    triggerWindow ?? windows.findIndex(({ verdict, phase }) => verdict === "drift" && phase === "before");
  if (turned < 0 || windows[turned] === undefined) return null;
  while (turned > 0 && windows[turned - 1]!.verdict === "drift" && windows[turned - 1]!.phase === "before")
    turned--;
  return windows[turned]!.verdict === "drift" ? turned : null;
}

export function driftWords(story: RepairStory): string {
  const { windows, triggerWindow } = story;
  if (windows.length === 0) return "No window was closed.";
  const turned = turningWindow(story);
  if (turned === null)
    return `In ${formatPlural(windows.length, "window")} the data stayed as the model knows it.`;
  const drifted = driftedFeatures(windows[triggerWindow ?? turned]!);
  const before =
    turned === 0
      ? ""
      : `For ${formatPlural(turned, "window")} the data stayed close to what the model was trained on. `;
  const verb = drifted.length === 1 ? "no longer looks" : "no longer look";
  const which =
    drifted.length === 0 ? "" : `: ${formatList(shortened(drifted))} ${verb} like the training data`;
  const turn = `At window ${turned + 1}, after ${formatCount(windows[turned]!.atRow)} rows, the verdict turned to drift${which}.`;
  const trigger =
    triggerWindow !== null && triggerWindow !== turned && windows[triggerWindow] !== undefined
      ? ` To be sure, mendline waited for window ${triggerWindow + 1} (${formatCount(windows[triggerWindow].atRow)} rows) before it acted.`
      : "";
  return `${before}${turn}${trigger}${afterWords(windows)}`;
}

function driftedFeatures({ features }: StoryWindow): string[] {
  return Object.entries(features)
    .filter(([, { verdict }]) => verdict === "drift")
    .sort(([, left], [, right]) => right.psi - left.psi)
    .map(([name]) => name);
}

function shortened(names: readonly string[]): string[] {
  const shown = names.slice(0, 4).map((name) => clipText(visibleText(name), 40));
  return names.length > 4 ? [...shown, formatPlural(names.length - 4, "other feature")] : shown;
}

function afterWords(windows: readonly StoryWindow[]): string {
  const after = windows.filter(({ phase }) => phase === "after");
  if (after.length === 0) return "";
  const drifted = after.filter(({ verdict }) => verdict === "drift").length;
  const verdict = drifted === 0 ? "none of them drifted" : `${formatCount(drifted)} of them drifted`;
  return ` Then the repaired model served ${formatPlural(after.length, "window")}; ${verdict}.`;
}

/** Of the chosen ancestor at the window that set the repair off; null when the story does not say. */
export function chosenVerdict({ choice, windows, triggerWindow }: RepairStory): string | null {
  const window = triggerWindow === null ? undefined : windows[triggerWindow];
  return window?.ancestors?.find(({ name }) => name === choice.chosen?.name)?.verdict ?? null;
}

export function choiceWords(story: RepairStory): string {
  const { chosen, passedOver } = story.choice;
  const passed = passedOver.length;
  if (chosen === null) {
    if (passed === 0) return "There was no ancestor to choose from.";
    return `None of the model’s ${formatPlural(passed, "ancestor")} could be used.`;
  }
  const name = clipText(visibleText(chosen.name), 80);
  const reason =
    chosenVerdict(story) === "stable"
      ? ": measured against its own training data, the new data has not drifted"
      : "";
  const others = passed === 0 ? "" : ` ${formatPlural(passed, "other was", "others were")} passed over.`;
  return `${name} was chosen, ${formatPlural(chosen.distance, "derivation")} away${reason}.${others}`;
}

export function scaleWords(story: RepairStory): string {
  const ends = [lossAt(story, 0), lossAt(story, 1)];
  const sentences = [
    "Scale 0 keeps the deployed model, 1 rolls back to the ancestor, and between them lie blends of both.",
  ];
  if (ends[0] !== null && ends[1] !== null) {
    sentences.push(
      `On the rows for choosing, keeping costs ${formatLoss(ends[0]!)} and rolling back ${formatLoss(ends[1]!)}.`,
    );
  }
  sentences.push(chosenScaleWords(story));
  if (story.barrier !== null) {
    sentences.push(
      story.barrier > 0
        ? `Between the two models the curve rises ${formatLoss(story.barrier)} above the straight line from one to the other at most.`
        : "Nowhere between the two models does the curve rise above the straight line from one to the other: the weights blend well.",
    );
  }
  const broken = story.curve.filter(({ loss }) => !Number.isFinite(loss)).length;
  if (broken > 0) sentences.push(`${formatPlural(broken, "scale")} gave no finite loss.`);
  return sentences.join(" ");
}

function lossAt({ curve }: RepairStory, scale: number | null): number | null {
  const point = curve.find((one) => scale !== null && Math.abs(one.scale - scale) < 1e-9);
  return point !== undefined && Number.isFinite(point.loss) ? point.loss : null;
}

function chosenScaleWords(story: RepairStory): string {
  const { scale, curve } = story;
  if (scale === null) return "No scale was chosen.";
  const loss = lossAt(story, scale);
  const where = `${formatNumber(scale, 3)}${scale > 1 ? ", beyond the ancestor" : ""}`;
  if (loss === null) return `The choice fell on scale ${where}.`;
  const isLowest = curve.every((point) => !(point.loss < loss));
  if (isLowest) return `The lowest loss, ${formatLoss(loss)}, lies at scale ${where}.`;
  return `The choice fell on scale ${where}; its loss is ${formatLoss(loss)}.`;
}

const rungNames: Readonly<Record<string, string>> = {
  single: "One scale for all layers",
  ramp: "A scale that goes with the depth",
  groups: "A scale for each group of layers",
  combination: "A weight for each ancestor",
};

export function rungName({ rung }: StoryRung): string {
  return Object.hasOwn(rungNames, rung) ? rungNames[rung]! : rung;
}

/** Whether a rung was worth its numbers, in a few words. */
export function rungAnswer({ rung, gain, standardError, pays, reason }: StoryRung): string {
  if (rung === "single") return "where the search begins";
  if (gain === null || standardError === null) return `not tried: ${reason ?? "nobody asked"}`;
  const gained = `gains ${formatDifference(gain)} ± ${formatLoss(standardError)}`;
  return `${gained} on rows that did not choose: ${pays ? "it pays" : "it does not pay"}`;
}

export function batchNormWords({ batchNorm }: RepairStory): string {
  if (batchNorm == null) return "";
  const { layers, recalibrated, rows, reason } = batchNorm;
  if (reason !== null) return `Batch norm was not recalibrated: ${reason}.`;
  return `The model has ${formatPlural(layers, "layer")} of batch norm. Between two models their running statistics fit neither, so those of ${formatCount(recalibrated)} were measured anew on ${formatPlural(rows, "live row")}, for which no label is needed.`;
}

/** How much the labelled rows can tell, and how often they were asked. */
export function powerWords({ gate }: RepairStory): string {
  if (gate === null) return "";
  const { tries = 1, confidence = 0.95, detectable = null, rowsNeeded = null, rows } = gate;
  const sentences: string[] = [];
  if (detectable !== null) {
    sentences.push(
      `With ${formatPlural(rows, "row")} a difference below ${formatLoss(detectable)} cannot be told.`,
    );
  }
  if (rowsNeeded !== null) sentences.push(`About ${formatCount(rowsNeeded)} rows would tell this one.`);
  if (tries > 1) {
    const share = formatNumber(100 * confidence, 3);
    sentences.push(
      `These rows have been asked ${formatCount(tries)} times, so the interval is that of ${share} %: whoever asks often enough is told what they want to hear.`,
    );
  }
  return sentences.join(" ");
}

export function gateWords({ gate, metric }: RepairStory): string {
  if (gate === null) return "The run did not get as far as the gate.";
  const better = (one: number, other: number) => (isHigherBetter(metric) ? one > other : one < other);
  const { keep, rollback, repaired, difference, interval } = gate;
  const [low, high] = interval.map((end) => formatDifference(end));
  const isProven = isHigherBetter(metric) ? interval[0] > 0 : interval[1] < 0;
  const against = better(repaired, rollback)
    ? `Simply rolling back would have given ${formatLoss(rollback)}.`
    : better(rollback, repaired)
      ? `Simply rolling back would have done better: ${formatLoss(rollback)}.`
      : `Simply rolling back gives the same.`;
  return [
    `${formatPlural(gate.rows, "labelled row")} that had no say in the scale decide.`,
    `There the repaired model has a ${metricName(metric)} of ${formatLoss(repaired)}, the deployed one ${formatLoss(keep)}: a difference of ${formatDifference(difference)}, with an interval from ${low!} to ${high!}.`,
    isProven
      ? "All of it lies on the better side of zero."
      : "It reaches past zero, so the gain is not proven.",
    against,
  ].join(" ");
}

export function controlWords({ control, metric }: RepairStory): string {
  if (control === null) return "";
  const { keep, repaired, rows } = control;
  const change = formatDifference(repaired - keep);
  const share = keep === 0 ? "" : ` (${formatChange((repaired - keep) / Math.abs(keep))})`;
  return `What does it cost on the data that the model was good at? On ${formatPlural(rows, "control row")} its ${metricName(metric)} goes from ${formatLoss(keep)} to ${formatLoss(repaired)}: ${change}${share}.`;
}
