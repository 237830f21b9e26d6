/** The contract of everything that can judge a candidate: an ONNX runtime, a shell command, a JavaScript module. */
import { writeFile } from "node:fs/promises";
import type { ModelFormat } from "../../lineage-store/records.js";
import type { Shard } from "../parameters/tensor-index.js";
import type { Judgement } from "./judgement.js";
import type { LabelledData } from "./labelled-data.js";

/** A model to judge. Its parameters are made when they are asked for: in memory, or as a file in bounded memory. */
export interface Candidate {
  readonly format: ModelFormat;
  /** For messages: a model's name, or a scale. */
  readonly name: string;
  /** Of an ONNX model with external data: its own file and the others, as they lie one behind the other in `bytes`. */
  readonly parts?: readonly Shard[] | undefined;
  /** The bytes of its parameter file, to be read before the next candidate's are asked for. */
  bytes(): Promise<Uint8Array>;
  /**
   * Writes its parameter file; of several files, a folder.
   *
   * @returns the path of the model's own file
   */
  writeTo(path: string): Promise<string>;
}

export function candidateOfBytes(bytes: Uint8Array, format: ModelFormat, name: string): Candidate {
  return {
    format,
    name,
    bytes: async () => bytes,
    writeTo: async (path) => {
      await writeFile(path, bytes, { mode: 0o600 });
      return path;
    },
  };
}

export interface EvaluateOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface Preparation {
  /**
   * Rows of the prepared data on which the unrepaired model gives no finite output, as missing features make it. They can tell
   * candidates apart no more than it can: leave them out (`withoutRows`) before slices are cut, and report how many.
   */
  readonly nonFiniteRows: Uint32Array;
}

/** Evaluations are done one after the other, in the order of the calls. */
export interface Validator {
  /**
   * Looks at the unrepaired model on all labelled rows: decides how outputs are read, for all candidates to come, and checks the labels.
   * To be called once, before `evaluate`.
   *
   * @throws MendlineError MENDLINE_REPAIR_VALIDATOR  the model cannot be judged at all
   * @throws MendlineError MENDLINE_REPAIR_LABELS  labels do not fit its outputs
   */
  prepare(baseline: Candidate, data: LabelledData, options?: EvaluateOptions): Promise<Preparation>;
  /**
   * @throws MendlineError MENDLINE_REPAIR_VALIDATOR  it failed, or took too long
   * @throws MendlineError MENDLINE_REPAIR_LABELS  labels do not fit the outputs
   * @throws MendlineError MENDLINE_TASK_ABORTED  by the signal
   */
  evaluate(candidate: Candidate, slice: LabelledData, options?: EvaluateOptions): Promise<Judgement>;
  /** Ends what it started, at once. May be called again. */
  close(): Promise<void>;
}
