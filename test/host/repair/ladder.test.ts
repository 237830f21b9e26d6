/** The ladder from one scale to many numbers, on losses that are known beforehand. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CandidateSpec, keyOf, plainOf } from "../../../src/host/repair/candidate-spec.js";
import { type Folds, foldSums, foldsOf } from "../../../src/host/repair/cross-validation.js";
import type { Evaluation } from "../../../src/host/repair/evaluations.js";
import { climb, type LadderOptions } from "../../../src/host/repair/ladder.js";
import { Random } from "../../../src/host/repair/random.js";
import type { RungReport } from "../../../src/host/repair/report.js";
import { near } from "./support.js";

const layers = Array.from({ length: 6 }, (_, layer) => [`w${layer}`]);

/** Scales of the six layers; of a combination the weights. */
function scalesOf(candidate: CandidateSpec): number[] {
  const spec = plainOf(candidate);
  const even = (value: number) => layers.map(() => value);
  switch (spec.kind) {
    case "keep":
      return even(0);
    case "ancestor":
      return even(1);
    case "blend":
      return even(spec.scale);
    case "ramp":
      return layers.map((_, i) => spec.first + ((spec.last - spec.first) * i) / 5);
    case "groups":
      return layers.map((_, i) => spec.scales[Math.floor((i * spec.scales.length) / 6)]!);
    case "combination":
      throw new RangeError("weights are no scales");
  }
}

interface Field {
  /** Mean loss of a candidate. */
  readonly lossOf: (spec: CandidateSpec) => number;
  readonly rowCount?: number;
  /** Spread of the rows' losses that differs from candidate to candidate. */
  readonly noise?: number;
  readonly seed?: number;
}

function judgeOf({ lossOf, rowCount = 200, noise = 0.05, seed = 1 }: Field): {
  folds: Folds;
  judged: CandidateSpec[];
  judge(spec: CandidateSpec): Promise<Evaluation>;
} {
  const labels = Float64Array.from({ length: rowCount }, (_, row) => row % 2);
  const folds = foldsOf({ labels, weights: null }, "classification", seed);
  const shared = new Random(seed, 1);
  const hardness = labels.map(() => shared.unit());
  const judged: CandidateSpec[] = [];
  return {
    folds,
    judged,
    async judge(candidate) {
      judged.push(candidate);
      // The same candidate has the same noise.
      const key = [...keyOf(candidate)].reduce((hash, sign) => (hash * 31 + sign.charCodeAt(0)) | 0, seed);
      const random = new Random(key, 2);
      const rows = hardness.map((hard) => lossOf(candidate) + hard + noise * (random.unit() - 0.5));
      const loss = rows.reduce((sum, one) => sum + one, 0) / rowCount;
      return { candidate, loss, folds: foldSums(folds, rows, null) };
    },
  };
}

async function climbed(field: Field, over: Partial<LadderOptions> = {}) {
  const judge = judgeOf(field);
  const curve: Evaluation[] = [];
  for (let step = 0; step <= 10; step++) {
    const scale = Math.min(1.3, step / 8);
    const spec: CandidateSpec = scale === 0 ? { kind: "keep" } : { kind: "blend", ancestor: "a", scale };
    curve.push(await judge.judge(spec));
  }
  const best = curve.reduce((lowest, one) => (one.loss < lowest.loss ? one : lowest));
  judge.judged.length = 0;
  const result = await climb(curve, best, {
    evaluations: judge,
    ancestor: "a",
    layers,
    labelCount: field.rowCount ?? 200,
    highest: "groups",
    companions: [],
    onJudged: () => undefined,
    ...over,
  });
  return { ...result, best, judged: judge.judged };
}

const distance = (targets: readonly number[]) => (spec: CandidateSpec) =>
  scalesOf(spec).reduce((sum, scale, layer) => sum + (scale - targets[layer]!) ** 2, 0) / 6;

const names = (rungs: readonly RungReport[]) => rungs.map(({ rung, pays }) => `${rung} ${pays}`);

test("one scale is enough: the ramp is tried, does not pay, and no group is tried", async () => {
  const { rungs, finalist, best } = await climbed({ lossOf: distance([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]) });
  assert.equal(names(rungs), ["single true", "ramp false"]);
  assert.equal(finalist.candidate, best.candidate);
  assert.ok(rungs[1]!.gain! <= rungs[1]!.standardError!);
});

test("a scale that goes with the depth: the ramp pays, groups do not", async () => {
  const { rungs, finalist, crossValidated } = await climbed({
    lossOf: distance([0.1, 0.28, 0.46, 0.64, 0.82, 1]),
  });
  assert.equal(names(rungs), ["single true", "ramp true", "groups false"]);
  assert.is(finalist.candidate.kind, "ramp");
  const { first, last } = finalist.candidate as Extract<CandidateSpec, { kind: "ramp" }>;
  near(first, 0.1, 0.16);
  near(last, 1, 0.16);
  assert.ok(rungs[1]!.gain! > rungs[1]!.standardError! && rungs[1]!.loss! < rungs[0]!.loss!);
  near(crossValidated!, rungs[1]!.crossValidated!, 0);
});

test("a scale of its own for each group pays where no ramp can follow", async () => {
  const targets = [0, 0, 0.3, 0.3, 1.2, 0.4];
  const { rungs, finalist } = await climbed({ lossOf: distance(targets) });
  assert.equal(names(rungs), ["single true", "ramp true", "groups true"]);
  const { scales } = finalist.candidate as Extract<CandidateSpec, { kind: "groups" }>;
  assert.is(scales.length, 6);
  near(scales[4]!, 1.2, 0.3);
  assert.is(rungs[2]!.numbers, 6);
});

test("the ridge holds groups to the ramp where labels tell little", async () => {
  const targets = [0.1, 0.28, 0.46, 0.64, 0.82, 1];
  const { judged, finalist } = await climbed({
    lossOf: distance(targets),
    rowCount: 80,
    noise: 1.5,
    seed: 3,
  });
  const groups = judged.filter(({ kind }) => kind === "groups");
  if (groups.length > 0) assert.is.not(finalist.candidate.kind, "groups");
  assert.ok(["blend", "ramp"].includes(finalist.candidate.kind));
});

test("ten labels a number, and no fewer", async () => {
  const lossOf = distance([0, 0, 0.3, 0.3, 1.2, 0.4]);
  const few = await climbed({ lossOf, rowCount: 19 });
  assert.equal(names(few.rungs), ["single true", "ramp false"]);
  assert.is(few.rungs[1]!.reason, "19 labels for 2 numbers: 20 are needed");
  assert.equal([few.rungs[1]!.gain, few.judged], [null, []]);
  const more = await climbed({ lossOf, rowCount: 29 });
  assert.is(more.rungs[2]?.reason, "29 labels for 3 numbers: 30 are needed");
  // As many groups as can be afforded.
  const forty = await climbed({ lossOf, rowCount: 45 });
  assert.is(forty.rungs[2]?.numbers, 4);
});

test("models of few layers, losses of no row, and those who want one scale", async () => {
  const lossOf = distance([0.1, 0.28, 0.46, 0.64, 0.82, 1]);
  const one = await climbed({ lossOf }, { layers: layers.slice(0, 1) });
  assert.is(one.rungs[1]!.reason, "the model has one layer");
  const two = await climbed({ lossOf }, { layers: layers.slice(0, 2) });
  assert.is(two.rungs.at(-1)!.reason, "a ramp reaches every layer");
  const single = await climbed({ lossOf }, { highest: "single" });
  assert.equal([names(single.rungs), single.judged], [["single true"], []]);
  const ramp = await climbed({ lossOf }, { highest: "ramp" });
  assert.equal(names(ramp.rungs), ["single true", "ramp true"]);
  const curve: Evaluation[] = [{ candidate: { kind: "keep" }, loss: 1, folds: null }];
  const blind = await climb(curve, curve[0]!, {
    evaluations: judgeOf({ lossOf }),
    ancestor: "a",
    layers,
    labelCount: 200,
    highest: "groups",
    companions: [],
    onJudged: () => undefined,
  });
  assert.equal([blind.crossValidated, blind.rungs[1]!.reason], [null, "no loss of each row is known"]);
});

test("a combination: between ancestors, within the farthest single scale, when it pays", async () => {
  const weightsOf = (spec: CandidateSpec): Map<string, number> => {
    if (spec.kind === "combination")
      return new Map(spec.terms.map(({ ancestor, weight }) => [ancestor, weight]));
    return new Map([["a", scalesOf(spec)[0]!]]);
  };
  const between = (targets: Readonly<Record<string, number>>) => (spec: CandidateSpec) => {
    if (spec.kind === "ramp" || spec.kind === "groups") return 9;
    const weights = weightsOf(spec);
    return Object.entries(targets).reduce(
      (sum, [id, target]) => sum + ((weights.get(id) ?? 0) - target) ** 2,
      0,
    );
  };
  const paid = await climbed({ lossOf: between({ a: 0.5, b: 0.5, c: 0 }) }, { companions: ["b", "c"] });
  assert.equal(names(paid.rungs), ["single true", "ramp false", "combination true"]);
  const { terms } = paid.finalist.candidate as Extract<CandidateSpec, { kind: "combination" }>;
  assert.equal(
    terms.map(({ ancestor }) => ancestor),
    ["a", "b"],
  );
  for (const { weight } of terms) near(weight, 0.5, 0.13);
  for (const spec of paid.judged) {
    if (spec.kind !== "combination") continue;
    assert.ok(spec.terms.reduce((sum, { weight }) => sum + weight, 0) <= 1.3 + 1e-9);
  }
  const vain = await climbed({ lossOf: between({ a: 0.5, b: 0 }) }, { companions: ["b"] });
  assert.equal(names(vain.rungs).at(-1), "combination false");
  assert.is(vain.finalist.candidate.kind, "blend");
});

test.run();
