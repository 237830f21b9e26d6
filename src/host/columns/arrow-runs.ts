/**
 * Buffers that stand behind each other in an Arrow body are read at once: a read has a price of its own, some twenty microseconds
 * through the thread pool, in which a quarter of a megabyte is copied.
 *
 *     body     | validity 0 | values 0 | values 1 |  (a column nobody wants)  | values 3 |
 *     runs     |----------------------------------|                           |----------|
 *     arena    64-byte slots: a run starts as far behind a multiple of 64 as in the file, so that each buffer keeps its alignment
 */
import { arrowGapBytesMax, arrowReadsMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import type { Arena, Scope } from "../memory/arena.js";

const slotBytes = 64;

/** A stretch of the source that is wanted in the arena. */
export interface WantedBytes {
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Of the pointer. */
  readonly alignment: number;
}

interface Run {
  readonly byteOffset: number;
  end: number;
  /** Behind a multiple of 64. */
  readonly shift: number;
  /** Places among the wanted. */
  readonly members: number[];
}

/**
 * @returns a pointer for each of the wanted, in `scope`
 * @throws MendlineError MENDLINE_MEMORY_EXHAUSTED, MENDLINE_DATA_MALFORMED  once no read is under way any more
 */
export async function readRuns(
  source: ByteSource,
  arena: Arena,
  scope: Scope,
  wanted: readonly WantedBytes[],
): Promise<number[]> {
  const pointers = new Array<number>(wanted.length);
  const targets = runsOf(wanted).map((run) => {
    const byteLength = run.end - run.byteOffset;
    const ptr = scope.allocate(run.shift + byteLength) + run.shift;
    for (const member of run.members) pointers[member] = ptr + wanted[member]!.byteOffset - run.byteOffset;
    return { ptr, byteLength, byteOffset: run.byteOffset };
  });
  // Views only now: an allocation may have replaced the memory's buffer.
  const { buffer } = arena.memory;
  let next = 0;
  const lane = async () => {
    while (next < targets.length) {
      const { ptr, byteLength, byteOffset } = targets[next++]!;
      await source.read(new Uint8Array(buffer, ptr, byteLength), byteOffset);
    }
  };
  const lanes = Array.from({ length: Math.min(arrowReadsMax, targets.length) }, lane);
  const outcomes = await Promise.allSettled(lanes);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return pointers;
}

function runsOf(wanted: readonly WantedBytes[]): Run[] {
  const runs: Run[] = [];
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a]!.byteOffset - wanted[b]!.byteOffset);
  let open: Run | null = null;
  for (const index of order) {
    const { byteOffset, byteLength, alignment } = wanted[index]!;
    const isAligned = byteOffset % alignment === 0;
    const end = byteOffset + byteLength;
    if (isAligned && open !== null && byteOffset <= open.end + arrowGapBytesMax) {
      open.members.push(index);
      open.end = Math.max(open.end, end);
      continue;
    }
    // What the writer left unaligned is moved to where it is.
    const run = { byteOffset, end, shift: isAligned ? byteOffset % slotBytes : 0, members: [index] };
    runs.push(run);
    if (isAligned) open = run;
  }
  return runs;
}
