/**
 * Rooms in which the lineage store turns tensors into deltas: three frames each, in a small memory of their own, so that storing a model
 * never waits for room that data takes. Nothing is allocated before the first is asked for.
 */
import { kernelReservedBytes, packFrameBytes, packRoomsMax } from "../../limits.js";
import { Kernels } from "../kernels/kernels.js";
import { instantiateKernels } from "../kernels/module.js";
import { Arena } from "../memory/arena.js";

type Width = 1 | 2 | 4 | 8;

/** What the store asks for (lineage-store/deltas.ts, DeltaRoom). */
export interface KernelRoom {
  readonly source: Uint8Array;
  readonly target: Uint8Array;
  readonly planes: Uint8Array;
  encode(width: Width, byteLength: number): void;
  decode(width: Width, byteLength: number): void;
}

const memoryBytes = kernelReservedBytes + packRoomsMax * 3 * packFrameBytes;

/** @param module  the compiled kernels */
export function kernelDeltas(module: WebAssembly.Module): { createRoom(): KernelRoom } {
  let opened: { arena: Arena; kernels: Kernels } | undefined;
  return {
    createRoom() {
      if (opened === undefined) {
        const arena = new Arena(memoryBytes);
        opened = { arena, kernels: new Kernels(instantiateKernels(module, arena.memory), arena.memory) };
      }
      return room(opened.arena, opened.kernels);
    },
  };
}

function room(arena: Arena, kernels: Kernels): KernelRoom {
  const [sourcePtr, targetPtr, planesPtr] = [0, 1, 2].map(() => arena.allocate(packFrameBytes)) as [
    number,
    number,
    number,
  ];
  const view = (ptr: number) => arena.bytes.subarray(ptr, ptr + packFrameBytes);
  const [source, target, planes] = [view(sourcePtr), view(targetPtr), view(planesPtr)];
  return {
    source,
    target,
    planes,
    encode(width, byteLength) {
      if (width === 1) subtract(source, target, planes, byteLength);
      else kernels.encodeDelta(width, sourcePtr, targetPtr, byteLength / width, planesPtr);
    },
    decode(width, byteLength) {
      if (width === 1) add(source, planes, byteLength);
      else kernels.decodeDelta(width, sourcePtr, planesPtr, byteLength / width, sourcePtr);
    },
  };
}

/** Elements of one byte: their difference modulo 256. */
function subtract(source: Uint8Array, target: Uint8Array, planes: Uint8Array, byteLength: number): void {
  for (let index = 0; index < byteLength; index++) planes[index] = target[index]! - source[index]!;
}

function add(source: Uint8Array, planes: Uint8Array, byteLength: number): void {
  for (let index = 0; index < byteLength; index++) source[index] = source[index]! + planes[index]!;
}
