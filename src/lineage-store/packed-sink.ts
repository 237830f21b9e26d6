/** The bytes of one object on their way into the store, packed frame by frame, several at once. */
import { createHash, type Hash } from "node:crypto";
import { packFrameBytes } from "../limits.js";
import type { DeltaRoom, DeltaRooms, ElementBytes } from "./deltas.js";
import type { ObjectContent } from "./object-content.js";
import type { ObjectSink, StoredObject } from "./object-sink.js";
import { frameBytes, frameKinds, type PackedFrame, tailBytes } from "./packed-format.js";
import { planeMethods, type StoredPlane, storePlane } from "./planes.js";
import { StagedFile } from "./staged-file.js";

/** The base is not what its name says, or cannot be read: what was packed against it is worth nothing. */
export class BaseFailure extends Error {}

const zeroPlane: StoredPlane = { method: planeMethods.zero, bytes: new Uint8Array(0) };
/** A packed frame that saves less is kept as it is, which is read faster. */
const worthwhileShare = 0.98;

interface OpenFrame {
  readonly room: DeltaRoom;
  /** Resolves when the base's frame is in `room.source`. */
  readonly source: Promise<void>;
  filled: number;
}

export class PackedSink implements ObjectSink {
  readonly isPacked = true;
  readonly #rooms: DeltaRooms;
  readonly #width: ElementBytes;
  readonly #base: ObjectContent | null;
  readonly #staged: StagedFile;
  readonly #hash = createHash("sha256");
  /** Of the base's content; while the two are the same, that is the content's own. */
  #baseHash: Hash | null = null;
  readonly #frameLengths: number[] = [];
  #frame: OpenFrame | null = null;
  #frameCount = 0;
  #hashed: Promise<unknown> = Promise.resolve();
  #written: Promise<void> = Promise.resolve();
  #byteLength = 0;
  #hasDelta = false;
  #isKnown = false;

  /** @param base  open, of an object of the same length; closed with the sink. null: packed by itself */
  constructor(rooms: DeltaRooms, width: ElementBytes, base: ObjectContent | null, stagingPath: string) {
    this.#rooms = rooms;
    this.#width = width;
    this.#base = base;
    this.#staged = new StagedFile(stagingPath);
  }

  get isKnown(): boolean {
    return this.#isKnown;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length; ) {
      const frame = (this.#frame ??= await this.#begin());
      const part = chunk.subarray(offset, offset + packFrameBytes - frame.filled);
      frame.room.target.set(part, frame.filled);
      frame.filled += part.length;
      offset += part.length;
      if (frame.filled === packFrameBytes) this.#finishFrame(frame);
    }
  }

  async #begin(): Promise<OpenFrame> {
    const room = await this.#rooms.acquire();
    const source = this.#loadSource(this.#frameCount++, room);
    // Awaited when the frame is packed; the write may fail before.
    source.catch(() => undefined);
    return { room, source, filled: 0 };
  }

  async #loadSource(index: number, room: DeltaRoom): Promise<void> {
    if (this.#base === null) return;
    try {
      await this.#base.readFrame(index, room);
    } catch (cause) {
      throw new BaseFailure(`the base ${this.#base.hash} cannot be read`, { cause });
    }
  }

  /** Frames are compared, hashed and written in order; they are packed side by side. */
  #finishFrame(frame: OpenFrame): void {
    this.#frame = null;
    this.#byteLength += frame.filled;
    const isSame = this.#hashed.then(async () => {
      await frame.source;
      return this.#hashFrame(frame);
    });
    const packed = isSame.then((same) => this.#pack(frame, same));
    const written = this.#written.then(async () => this.#append(await packed));
    this.#hashed = isSame;
    this.#written = written.finally(async () => {
      await packed.catch(() => undefined);
      this.#rooms.release(frame.room);
    });
    // Awaited by `end`, or nobody needs them any more.
    for (const promise of [isSame, packed, this.#written]) promise.catch(() => undefined);
  }

  /** @returns whether the base has the same frame */
  #hashFrame({ room, filled }: OpenFrame): boolean {
    const target = room.target.subarray(0, filled);
    if (this.#base === null) {
      this.#hash.update(target);
      return false;
    }
    const source = room.source.subarray(0, filled);
    const isSame = Buffer.compare(source, target) === 0;
    if (!isSame) this.#baseHash ??= this.#hash.copy();
    this.#hash.update(target);
    this.#baseHash?.update(source);
    return isSame;
  }

  async #pack({ room, filled }: OpenFrame, isSame: boolean): Promise<PackedFrame> {
    const width = this.#width;
    const content: PackedFrame = {
      kind: frameKinds.content,
      width: 1,
      byteLength: filled,
      planes: [{ method: planeMethods.raw, bytes: room.target.subarray(0, filled) }],
    };
    if (filled % width !== 0) return content;
    const kind = this.#base === null ? frameKinds.full : frameKinds.delta;
    if (isSame) return { kind, width, byteLength: filled, planes: Array<StoredPlane>(width).fill(zeroPlane) };
    if (kind === frameKinds.full) room.source.fill(0, 0, filled);
    room.encode(width, filled);
    const count = filled / width;
    const planes = await Promise.all(
      Array.from({ length: width }, (_, plane) =>
        storePlane(room.planes.subarray(plane * count, (plane + 1) * count)),
      ),
    );
    const byteLength = planes.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return byteLength > filled * worthwhileShare ? content : { kind, width, byteLength: filled, planes };
  }

  async #append(frame: PackedFrame): Promise<void> {
    const bytes = frameBytes(frame);
    this.#frameLengths.push(bytes.length);
    this.#hasDelta ||= frame.kind === frameKinds.delta;
    await this.#staged.append(bytes);
  }

  /** @throws BaseFailure */
  async end(): Promise<StoredObject> {
    if (this.#frame !== null) this.#finishFrame(this.#frame);
    await this.#written;
    const object = { hash: this.#hash.copy().digest("hex"), byteLength: this.#byteLength };
    const base = this.#hasDelta ? this.#base : null;
    if (base !== null) {
      const found = this.#baseHash === null ? object.hash : this.#baseHash.digest("hex");
      if (found !== base.hash) throw new BaseFailure(`the base ${base.hash} does not match its hash`);
      this.#isKnown = object.hash === base.hash;
    }
    const depth = base === null ? 0 : base.depth + 1;
    await this.#staged.append(
      tailBytes(this.#frameLengths, { byteLength: this.#byteLength, depth, base: base?.hash ?? null }),
    );
    return object;
  }

  async moveTo(path: string): Promise<void> {
    await this.#base?.close();
    await this.#staged.moveTo(path);
  }

  async discard(): Promise<void> {
    if (this.#frame !== null) await this.#abandon(this.#frame);
    this.#frame = null;
    await this.#written.catch(() => undefined);
    await this.#base?.close();
    await this.#staged.discard();
  }

  async #abandon({ room, source }: OpenFrame): Promise<void> {
    await source.catch(() => undefined);
    this.#rooms.release(room);
  }
}
