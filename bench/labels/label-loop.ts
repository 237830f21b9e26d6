/**
 * One labelling loop: repair, ask for a batch, answer it with the true labels, refine, until the gate proves a repair. The steps are
 * mendline's own functions in the order in which `repair`, `labels request` and `labels refine` call them, without a store, model
 * files and onnxruntime between them (memory-judge.ts); test/bench/label-loop.test.ts holds it against the durable engine.
 */
import { choosePoints } from "../../src/host/labels/choose-points.js";
import type { LabelBudget } from "../../src/host/labels/label-request.js";
import { contentOf, mayJudge, valuesAt } from "../../src/host/labels/point-side.js";
import { ofTwo, type PoolOutputs, type Strategy, scoresOf } from "../../src/host/labels/strategies.js";
import type { Draw } from "../../src/host/labels/weighed-draw.js";
import { askGate, type GateAnswer } from "../../src/host/repair/ask-gate.js";
import type { CandidateSpec } from "../../src/host/repair/candidate-spec.js";
import { foldsOf } from "../../src/host/repair/cross-validation.js";
import { weighed } from "../../src/host/repair/drawn-rows.js";
import { Evaluations } from "../../src/host/repair/evaluations.js";
import { historyOf, type PastTry } from "../../src/host/repair/gate-tries.js";
import { budgetOf, randomCountOf } from "../../src/host/repair/label-budget.js";
import { drawnStrategies, gateStakes } from "../../src/host/repair/label-strategy.js";
import {
  type LabelledData,
  selectRows,
  selectUnlabelled,
  type UnlabelledData,
} from "../../src/host/repair/labelled-data.js";
import { distributionsOf } from "../../src/host/repair/outputs.js";
import { effectiveRows } from "../../src/host/repair/paired.js";
import { Random } from "../../src/host/repair/random.js";
import type { RunLog } from "../../src/host/repair/run-log.js";
import { searchCandidate } from "../../src/host/repair/search.js";
import { splitRows } from "../../src/host/repair/slices.js";
import { ancestorId, MemoryJudge } from "./memory-judge.js";
import { type Network, outputCountOf, predict } from "./network.js";
import type { LabelScene } from "./scene.js";

/** Who chooses the points. */
export interface Arm {
  readonly name: string;
  readonly strategy: Strategy;
}

export interface LoopOptions {
  readonly arm: Arm;
  readonly seed: number;
  /** Labels that every loop begins with: the least of which slices can be cut. */
  readonly validationCount: number;
  readonly batch: number;
  /** Labels asked for at most. */
  readonly labelsMax: number;
}

export interface LoopResult {
  /** Labels asked for until the gate proved a repair, or until there were no more to ask for. */
  readonly labels: number;
  readonly isProven: boolean;
  /** What was published, and what it gains in mean log loss over all rows of the live regime, those of the gate among them. */
  readonly candidate: CandidateSpec | null;
  readonly gain: number | null;
}

/** The plan of a repair by log loss, as far as a strategy asks. */
const logLossRun = {
  started: { plan: { weight: null, metric: "log-loss" } } as RunLog["started"],
  recorded: () => undefined,
};

/** Sets apart the draw of the validation rows from the other uses of a seed. */
const validationStream = 31;

export async function runLoop(scene: LabelScene, options: LoopOptions): Promise<LoopResult> {
  const loop = new LabelLoop(scene, options);
  let labels = 0;
  for (let round = 0; ; round++) {
    const asked = await loop.repair();
    if (asked.outcome === "published") return proven(scene, labels, asked.finalist);
    const count = Math.min(options.batch, options.labelsMax - labels);
    const got = count === 0 ? 0 : loop.label(count, round, asked);
    if (got === 0) return { labels, isProven: false, candidate: null, gain: null };
    labels += got;
  }
}

/** Rows of the live data in the order of a seed: the first are the validation rows, the others the pool. */
export function drawnRows(scene: LabelScene, seed: number): Uint32Array {
  const rows = Uint32Array.from({ length: scene.live.rowCount }, (_, row) => row);
  new Random(seed, validationStream).shuffle(rows);
  return rows;
}

/** A row of the live data that has its label. */
interface LabelledRow {
  readonly row: number;
  readonly draw: Draw | null;
}

interface Asked {
  readonly outcome: string;
  readonly finalist: CandidateSpec;
  readonly budget: LabelBudget | null;
}

class LabelLoop {
  readonly #scene: LabelScene;
  readonly #options: LoopOptions;
  readonly #judge: MemoryJudge;
  /** Rows of the live data, the same without their labels, and what each holds. */
  readonly #poolRows: Uint32Array;
  readonly #pool: UnlabelledData;
  readonly #contents: readonly string[];
  /** Of the pool. */
  readonly #asked = new Set<number>();
  readonly #selection: LabelledRow[];
  readonly #gate: LabelledRow[];
  readonly #tries: PastTry[] = [];

  constructor(scene: LabelScene, options: LoopOptions) {
    const { seed, validationCount } = options;
    this.#scene = scene;
    this.#options = options;
    this.#judge = new MemoryJudge(scene);
    const rows = drawnRows(scene, seed);
    this.#poolRows = rows.subarray(validationCount);
    this.#pool = selectUnlabelled(scene.live, this.#poolRows);
    const { contents } = knownOf(scene);
    this.#contents = Array.from(this.#poolRows, (row) => contents[row]!);
    const labels = Float64Array.from(rows.subarray(0, validationCount), (row) => scene.live.labels[row]!);
    const { selection, gate } = splitRows(labels, { task: "classification", seed });
    const labelled = (slice: Uint32Array) => Array.from(slice, (at) => ({ row: rows[at]!, draw: null }));
    this.#selection = labelled(selection);
    this.#gate = labelled(gate);
  }

  /** The search on the selection slice, and the gate's answer, as judging.ts has them. */
  async repair(): Promise<Asked> {
    const { seed } = this.#options;
    const selection = this.#slice(this.#selection);
    const folds = foldsOf(selection, "classification", seed);
    const judge = this.#judge;
    const log = { all: () => [], append: async () => undefined };
    const evaluations = new Evaluations({ log, candidates: judge, validator: judge, selection, folds });
    const { finalist, others } = await searchCandidate({
      plan: { scales: "groups" },
      candidates: judge,
      evaluations,
      labelCount: selection.weights === null ? selection.rowCount : effectiveRows(selection.weights),
      chosen: { ancestor: { id: ancestorId }, companions: [], rival: null },
      controls: {},
    });
    const isEnough = { isEnough: true };
    if (finalist.kind === "keep")
      return { outcome: "rejected", finalist, budget: budgetOf(logOf({ checked: isEnough })) };
    const history = historyOf(`round ${this.#tries.length}`, this.#tries);
    const { before } = history;
    const answer = await askGate(
      judge,
      {
        keep: await judge.make({ kind: "keep" }),
        rollback: await judge.make({ kind: "ancestor", id: ancestorId }),
        repaired: await judge.make(finalist),
        others: others.map(({ name, candidate }) => ({ name, make: () => judge.make(candidate) })),
        before: before && (() => judge.make(before)),
      },
      { gate: this.#slice(this.#gate), control: null },
      {
        metric: "log-loss",
        goal: null,
        goalText: null,
        controlMargin: 0,
        controlProof: false,
        history,
        seed,
      },
    );
    this.#tries.push({ made: answer.made, finalist, isOfChain: true });
    return {
      outcome: answer.outcome,
      finalist: answer.winner === null ? finalist : winnerOf(answer.winner, others),
      budget: budgetOf(logOf({ checked: isEnough, gated: answer })),
    };
  }

  /** Asks for a batch and answers it. @returns labels that came */
  label(count: number, round: number, { finalist, budget }: Asked): number {
    const { arm, seed } = this.#options;
    const scoring = { kind: "classification", rowCount: this.#pool.rowCount } as const;
    const outputs = this.#outputs(finalist);
    const scores = scoresOf(arm.strategy, outputs, scoring);
    const points = choosePoints({
      pool: this.#pool,
      scores,
      count,
      randomCount: randomCountOf(count, undefined, budget),
      random: new Random(requestSeed(seed, round)),
      excluded: this.#asked,
      mayJudge: (row) => mayJudge(this.#contents[row]!),
      stakes: gateStakes(outputs, scoring, logLossRun),
      isDrawn: drawnStrategies.includes(arm.strategy),
    });
    for (const { row, isRandom, draw } of points) {
      this.#asked.add(row);
      (isRandom ? this.#gate : this.#selection).push({ row: this.#poolRows[row]!, draw });
    }
    return points.length;
  }

  /** As committee.ts: the deployed model, what is to take its place, and the lineage's others; one model where one is asked. */
  #outputs(finalist: CandidateSpec): PoolOutputs[] {
    const { deployed, relatives, encoded } = this.#scene;
    const { strategy } = this.#options.arm;
    const inItsPlace: CandidateSpec =
      finalist.kind === "keep" ? { kind: "ancestor", id: ancestorId } : finalist;
    const members: Network[] = [deployed, this.#judge.networkOf(inItsPlace), ...relatives];
    const count = ofTwo.includes(strategy) ? 2 : strategy === "mixed" ? members.length : 1;
    const known = knownOf(this.#scene).outputs;
    return members.slice(0, count).map((network, index) => {
      const said = known.get(network);
      const outputCount = outputCountOf(network);
      const outputs =
        said === undefined
          ? predict(network, encoded, this.#poolRows)
          : picked(said, outputCount, this.#poolRows);
      return { name: String(index), ...distributionsOf(outputs, { kind: "probability", outputCount }) };
    });
  }

  #slice(rows: readonly LabelledRow[]): LabelledData {
    const data = selectRows(
      this.#scene.live,
      Uint32Array.from(rows, ({ row }) => row),
    );
    return weighed({ data, draws: rows.map(({ draw }) => draw) });
  }
}

/** What is the same in every loop of a scene. */
interface Known {
  /** Of all live rows, in their order. */
  readonly contents: readonly string[];
  readonly outputs: ReadonlyMap<Network, Float64Array>;
}

const known = new WeakMap<LabelScene, Known>();

function knownOf(scene: LabelScene): Known {
  const before = known.get(scene);
  if (before !== undefined) return before;
  const { live, encoded, deployed, ancestor, relatives } = scene;
  const rows = Uint32Array.from({ length: live.rowCount }, (_, row) => row);
  const made = {
    contents: Array.from(rows, (row) => contentOf(valuesAt(live, row))),
    outputs: new Map(
      [deployed, ancestor, ...relatives].map(
        (network) => [network, predict(network, encoded, rows)] as const,
      ),
    ),
  };
  known.set(scene, made);
  return made;
}

function picked(outputs: Float64Array, outputCount: number, rows: Uint32Array): Float64Array {
  const out = new Float64Array(rows.length * outputCount);
  rows.forEach((row, at) => {
    out.set(outputs.subarray(row * outputCount, (row + 1) * outputCount), at * outputCount);
  });
  return out;
}

/** Of the request of a round. */
export function requestSeed(seed: number, round: number): number {
  return seed * 1_000 + round;
}

function winnerOf(winner: number, others: readonly { readonly candidate: CandidateSpec }[]): CandidateSpec {
  return winner === 0 ? { kind: "ancestor", id: ancestorId } : others[winner - 1]!.candidate;
}

/** What the budget reads of a run. */
function logOf(steps: {
  readonly checked: { readonly isEnough: boolean };
  readonly gated?: GateAnswer;
}): Pick<RunLog, "recorded"> {
  return { recorded: ((step: keyof typeof steps) => steps[step]) as RunLog["recorded"] };
}

function proven(scene: LabelScene, labels: number, candidate: CandidateSpec): LoopResult {
  const judge = new MemoryJudge(scene);
  const rows = drawnRows(scene, 0);
  const lossOf = (network: Network) => {
    const outputs = predict(network, scene.encoded, rows);
    const outputCount = outputCountOf(network);
    let sum = 0;
    rows.forEach((row, at) => {
      const label = scene.live.labels[row]!;
      const share =
        outputCount === 1
          ? label === 1
            ? outputs[at]!
            : 1 - outputs[at]!
          : outputs[at * outputCount + label]!;
      sum -= Math.log(share);
    });
    return sum / rows.length;
  };
  const gain = lossOf(scene.deployed) - lossOf(judge.networkOf(candidate));
  return { labels, isProven: true, candidate, gain };
}
