/**
 * The decision as a whole, on losses drawn at random: splitting, searching a scale, climbing the ladder, and asking the gate are the
 * code of a real repair; only what the models would say is drawn. 500 seeds each.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CandidateSpec, keyOf, plainOf } from "../../../src/host/repair/candidate-spec.js";
import { foldSums, foldsOf } from "../../../src/host/repair/cross-validation.js";
import type { Evaluation } from "../../../src/host/repair/evaluations.js";
import { chooseAtGate } from "../../../src/host/repair/gate-choice.js";
import { confidenceOf, historyOf, nextTry, type PastTry } from "../../../src/host/repair/gate-tries.js";
import { type Judgement, judgementOfLoss } from "../../../src/host/repair/judgement.js";
import { climb } from "../../../src/host/repair/ladder.js";
import { correlationOf } from "../../../src/host/repair/paired.js";
import { Random } from "../../../src/host/repair/random.js";
import { searchScale } from "../../../src/host/repair/scale-search.js";
import { splitRows } from "../../../src/host/repair/slices.js";

const seeds = 500;
const rowCountDefault = 240;
const layers = Array.from({ length: 5 }, (_, layer) => [`w${layer}`]);

interface World {
  /** What a candidate gains over keeping, in the mean of all rows there could be. */
  readonly gainOf: (scale: number) => number;
  /** Spread of a row's loss that is the candidate's own; the row's hardness is shared, and spreads by 1. */
  readonly own: number;
}

/** A blend's rows are near those of its neighbours: their noise changes smoothly with the scale. */
class Draw {
  readonly labels: Float64Array;
  readonly #world: World;
  readonly #seed: number;
  readonly #hard: Float64Array;
  readonly #waves: readonly Float64Array[];
  readonly #known = new Map<string, Float64Array>();

  constructor(world: World, seed: number, rowCount = rowCountDefault) {
    const random = new Random(seed, 11);
    // Losses are skewed: a square of a sum of uniforms.
    const skewed = () => (random.unit() + random.unit() + random.unit()) ** 2 / 3;
    this.#world = world;
    this.#seed = seed;
    this.labels = Float64Array.from({ length: rowCount }, (_, row) => row % 2);
    this.#hard = this.labels.map(skewed);
    this.#waves = [1, 2, 3].map(() => this.labels.map(() => random.unit() - 0.5));
  }

  /** The same for the same candidate. */
  losses(spec: CandidateSpec): Float64Array {
    const key = keyOf(spec);
    const known = this.#known.get(key) ?? this.#drawn(spec);
    this.#known.set(key, known);
    return known;
  }

  #drawn(spec: CandidateSpec): Float64Array {
    const { gainOf, own } = this.#world;
    const scale = levelOf(spec);
    const [first, second, third] = this.#waves as [Float64Array, Float64Array, Float64Array];
    const key = [...keyOf(spec)].reduce((hash, sign) => (hash * 31 + sign.charCodeAt(0)) | 0, this.#seed);
    const random = new Random(key, 12);
    return this.#hard.map((hard, row) => {
      const wave =
        scale * first[row]! + Math.sin(5 * scale) * second[row]! + Math.sin(9 * scale) * third[row]!;
      const noise = scale === 0 ? 0 : own * (wave + 0.5 * (random.unit() - 0.5));
      return hard + noise - gainOf(scale);
    });
  }
}

function levelOf(candidate: CandidateSpec): number {
  const spec = plainOf(candidate);
  if (spec.kind === "keep") return 0;
  if (spec.kind === "ancestor") return 1;
  if (spec.kind === "blend") return spec.scale;
  if (spec.kind === "ramp") return (spec.first + spec.last) / 2;
  if (spec.kind === "groups") return spec.scales.reduce((sum, one) => sum + one, 0) / spec.scales.length;
  return spec.terms.reduce((sum, { weight }) => sum + weight, 0);
}

function pick(values: Float64Array, rows: Uint32Array): Float64Array {
  return Float64Array.from(rows, (row) => values[row]!);
}

/** What the selection slice chooses; null where nothing is better than keeping. */
async function finalistOf(draw: Draw, selection: Uint32Array, seed: number): Promise<CandidateSpec | null> {
  const folds = foldsOf({ labels: pick(draw.labels, selection), weights: null }, "classification", seed);
  const judged = new Map<string, Evaluation>();
  const evaluations = {
    folds,
    async judge(candidate: CandidateSpec): Promise<Evaluation> {
      const rows = pick(draw.losses(candidate), selection);
      const loss = rows.reduce((sum, one) => sum + one, 0) / rows.length;
      const evaluation = { candidate, loss, folds: foldSums(folds, rows, null) };
      judged.set(keyOf(candidate), evaluation);
      return evaluation;
    },
  };
  const specAt = (scale: number): CandidateSpec => {
    if (scale === 0) return { kind: "keep" };
    return scale === 1 ? { kind: "ancestor", id: "a" } : { kind: "blend", ancestor: "a", scale };
  };
  const search = await searchScale(async (scale) => (await evaluations.judge(specAt(scale))).loss);
  const { finalist } = await climb([...judged.values()], judged.get(keyOf(specAt(search.scale)))!, {
    evaluations,
    ancestor: "a",
    layers,
    labelCount: selection.length,
    highest: search.isBarred ? "single" : "groups",
    companions: [],
    onJudged: () => undefined,
  });
  return finalist.candidate.kind === "keep" ? null : finalist.candidate;
}

interface GateSlice {
  readonly draw: Draw;
  readonly gate: Uint32Array;
  readonly seed: number;
}

async function askedAt({ draw, gate, seed }: GateSlice, finalist: CandidateSpec, tries: readonly PastTry[]) {
  const judgementOf = (spec: CandidateSpec): Judgement =>
    judgementOfLoss(pick(draw.losses(spec), gate), { rowCount: gate.length, weights: null });
  const history = historyOf(`question ${tries.length}`, tries);
  const [keep, repaired] = [judgementOf({ kind: "keep" }), judgementOf(finalist)];
  const figures = (judgement: Judgement) => judgement.figures("log-loss");
  const before = history.before && judgementOf(history.before);
  const correlation = before && correlationOf(figures(keep), figures(before), figures(repaired));
  const made = nextTry(history, gate.length, correlation);
  const rollback = judgementOf({ kind: "ancestor", id: "a" });
  const options = { seed, confidence: confidenceOf(made) };
  const { gate: answer } = await chooseAtGate({ keep, rollback, repaired }, "log-loss", options);
  return { verdict: answer.verdict, made };
}

/** What the gate says; "kept" where it is not asked. @param tries  made before on these rows */
async function decide(world: World, seed: number, tries: readonly PastTry[] = []): Promise<string> {
  const draw = new Draw(world, seed);
  const { selection, gate } = splitRows(draw.labels, { task: "classification", seed });
  const finalist = await finalistOf(draw, selection, seed);
  return finalist === null ? "kept" : (await askedAt({ draw, gate, seed }, finalist, tries)).verdict;
}

async function shareOf(world: World, verdict: string, tries: readonly PastTry[] = []): Promise<number> {
  let count = 0;
  for (let seed = 0; seed < seeds; seed++) if ((await decide(world, seed, tries)) === verdict) count += 1;
  return count / seeds;
}

test("no candidate is better: at most alpha of the runs publish, however many candidates were tried", async () => {
  for (const own of [0.1, 0.5, 2]) {
    const published = await shareOf({ gainOf: () => 0, own }, "passed");
    // By the interval's one tail 2.5 %.
    assert.ok(published <= 0.05, `${100 * published} % at a spread of ${own}`);
  }
});

test("every candidate is a little worse: hardly any run publishes", async () => {
  const published = await shareOf({ gainOf: (scale) => -0.05 * scale, own: 0.5 }, "passed");
  assert.ok(published <= 0.01, `${100 * published} %`);
});

test("a clear gain is published at least 95 % of the time", async () => {
  for (const bottom of [0.5, 1, 1.2]) {
    const gainOf = (scale: number) => 0.3 - 0.3 * (scale / bottom - 1) ** 2;
    const published = await shareOf({ gainOf, own: 0.5 }, "passed");
    assert.ok(published >= 0.95, `${100 * published} % with the best scale at ${bottom}`);
  }
});

/** So many questions to the same rows, none about what the one before was. */
function questions(count: number): PastTry[] {
  const tries: PastTry[] = [];
  for (let at = 0; at < count; at++) {
    const made = nextTry(historyOf(`question ${at}`, tries), 120, null);
    tries.push({ made, finalist: null, isOfChain: false });
  }
  return tries;
}

test("many questions to the same rows: the tails that they are asked with add up to alpha", async () => {
  const tails = questions(3_000).reduce((sum, { made }) => sum + made.tail, 0);
  assert.ok(tails < 0.05 && tails > 0.0499, String(tails));
  const world = { gainOf: () => 0, own: 0.5 };
  const second = await shareOf(world, "passed", questions(1));
  const tenth = await shareOf(world, "passed", questions(9));
  assert.ok(second <= 0.03 && tenth <= 0.005, `${second} ${tenth}`);
});

const rounds = 16;
const firstCount = 40;
/** Labels of a round: most go to the gate. */
const toGate = 14;
const toSelection = 2;

/** A labelling loop: another candidate each round, by the labels that came, and all gate rows so far, until one is proven. */
async function isEverPublished(world: World, seed: number): Promise<boolean> {
  const draw = new Draw(world, seed, firstCount + rounds * (toGate + toSelection));
  const first = splitRows(draw.labels.subarray(0, firstCount), { task: "classification", seed });
  const [selection, gate] = [[...first.selection], [...first.gate]];
  const tries: PastTry[] = [];
  for (let round = 0, at = firstCount; ; round++) {
    const finalist = await finalistOf(draw, Uint32Array.from(selection), seed);
    if (finalist !== null) {
      const { verdict, made } = await askedAt({ draw, gate: Uint32Array.from(gate), seed }, finalist, tries);
      if (verdict === "passed") return true;
      tries.push({ made, finalist, isOfChain: true });
    }
    if (round === rounds) return false;
    for (let row = 0; row < toGate; row++) gate.push(at++);
    for (let row = 0; row < toSelection; row++) selection.push(at++);
  }
}

async function shareEver(world: World, count: number): Promise<number> {
  let published = 0;
  for (let seed = 0; seed < count; seed++) if (await isEverPublished(world, seed)) published += 1;
  return published / count;
}

test(`${rounds} rounds of labels, each about what was chosen anew: a null is published at most alpha of the time`, async () => {
  const published = await shareEver({ gainOf: () => 0, own: 0.5 }, 400);
  assert.ok(published <= 0.05, `${100 * published} %`);
});

test(`${rounds} rounds of labels find a gain that one question would not`, async () => {
  const world = { gainOf: (scale: number) => 0.15 - 0.15 * (scale - 1) ** 2, own: 0.5 };
  const published = await shareEver(world, 20);
  assert.ok(published >= 0.95, `${100 * published} %`);
});

test("without an unproven gain nothing else comes of a null than keeping, not-proven or a rejection", async () => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 100; seed++) {
    const verdict = await decide({ gainOf: () => 0, own: 0.5 }, seed);
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  }
  assert.ok((counts.get("not-proven") ?? 0) > 80, JSON.stringify([...counts]));
});

test.run();
