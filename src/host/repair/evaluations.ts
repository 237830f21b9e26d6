/** Candidates judged on the selection slice. Each is a checkpoint: judged once, by whichever process gets to it. */
import { MendlineError } from "../../errors.js";
import { type CandidateSpec, keyOf } from "./candidate-spec.js";
import type { Candidates } from "./candidates.js";
import { type Folds, foldSums } from "./cross-validation.js";
import type { LabelledData } from "./labelled-data.js";
import type { RunLog } from "./run-log.js";
import type { Validator } from "./validator.js";

export interface Evaluation {
  readonly candidate: CandidateSpec;
  /** Mean proper loss on the selection slice; Infinity where it, or the blend itself, is not finite. */
  readonly loss: number;
  /** Sums of the losses in each fold; null where the validator gave one number, or the loss is not finite. */
  readonly folds: readonly number[] | null;
}

export interface EvaluationOptions {
  readonly log: Pick<RunLog, "all" | "append">;
  readonly candidates: Pick<Candidates, "make">;
  readonly validator: Pick<Validator, "evaluate">;
  readonly selection: LabelledData;
  readonly folds: Folds;
  readonly signal?: AbortSignal | undefined;
}

export class Evaluations {
  readonly folds: Folds;
  readonly #options: EvaluationOptions;
  readonly #known: Map<string, Evaluation>;

  constructor(options: EvaluationOptions) {
    this.#options = options;
    this.folds = options.folds;
    this.#known = new Map(options.log.all("scale-judged").map((one) => [keyOf(one.candidate), one]));
  }

  /** @throws MendlineError MENDLINE_REPAIR_VALIDATOR, MENDLINE_REPAIR_LABELS, MENDLINE_TASK_ABORTED */
  async judge(candidate: CandidateSpec): Promise<Evaluation> {
    const known = this.#known.get(keyOf(candidate));
    if (known !== undefined) return known;
    const { log, signal } = this.#options;
    if (signal?.aborted) {
      throw new MendlineError("MENDLINE_TASK_ABORTED", "the search was cancelled", { cause: signal.reason });
    }
    const evaluation = { candidate, ...(await this.#evaluate(candidate)) };
    await log.append("scale-judged", evaluation);
    this.#known.set(keyOf(candidate), evaluation);
    return evaluation;
  }

  async #evaluate(spec: CandidateSpec): Promise<Omit<Evaluation, "candidate">> {
    const { candidates, validator, selection, folds, signal } = this.#options;
    try {
      const judgement = await validator.evaluate(await candidates.make(spec), selection, { signal });
      const { meanLoss, rowLosses } = judgement;
      if (!Number.isFinite(meanLoss)) return notFinite;
      return {
        loss: meanLoss,
        folds: rowLosses === null ? null : foldSums(folds, rowLosses, selection.weights),
      };
    } catch (thrown) {
      // Far enough beyond the ancestor, narrow types overflow.
      const isOverflow = thrown instanceof MendlineError && thrown.code === "MENDLINE_REPAIR_INCOMPATIBLE";
      if (isOverflow) return notFinite;
      throw thrown;
    }
  }
}

const notFinite = { loss: Number.POSITIVE_INFINITY, folds: null } as const;
