/**
 * A model that this very process serves, and its change for another one without a call lost:
 *
 *     load     the application's own loader makes the new model from its file
 *     warm up  the application's own calls, while the old one serves; a failure keeps the old one
 *     swap     calls that begin from here on get the new model
 *     drain    calls that had begun end with the old one, at most `drainMs`; then it is disposed
 */
import { setTimeout as sleep } from "node:timers/promises";
import { MendlineError, messageOf } from "../../errors.js";
import { drainDefaultMs } from "../../limits.js";

export interface ServedModel {
  readonly id: string;
  readonly name: string;
  readonly version: string;
}

export interface ServeOptions<M> {
  /** @param path  of the model's file, for the time of the call only */
  readonly load: (path: string, version: ServedModel) => M | Promise<M>;
  /** What it throws keeps the old model. */
  readonly warmUp?: (model: M, version: ServedModel) => unknown;
  readonly dispose?: (model: M) => unknown;
  /** The longest that calls of the old model are waited for. */
  readonly drainMs?: number;
  /** The old model was let go; calls that were cut off by that. */
  readonly onDrained?: (version: ServedModel, cutOff: number) => void;
  /** Disposing failed. */
  readonly onFailure?: (thrown: unknown) => void;
}

export interface NextModel<M> {
  readonly version: ServedModel;
  /** Gives the model's file for the time of its callback. */
  readonly withFile: (use: (path: string) => Promise<M>) => Promise<M>;
}

interface Slot<M> {
  readonly model: M;
  readonly version: ServedModel;
  calls: number;
  /** Called when the last call ends, once it drains. */
  onIdle: (() => void) | null;
}

export class Serving<M> {
  readonly alias: string;
  readonly #options: ServeOptions<M>;
  #slot: Slot<M> | null = null;
  #swapping: Promise<unknown> = Promise.resolve();
  readonly #draining = new Set<Promise<void>>();
  #isClosed = false;

  constructor(alias: string, options: ServeOptions<M>) {
    this.alias = alias;
    this.#options = options;
  }

  get version(): ServedModel {
    return this.#current().version;
  }

  /** Calls of the model under way, of the present one only. */
  get calls(): number {
    return this.#slot?.calls ?? 0;
  }

  /** Runs one call on the present model, which lives until the call ends, or `drainMs` are over. */
  async use<T>(call: (model: M, version: ServedModel) => T | Promise<T>): Promise<T> {
    const slot = this.#current();
    slot.calls++;
    try {
      return await call(slot.model, slot.version);
    } finally {
      slot.calls--;
      if (slot.calls === 0) slot.onIdle?.();
    }
  }

  /**
   * One change after the other. The same version again changes nothing.
   *
   * @param next  asked when its turn has come, so that the last change is to what was wanted last
   * @returns the version, null where nothing changed
   * @throws MendlineError MENDLINE_DEPLOY_FAILED  loading or warming up failed: the old model serves on
   */
  swap(next: () => Promise<NextModel<M>>): Promise<ServedModel | null> {
    const turn = this.#swapping.then(async () => (this.#isClosed ? null : this.#swapNow(await next())));
    this.#swapping = turn.catch(() => undefined);
    return turn;
  }

  async #swapNow({ version: wanted, withFile }: NextModel<M>): Promise<ServedModel | null> {
    const version = { id: wanted.id, name: wanted.name, version: wanted.version };
    if (this.#slot?.version.id === version.id) return null;
    const { load, warmUp } = this.#options;
    let model: M;
    try {
      model = await withFile(async (path) => load(path, version));
    } catch (cause) {
      throw this.#failed("loaded", version, cause);
    }
    try {
      await warmUp?.(model, version);
    } catch (cause) {
      await this.#dispose(model);
      throw this.#failed("warmed up", version, cause);
    }
    const old = this.#slot;
    this.#slot = { model, version, calls: 0, onIdle: null };
    if (old !== null) this.#drain(old);
    return version;
  }

  /** No call begins any more; those under way are waited for. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#swapping;
    const slot = this.#slot;
    this.#slot = null;
    if (slot !== null) this.#drain(slot);
    await Promise.all(this.#draining);
  }

  #drain(slot: Slot<M>): void {
    const drained = this.#drainNow(slot);
    this.#draining.add(drained);
    void drained.finally(() => this.#draining.delete(drained));
  }

  async #drainNow(slot: Slot<M>): Promise<void> {
    if (slot.calls > 0) {
      const stop = new AbortController();
      const idle = new Promise<void>((resolve) => {
        slot.onIdle = resolve;
      });
      const late = sleep(this.#options.drainMs ?? drainDefaultMs, undefined, { signal: stop.signal });
      await Promise.race([idle, late.catch(() => undefined)]);
      stop.abort();
    }
    const cutOff = slot.calls;
    await this.#dispose(slot.model);
    this.#options.onDrained?.(slot.version, cutOff);
  }

  async #dispose(model: M): Promise<void> {
    try {
      await this.#options.dispose?.(model);
    } catch (thrown) {
      this.#options.onFailure?.(thrown);
    }
  }

  #current(): Slot<M> {
    if (this.#slot !== null) return this.#slot;
    throw new MendlineError("MENDLINE_ARGUMENT_INVALID", `the serving of alias "${this.alias}" is closed`);
  }

  #failed(done: string, { name, version }: ServedModel, cause: unknown): MendlineError {
    const kept = this.#slot === null ? "" : ", and the one before serves on";
    return new MendlineError(
      "MENDLINE_DEPLOY_FAILED",
      `${name}@${version} could not be ${done} for alias "${this.alias}"${kept}: ${messageOf(cause)}`,
      { cause },
    );
  }
}
