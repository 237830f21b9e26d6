/**
 * The arena: the only allocator over the WASM memory that the gateway's thread and all workers share.
 *
 *     | kernels' data | free | region | region |   free   | ...            grown on demand up to the maximum
 *     0             64 KiB                                 capacity
 *
 * First fit over a list of free spans, neighbours joined on release. Regions start at multiples of 64 bytes: a cache line, and more
 * than any lane needs. Only the opening thread allocates; workers get pointers.
 */
import { MendlineError } from "../../errors.js";
import { arenaBytesDefault, arenaBytesMax, arenaBytesMin, kernelReservedBytes } from "../../limits.js";

const pageBytes = 65_536;
const regionAlignment = 64;

interface Span {
  ptr: number;
  byteLength: number;
}

export interface ArenaUse {
  readonly usedBytes: number;
  readonly peakBytes: number;
  readonly capacityBytes: number;
  readonly maxBytes: number;
}

export class Arena {
  readonly memory: WebAssembly.Memory;
  readonly maxBytes: number;
  #free: Span[] = [];
  #regions = new Map<number, number>();
  #usedBytes = 0;
  #peakBytes = 0;
  #bytes = new Uint8Array(0);

  /**
   * @param maxBytes  bound of the whole shared memory, 8 MiB to 4 GiB - 64 KiB, rounded down to 64 KiB
   * @throws MendlineError MENDLINE_ARGUMENT_INVALID  out of that range
   */
  constructor(maxBytes: number = arenaBytesDefault) {
    if (!(maxBytes >= arenaBytesMin && maxBytes <= arenaBytesMax)) {
      throw new MendlineError(
        "MENDLINE_ARGUMENT_INVALID",
        `memory of ${maxBytes} bytes is out of range: choose ${arenaBytesMin} to ${arenaBytesMax}`,
      );
    }
    const maximum = Math.floor(maxBytes / pageBytes);
    this.maxBytes = maximum * pageBytes;
    this.memory = new WebAssembly.Memory({ initial: kernelReservedBytes / pageBytes, maximum, shared: true });
  }

  /** The whole memory. Growth replaces the buffer's object: take it anew after every allocation. */
  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.memory.buffer) this.#bytes = new Uint8Array(this.memory.buffer);
    return this.#bytes;
  }

  get use(): ArenaUse {
    return {
      usedBytes: this.#usedBytes,
      peakBytes: this.#peakBytes,
      capacityBytes: this.memory.buffer.byteLength,
      maxBytes: this.maxBytes,
    };
  }

  /** The largest region that could be had now. */
  get availableBytes(): number {
    const last = this.#free.at(-1);
    const capacity = this.memory.buffer.byteLength;
    const tail = last !== undefined && last.ptr + last.byteLength === capacity ? last.byteLength : 0;
    const growable = this.maxBytes - capacity + tail;
    return this.#free.reduce((most, span) => Math.max(most, span.byteLength), growable);
  }

  /**
   * @returns the pointer of a region of at least `byteLength` bytes, aligned to 64, whose content is arbitrary; owned by the caller
   * @throws MendlineError MENDLINE_MEMORY_EXHAUSTED  no room below the maximum
   */
  allocate(byteLength: number): number {
    const size = Math.max(1, Math.ceil(byteLength / regionAlignment)) * regionAlignment;
    let index = this.#free.findIndex((span) => span.byteLength >= size);
    if (index < 0) {
      this.#grow(size);
      index = this.#free.length - 1;
    }
    const span = this.#free[index]!;
    const ptr = span.ptr;
    span.ptr += size;
    span.byteLength -= size;
    if (span.byteLength === 0) this.#free.splice(index, 1);
    this.#regions.set(ptr, size);
    this.#usedBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    return ptr;
  }

  release(ptr: number): void {
    const byteLength = this.#regions.get(ptr);
    if (byteLength === undefined) throw new RangeError(`no region begins at ${ptr}`);
    this.#regions.delete(ptr);
    this.#usedBytes -= byteLength;
    this.#addFree({ ptr, byteLength });
  }

  /** A set of regions that are released together. */
  scope(): Scope {
    return new Scope(this);
  }

  #grow(byteLength: number): void {
    const capacity = this.memory.buffer.byteLength;
    const last = this.#free.at(-1);
    const tail = last !== undefined && last.ptr + last.byteLength === capacity ? last.byteLength : 0;
    const pages = Math.ceil((byteLength - tail) / pageBytes);
    if (capacity + pages * pageBytes > this.maxBytes) {
      throw new MendlineError(
        "MENDLINE_MEMORY_EXHAUSTED",
        `the engine's memory has no room for ${byteLength} bytes (${this.#usedBytes} of ${this.maxBytes} in use): raise memoryBytes (--memory) or take fewer columns at a time`,
        { details: { byteLength, ...this.use } },
      );
    }
    // Doubling keeps the number of buffer objects logarithmic in the size.
    const wanted = Math.max(pages, Math.min(capacity, this.maxBytes - capacity) / pageBytes);
    this.memory.grow(wanted);
    this.#addFree({ ptr: capacity, byteLength: wanted * pageBytes });
  }

  #addFree(span: Span): void {
    let index = this.#free.findIndex((other) => other.ptr > span.ptr);
    if (index < 0) index = this.#free.length;
    this.#free.splice(index, 0, span);
    this.#joinAt(index);
    if (index > 0) this.#joinAt(index - 1);
  }

  #joinAt(index: number): void {
    const span = this.#free[index]!;
    const next = this.#free[index + 1];
    if (next !== undefined && span.ptr + span.byteLength === next.ptr) {
      span.byteLength += next.byteLength;
      this.#free.splice(index + 1, 1);
    }
  }
}

export class Scope {
  readonly #arena: Arena;
  #ptrs: number[] = [];

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  allocate(byteLength: number): number {
    const ptr = this.#arena.allocate(byteLength);
    this.#ptrs.push(ptr);
    return ptr;
  }

  /** Releases one region of the scope early. */
  release(ptr: number): void {
    const index = this.#ptrs.indexOf(ptr);
    if (index < 0) throw new RangeError(`region ${ptr} is not of this scope`);
    this.#ptrs.splice(index, 1);
    this.#arena.release(ptr);
  }

  /** Releases every region; may be called again. */
  close(): void {
    for (const ptr of this.#ptrs) this.#arena.release(ptr);
    this.#ptrs = [];
  }
}
