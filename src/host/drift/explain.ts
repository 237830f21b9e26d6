/** What moved in a feature: a sentence for people, and the slots that make up its PSI. */
import { type Edge, edgeToJson } from "./edges.js";
import type { FeatureProfile, NumericFeatureProfile } from "./profile.js";
import type { Shift } from "./shift.js";
import { edgeTexts, rangeLabel } from "./slot-labels.js";
import type { Smoothing } from "./statistics.js";

export type SlotKind = "value" | "other" | "missing" | "unseen";

/** One slot's part of the PSI. */
export interface Contribution {
  /** Index in `counts`. */
  readonly slot: number;
  readonly kind: SlotKind;
  /** "6.2 or above", "exactly 0", a category, "missing". */
  readonly label: string;
  /** Numeric bins: from <= x < to; null where the bin is open. */
  readonly from?: number | string | null;
  readonly to?: number | string | null;
  /** Shares of all rows; `change` is current - reference. */
  readonly reference: number;
  readonly current: number;
  readonly change: number;
  /** Nats; the slots' add up to the PSI. */
  readonly psi: number;
  /** Of the feature's PSI. */
  readonly share: number;
}

export interface Explanation {
  /** Without the feature's name: "31 % of the rows are now 6.2 or above, 9 % in the reference; the values moved up." */
  readonly sentence: string;
  /** The largest parts of the PSI first. */
  readonly contributions: readonly Contribution[];
}

export interface Explained {
  readonly profile: FeatureProfile;
  /** Slots as in `counts`. */
  readonly reference: readonly number[];
  readonly current: readonly number[];
  readonly nonFinite: { readonly reference: number; readonly current: number };
  readonly shift: Shift | null;
  readonly smoothing: Smoothing;
  /** What drifted is told however little it is. */
  readonly isDrift: boolean;
}

const contributionsMax = 5;

export function explain(explained: Explained): Explanation {
  const slots = slotsOf(explained);
  const psi = slots.reduce((sum, slot) => sum + slot.psi, 0);
  const { profile } = explained;
  const contributions = slots
    .filter((slot) => slot.psi > 0)
    .sort((left, right) => right.psi - left.psi || left.slot - right.slot)
    .slice(0, contributionsMax)
    .map(({ slot, kind, label, ...rest }): Contribution => {
      const edges = profile.kind === "numeric" && kind === "value" ? bounds(profile, slot) : {};
      return {
        slot,
        kind,
        label,
        ...edges,
        ...rest,
        change: rest.current - rest.reference,
        share: rest.psi / psi,
      };
    });
  return { sentence: sentenceOf(explained, slots), contributions };
}

function bounds({ psi }: NumericFeatureProfile, bin: number): Pick<Contribution, "from" | "to"> {
  const at = (index: number): number | string | null => {
    const edge: Edge | undefined = psi.edges[index];
    return edge === undefined ? null : edgeToJson(edge);
  };
  return { from: at(bin - 1), to: at(bin) };
}

interface Slot {
  readonly kind: SlotKind;
  readonly label: string;
  readonly slot: number;
  readonly reference: number;
  readonly current: number;
  readonly psi: number;
}

function slotsOf({ profile, reference, current, smoothing }: Explained): Slot[] {
  const n = total(reference);
  const m = total(current);
  const used = reference.filter((count, slot) => count + current[slot]! > 0).length;
  const smoothed = (count: number, rows: number) =>
    smoothing.kind === "additive"
      ? (count + smoothing.s) / (rows + smoothing.s * used)
      : count / rows || smoothing.floor;
  return slotLabels(profile).map((label, slot) => {
    const [r, c] = [reference[slot]!, current[slot]!];
    const [before, now] = [smoothed(r, n), smoothed(c, m)];
    const isUsed = r + c > 0 && n > 0 && m > 0;
    return {
      ...label,
      slot,
      reference: n === 0 ? 0 : r / n,
      current: m === 0 ? 0 : c / m,
      psi: isUsed ? (now - before) * Math.log(now / before) : 0,
    };
  });
}

/** In the order of `counts`. */
function slotLabels(profile: FeatureProfile): Pick<Slot, "kind" | "label">[] {
  const missing = { kind: "missing" as const, label: "missing" };
  if (profile.kind === "categorical") {
    const names = profile.categories.map((label) => ({ kind: "value" as const, label }));
    const folded = profile.other === null ? [] : [{ kind: "other" as const, label: "other" }];
    return [...names, ...folded, missing, { kind: "unseen", label: "unseen" }];
  }
  const { psi, type, logical } = profile;
  const texts = edgeTexts(psi.edges, logical, type);
  const bins = Array.from({ length: psi.edges.length + 1 }, (_, bin) => ({
    kind: "value" as const,
    label: rangeLabel(psi.edges, texts, bin, bin, profile),
  }));
  return [...bins, missing];
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Slots that moved the same way: neighbouring bins, or one slot of another kind. */
interface Move {
  readonly first: number;
  readonly last: number;
  readonly reference: number;
  readonly current: number;
  readonly psi: number;
}

/** Below this part of a PSI nothing is worth a sentence: a tenth of what the trade calls slight. */
const noticeable = 0.01;
/** A second move is told where it is at least this part of the first. */
const secondShare = 0.2;
/** Where the rows went says more than where they left: told instead where it took so much of them. */
const takenShare = 0.9;
/** A change of the share of infinite values that is told. */
const infiniteChange = 0.01;

function sentenceOf(explained: Explained, slots: readonly Slot[]): string {
  if (total(explained.current) === 0) return "There are no current rows to compare.";
  const isNumeric = explained.profile.kind === "numeric";
  const least = explained.isDrift ? 0 : noticeable;
  const moves = movesOf(slots, isNumeric)
    .filter(({ psi }) => psi > least)
    .sort((left, right) => right.psi - left.psi || left.first - right.first);
  const first = firstOf(moves);
  const infinite = infiniteFact(explained);
  if (first === undefined) {
    return infinite === null ? "No part of the distribution moved noticeably." : `${infinite}.`;
  }
  const second = moves.find((move) => move !== first && tellsMore(move, first, slots));
  const facts = [first, ...(second === undefined ? [] : [second])].map((move) =>
    factOf(explained, slots, move),
  );
  return `${[...facts, ...(infinite === null ? [] : [infinite]), ...trend(explained, slots)].join("; ")}.`;
}

function movesOf(slots: readonly Slot[], isOrdered: boolean): Move[] {
  const moves: Move[] = [];
  let last: Move | null = null;
  for (const slot of slots) {
    const grows = Math.sign(slot.current - slot.reference);
    const continues: boolean =
      last !== null &&
      isOrdered &&
      slot.kind === "value" &&
      grows !== 0 &&
      Math.sign(last.current - last.reference) === grows;
    last = {
      first: continues ? last!.first : slot.slot,
      last: slot.slot,
      reference: slot.reference + (continues ? last!.reference : 0),
      current: slot.current + (continues ? last!.current : 0),
      psi: slot.psi + (continues ? last!.psi : 0),
    };
    if (continues) moves.pop();
    moves.push(last);
  }
  return moves;
}

/** The largest move; where that is a loss, and one other slot or stretch took nearly all of it, that one. */
function firstOf(moves: readonly Move[]): Move | undefined {
  const [largest] = moves;
  if (largest === undefined || grows(largest)) return largest;
  const taker = moves.find(grows);
  const change = ({ reference, current }: Move) => Math.abs(current - reference);
  return taker !== undefined && change(taker) >= takenShare * change(largest) ? taker : largest;
}

/** What left one slot went to another: a fact of its own is a second place where rows went, of another kind or beside the first. */
function tellsMore(move: Move, first: Move, slots: readonly Slot[]): boolean {
  if (!grows(move) || move.psi < secondShare * first.psi) return false;
  return grows(first) || slots[move.first]!.kind !== slots[first.first]!.kind;
}

function grows({ reference, current }: Move): boolean {
  return current > reference;
}

function factOf({ profile }: Explained, slots: readonly Slot[], move: Move): string {
  const { kind, label } = slots[move.first]!;
  const { now, before } = shareTexts(move.current, move.reference);
  const compared = `, ${before} in the reference`;
  if (kind === "missing") return `${now} of the rows now have no value${compared}`;
  if (kind === "unseen") return `${now} of the rows are now in categories that the reference never held`;
  if (kind === "other") return `${now} of the rows are now in its rare categories${compared}`;
  if (profile.kind === "categorical") {
    const name = quoted(label);
    return move.current === 0
      ? `${name} is gone${compared}`
      : `${now} of the rows are now ${name}${compared}`;
  }
  const { psi, type, logical } = profile;
  const range = rangeLabel(psi.edges, edgeTexts(psi.edges, logical, type), move.first, move.last, profile);
  return range === "any value"
    ? `${now} of the rows now have a value${compared}`
    : `${now} of the rows are now ${range}${compared}`;
}

function infiniteFact({ nonFinite, reference, current }: Explained): string | null {
  const before = nonFinite.reference / Math.max(1, total(reference));
  const now = nonFinite.current / Math.max(1, total(current));
  if (Math.abs(now - before) < infiniteChange) return null;
  const texts = shareTexts(now, before);
  return `${texts.now} of the rows are now infinite, ${texts.before} in the reference`;
}

/** How far P(current above reference) and P(below) are apart before values count as moved: 0.1 is a twentieth of the way. */
const movedDelta = 0.1;
/** A change of the standard deviation that is told, of itself. */
const spreadChange = 0.2;

/** Of numbers only: which way the values went on the whole. */
function trend({ profile, reference, current, shift }: Explained, slots: readonly Slot[]): string[] {
  if (profile.kind !== "numeric" || profile.logical === "boolean") return [];
  const bins = slots.filter(({ kind }) => kind === "value").length;
  const delta = superiority(reference.slice(0, bins), current.slice(0, bins));
  if (Math.abs(delta) >= movedDelta) return [`the values moved ${delta > 0 ? "up" : "down"}`];
  const spread = shift?.standardDeviation.scaled ?? 0;
  if (Math.abs(spread) < spreadChange) return [];
  return [spread > 0 ? "the values spread out" : "the values drew together"];
}

/** P(a current value's bin is above a reference value's) - P(it is below): Cliff's delta of the binned values. */
function superiority(reference: readonly number[], current: readonly number[]): number {
  const n = total(reference);
  const m = total(current);
  if (n === 0 || m === 0) return 0;
  let below = 0;
  let delta = 0;
  reference.forEach((count, bin) => {
    delta += current[bin]! * (below - (n - below - count));
    below += count;
  });
  return delta / (n * m);
}

/** Two shares in as many digits as tell them apart, three decimals of a percent at most. */
function shareTexts(current: number, reference: number): { now: string; before: string } {
  for (const decimals of [null, 1, 2, 3]) {
    const texts = { now: shareText(current, decimals), before: shareText(reference, decimals) };
    if (texts.now !== texts.before || current === reference || decimals === 3) return texts;
  }
  throw new RangeError("unreachable");
}

/** 31 %, 0.4 %; what is there but small is never 0. @param decimals  null: whole percents from 10 to 99 */
function shareText(share: number, decimals: number | null): string {
  const percent = share * 100;
  if (percent === 0) return "0 %";
  if (decimals === null && percent < 0.05) return "<0.1 %";
  if (decimals === null && percent > 99 && percent < 100) {
    return `${Math.min(99.9, Number(percent.toFixed(1)))} %`;
  }
  const digits = decimals ?? (percent < 9.95 ? 1 : 0);
  return `${Number(percent.toFixed(digits))} %`;
}

const nameLengthMax = 60;

/** A name of the data in a sentence, cut to a readable length. Surfaces make its invisible characters visible. */
function quoted(name: string): string {
  const points = [...name.slice(0, 2 * nameLengthMax + 2)];
  return `"${points.length <= nameLengthMax ? name : `${points.slice(0, nameLengthMax - 1).join("")}…`}"`;
}
