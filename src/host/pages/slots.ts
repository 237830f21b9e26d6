/** One feature's counts as shares with a name for each slot, and the sentence that says what moved. */
import type { FeatureReport } from "../drift/report.js";
import { formatNumber, formatShare } from "./format.js";
import { clipText, visibleText } from "./markup.js";

export interface Slot {
  /** "1.5 to below 2.2", a category's name, "missing" */
  readonly label: string;
  readonly kind: "value" | "missing" | "unseen";
  /** Shares of all rows. */
  readonly reference: number;
  readonly current: number;
  /** Part of the PSI, nats, with half a row added to each slot. */
  readonly contribution: number;
}

export function slotsOf(feature: FeatureReport): Slot[] {
  const names = feature.kind === "numeric" ? numericNames(feature) : categoricalNames(feature);
  const { reference, current } = feature.counts;
  const referenceRows = total(reference);
  const currentRows = total(current);
  const used = names.filter((_, index) => (reference[index] ?? 0) + (current[index] ?? 0) > 0).length;
  return names.map(({ label, kind }, index) => {
    const r = reference[index] ?? 0;
    const c = current[index] ?? 0;
    const smoothR = (r + 0.5) / (referenceRows + 0.5 * used);
    const smoothC = (c + 0.5) / (currentRows + 0.5 * used);
    return {
      label,
      kind,
      reference: referenceRows === 0 ? 0 : r / referenceRows,
      current: currentRows === 0 ? 0 : c / currentRows,
      contribution: r + c === 0 || currentRows === 0 ? 0 : (smoothC - smoothR) * Math.log(smoothC / smoothR),
    };
  });
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

type Named = Pick<Slot, "label" | "kind">;

function numericNames(feature: FeatureReport): Named[] {
  const edges = edgeTexts(feature.edges ?? []);
  const names: Named[] = [];
  for (let bin = 0; bin <= edges.length; bin++) {
    names.push({ label: rangeText(edges[bin - 1], edges[bin]), kind: "value" });
  }
  return [...names, { label: "missing", kind: "missing" }];
}

function categoricalNames(feature: FeatureReport): Named[] {
  const names = (feature.categories ?? []).map((label): Named => ({ label, kind: "value" }));
  return [
    ...names,
    { label: "missing", kind: "missing" },
    { label: "never seen in the reference", kind: "unseen" },
  ];
}

function rangeText(from: string | undefined, to: string | undefined): string {
  if (from === undefined) return to === undefined ? "any value" : `below ${to}`;
  if (to === undefined) return `${from} or above`;
  return from === to ? `exactly ${from}` : `${from} to below ${to}`;
}

/**
 * Edges as texts that tell all edges apart that nine digits tell apart, with as few digits as that takes. The two edges of a bin
 * that holds one number are the same text.
 */
export function edgeTexts(edges: readonly (number | string)[]): string[] {
  const at = (digits: number) =>
    edges.map((edge) => (typeof edge === "number" ? formatNumber(edge, digits) : clipText(edge, 24)));
  const distinct = new Set(at(9)).size;
  for (let digits = 3; digits < 9; digits++) {
    const texts = at(digits);
    if (new Set(texts).size === distinct) return texts;
  }
  return at(9);
}

/** A stretch of slots that moved the same way. */
interface Move {
  readonly first: number;
  readonly last: number;
  readonly contribution: number;
  /** Null where nothing changed. */
  readonly isGrowing: boolean | null;
}

/** Below this part of a PSI nothing is worth a sentence: a tenth of what the trade calls slight. */
const noticeable = 0.01;

/** What moved most, in a sentence without the feature's name; neighbouring bins that moved the same way are told as one. */
export function movedSentence(feature: FeatureReport): string {
  const slots = slotsOf(feature);
  if (total(feature.counts.current) === 0) return "There are no current rows to compare.";
  const move = largestMove(slots, feature.kind === "numeric");
  if (move === null || move.contribution < noticeable) return "No part of the distribution moved noticeably.";
  const stretch = slots.slice(move.first, move.last + 1);
  const now = formatShare(stretch.reduce((sum, { current }) => sum + current, 0));
  const before = formatShare(stretch.reduce((sum, { reference }) => sum + reference, 0));
  return `${now} of the rows ${stretchText(feature, stretch, move)}; in the reference it was ${before}.`;
}

/** Where the rows went says more than where they left: of two moves of like size the growing one is told. */
const growingWeight = 2;

function weightOf(move: Move): number {
  return move.contribution * (move.isGrowing === true ? growingWeight : 1);
}

function largestMove(slots: readonly Slot[], isOrdered: boolean): Move | null {
  let best: Move | null = null;
  let run: Move | null = null;
  for (const [index, slot] of slots.entries()) {
    run = extendedRun(run, slot, index, isOrdered);
    if (best === null || weightOf(run) > weightOf(best)) best = run;
  }
  return best;
}

function extendedRun(run: Move | null, slot: Slot, index: number, isOrdered: boolean): Move {
  const { kind, reference, current, contribution } = slot;
  const isGrowing = current === reference ? null : current > reference;
  const continues = isOrdered && kind === "value" && isGrowing !== null && run?.isGrowing === isGrowing;
  if (!continues) return { first: index, last: index, contribution, isGrowing };
  return { ...run, last: index, contribution: run.contribution + contribution };
}

function stretchText(feature: FeatureReport, stretch: readonly Slot[], { first, last }: Move): string {
  const [{ kind, label }] = stretch as [Slot];
  if (kind === "missing") return "now have no value";
  if (kind === "unseen") return "now hold categories that the reference never held";
  if (feature.kind === "categorical") return `are now “${clipText(visibleText(label), 60)}”`;
  const edges = edgeTexts(feature.edges ?? []);
  const [from, to] = [edges[first - 1], edges[last]];
  if (from === undefined && to === undefined) return "now have a value";
  const range = rangeText(from, to);
  return from !== undefined && to !== undefined && from !== to ? `are now from ${range}` : `are now ${range}`;
}
