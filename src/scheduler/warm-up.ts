/** What a worker does before its first task: every hot kernel a few times, so that it is compiled and its wrapper known by then. */
import { sortCounterBytes } from "../host/kernels/kernels.js";
import type { Task } from "./tasks.js";

const valueCount = 1_024;
const rounds = 4;
/** Values, room for as many results of 8 bytes, and for the sort's counters. */
export const warmUpBytes = 2 * valueCount * 8 + sortCounterBytes;

/** @param ptr  `warmUpBytes` of any content, a multiple of 64 */
export function warmUpTasks(ptr: number): Task[] {
  const slice = { valuesPtr: ptr, rowCount: valueCount, validityPtr: 0, validityBitOffset: 0 };
  const outPtr = ptr + valueCount * 8;
  const countersPtr = outPtr + valueCount * 8;
  const workBytes = valueCount * 8;
  const once: Task[] = (["f32", "f64"] as const).flatMap((type): Task[] => [
    { kernel: "countByEdges", args: [type, slice, ptr, 9, outPtr], workBytes },
    { kernel: "keysFrom", args: [type, slice, outPtr], workBytes },
    { kernel: "sortKeys", args: [outPtr, 100, ptr, countersPtr], workBytes },
    { kernel: "moments", args: [type, slice, outPtr], workBytes },
    { kernel: "blend", args: [type, ptr, outPtr, 256, 0.5, outPtr], workBytes },
    { kernel: "compareVectors", args: [type, ptr, outPtr, 256, outPtr], workBytes },
  ]);
  return Array.from({ length: rounds }, () => once).flat();
}
