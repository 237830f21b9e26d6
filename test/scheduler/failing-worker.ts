/**
 * A worker that ends as workers end (ends.ts), in `moments` and in `keysFrom`. All else it does as the product's worker does.
 */
import { threadId, workerData } from "node:worker_threads";
import { type ColumnSlice, Kernels } from "../../src/host/kernels/kernels.js";
import { instantiateKernels } from "../../src/host/kernels/module.js";
import type { NumericType } from "../../src/host/kernels/types.js";
import { Board } from "../../src/scheduler/board.js";
import { type Outcome, work } from "../../src/scheduler/work.js";
import type { Part, WorkerData } from "../../src/scheduler/worker.js";
import { ends, refuseStartPtr } from "./ends.js";

/** (module (func (export "trap") unreachable) (func (export "hang") (loop br 0))) */
const failingCode = Buffer.from(
  [
    "0061736d01000000",
    "010401600000",
    "0303020000",
    "070f02047472617000000468616e670001",
    "0a0d020300000b070003400c000b0b",
  ].join(""),
  "hex",
);

const { module, memory } = workerData as WorkerData;
if (new Uint8Array(memory.buffer)[refuseStartPtr] !== 0) throw new Error("no more workers");

const { trap, hang } = new WebAssembly.Instance(new WebAssembly.Module(failingCode)).exports as {
  trap(): void;
  hang(): void;
};

function endAs(how: number): void {
  if (how === ends.exit) process.exit(7);
  if (how === ends.trap) trap();
  if (how === ends.hang) hang();
  const held: number[][] = [];
  while (how === ends.outOfMemory) held.push(new Array<number>(100_000).fill(0.5));
}

class FailingKernels extends Kernels {
  override moments(type: NumericType, slice: ColumnSlice, outPtr: number): void {
    endIfMarked(slice);
    super.moments(type, slice, outPtr);
  }

  override keysFrom(type: NumericType, slice: ColumnSlice, keysPtr: number): number {
    endIfMarked(slice);
    return super.keysFrom(type, slice, keysPtr);
  }
}

function endIfMarked({ valuesPtr }: ColumnSlice): void {
  const marks = new Float64Array(memory.buffer, valuesPtr, 2);
  if (!(marks[1]! > 0)) return;
  marks[1]! -= 1;
  endAs(marks[0]!);
}

const kernels = new FailingKernels(instantiateKernels(module, memory), memory);

export default function takePart({ tasks, board, size, lane, first }: Part): Outcome {
  return work(kernels, tasks, new Board(size, board), { lane, threadId }, first);
}
