/** One feature's counts as shares with a name for each slot. */
import type { FeatureReport } from "../drift/report.js";
import * as labels from "../drift/slot-labels.js";

export interface Slot {
  /** "1.5 to below 2.2", a category's name, "missing" */
  readonly label: string;
  readonly kind: "value" | "missing" | "unseen";
  /** Shares of all rows. */
  readonly reference: number;
  readonly current: number;
}

export function slotsOf(feature: FeatureReport): Slot[] {
  const names = feature.kind === "numeric" ? numericNames(feature) : categoricalNames(feature);
  const { reference, current } = feature.counts;
  const referenceRows = total(reference);
  const currentRows = total(current);
  const share = (count: number | undefined, rows: number) => (rows === 0 ? 0 : (count ?? 0) / rows);
  return names.map(({ label, kind }, index) => ({
    label,
    kind,
    reference: share(reference[index], referenceRows),
    current: share(current[index], currentRows),
  }));
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

type Named = Pick<Slot, "label" | "kind">;

function numericNames(feature: FeatureReport): Named[] {
  const edges = edgesOf(feature);
  const texts = edgeTexts(feature);
  const meaning = { type: feature.type ?? "f64", logical: feature.logical };
  const names = Array.from({ length: edges.length + 1 }, (_, bin): Named => {
    const label = labels.rangeLabel(edges, texts, bin, bin, meaning);
    return { label, kind: "value" };
  });
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

/** Edges in a page's type: a true minus before numbers. Dates keep their hyphens. */
export function edgeTexts(feature: FeatureReport): string[] {
  const texts = labels.edgeTexts(edgesOf(feature), feature.logical, feature.type ?? "f64");
  return texts.map((text) => (/^-?[\d.]+(e[+-]?\d+)?$/.test(text) ? text.replaceAll("-", "\u2212") : text));
}

function edgesOf({ edges = [] }: FeatureReport): (number | bigint)[] {
  return edges.map((edge) => (typeof edge === "string" ? BigInt(edge) : edge));
}
