/**
 * Decides, before a tensor is read, how it will be kept: as it is, packed by itself, or packed against a tensor that it came from.
 * Samples of the first, the middle and the last frame tell; nothing is compressed for it.
 */
import { deltaBasesMax, deltaDepthMax, packBytesMin, packFrameBytes } from "../limits.js";
import type { DeltaRoom, DeltaRooms, ElementBytes } from "./deltas.js";
import { ObjectContent, type ObjectPlaces } from "./object-content.js";
import { guessPlane } from "./planes.js";

/** What is known of a tensor that is to be stored. */
export interface TensorOrigin {
  /** Bytes of one element. */
  readonly width: ElementBytes;
  /** Objects of the same tensor in models that this one came from, the likeliest first. */
  readonly bases: readonly string[];
}

/** null: as it is. The base is open, and the taker's to close. */
export type Packing = { readonly width: ElementBytes; readonly base: ObjectContent | null } | null;

/** Fills the target with content from there on. */
export type ReadContent = (target: Uint8Array, offset: number) => Promise<void>;

/** Packing by itself must leave at most this of the size: unpacking costs time at every restore. */
const aloneShareMax = 0.8;
/** Of the smallest form without a base a delta must save this much: what samples do not see. It is taken for any gain beyond. */
const baseShareMin = 0.02;
const sampleBytes = 32 * 1024;

export async function choosePacking(
  places: ObjectPlaces,
  byteLength: number,
  { width, bases }: TensorOrigin,
  read: ReadContent,
): Promise<Packing> {
  const { rooms } = places;
  if (rooms === null || byteLength < packBytesMin || byteLength % width !== 0) return null;
  const sampler = new Sampler(rooms, byteLength, width, read);
  const alone = await sampler.share(null);
  const isPackedAlone = alone <= aloneShareMax;
  let best: { share: number; base: ObjectContent | null } = { share: isPackedAlone ? alone : 1, base: null };
  for (const hash of bases.slice(0, deltaBasesMax)) {
    const base = await openBase(places, hash, byteLength);
    if (base === null) continue;
    const share = await sampler.share(base).catch(() => 1);
    const isBetter = share < best.share - (best.base === null ? baseShareMin : 0);
    await (isBetter ? best.base : base)?.close();
    if (isBetter) best = { share, base };
    if (share === 0) break;
  }
  return best.base === null && !isPackedAlone ? null : { width, base: best.base };
}

/** The base, or what it stands on where it stands too deep already; null for one that is no help. */
async function openBase(
  places: ObjectPlaces,
  hash: string,
  byteLength: number,
): Promise<ObjectContent | null> {
  const base = await ObjectContent.open(places, hash).catch(() => null);
  if (base === null || (base.byteLength === byteLength && base.depth < deltaDepthMax)) return base;
  await base.close();
  return base.byteLength === byteLength ? openBase(places, base.chain.at(-1)!, byteLength) : null;
}

class Sampler {
  readonly #rooms: DeltaRooms;
  readonly #width: ElementBytes;
  readonly #read: ReadContent;
  /** Frames, and where in each the sample begins. */
  readonly #samples: readonly {
    readonly frame: number;
    readonly offset: number;
    readonly byteLength: number;
  }[];

  constructor(rooms: DeltaRooms, byteLength: number, width: ElementBytes, read: ReadContent) {
    this.#rooms = rooms;
    this.#width = width;
    this.#read = read;
    const last = Math.ceil(byteLength / packFrameBytes) - 1;
    this.#samples = [...new Set([0, last >> 1, last])].map((frame) => {
      const length = Math.min(packFrameBytes, byteLength - frame * packFrameBytes);
      const taken = Math.min(sampleBytes, length);
      // In the middle; both lengths are multiples of the width.
      return { frame, offset: Math.floor((length - taken) / 2 / width) * width, byteLength: taken };
    });
  }

  /** What packing against the base, or by itself, would leave. */
  async share(base: ObjectContent | null): Promise<number> {
    const room = await this.#rooms.acquire();
    try {
      let share = 0;
      for (const sample of this.#samples) share += await this.#shareOf(sample, base, room);
      return share / this.#samples.length;
    } finally {
      this.#rooms.release(room);
    }
  }

  async #shareOf(
    { frame, offset, byteLength }: { frame: number; offset: number; byteLength: number },
    base: ObjectContent | null,
    room: DeltaRoom,
  ): Promise<number> {
    if (base !== null) {
      await base.readFrame(frame, room);
      room.source.copyWithin(0, offset, offset + byteLength);
    } else room.source.fill(0, 0, byteLength);
    await this.#read(room.target.subarray(0, byteLength), frame * packFrameBytes + offset);
    room.encode(this.#width, byteLength);
    const count = byteLength / this.#width;
    let share = 0;
    for (let plane = 0; plane < this.#width; plane++)
      share += guessPlane(room.planes.subarray(plane * count, (plane + 1) * count)).share;
    return share / this.#width;
  }
}
