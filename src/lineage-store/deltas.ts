/**
 * The transform between a tensor and what its child changed in it. The store does not know how it works (assembly/delta.ts does): it is
 * passed in, as rooms in which one frame at a time is turned into planes of bytes, or back.
 */
import { packRoomsMax } from "../limits.js";

/** Bytes of one element; the transform of elements of one byte is their difference. */
export type ElementBytes = 1 | 2 | 4 | 8;

export interface DeltaRoom {
  /** `packFrameBytes` each: content of the base, content, and the planes between, lowest bytes of all elements first. */
  readonly source: Uint8Array;
  readonly target: Uint8Array;
  readonly planes: Uint8Array;
  /** planes <- what makes `target` from `source`. @param byteLength  of the content, a multiple of `width` */
  encode(width: ElementBytes, byteLength: number): void;
  /** source <- the target that the planes make from it. */
  decode(width: ElementBytes, byteLength: number): void;
}

/** Makes rooms; each lives as long as the store. */
export interface DeltaTransform {
  createRoom(): DeltaRoom;
}

/**
 * Lends rooms, first come, first served. Who has one never waits for another: only so can rooms for a few frames serve any number of
 * readers and writers.
 */
export class DeltaRooms {
  readonly #transform: DeltaTransform;
  readonly #free: DeltaRoom[] = [];
  readonly #waiting: ((room: DeltaRoom) => void)[] = [];
  #count = 0;

  constructor(transform: DeltaTransform) {
    this.#transform = transform;
  }

  async acquire(): Promise<DeltaRoom> {
    const room = this.#free.pop();
    if (room !== undefined) return room;
    if (this.#count === packRoomsMax) return new Promise((resolve) => this.#waiting.push(resolve));
    const made = this.#transform.createRoom();
    this.#count++;
    return made;
  }

  release(room: DeltaRoom): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(room);
    else next(room);
  }
}
