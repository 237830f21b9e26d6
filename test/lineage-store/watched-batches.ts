/** Every batch that goes to LevelDB, with somebody in between. */
import { Level } from "level";

export interface WatchedBatch {
  /** Operations in it. */
  readonly length: number;
  /** Of its write. */
  readonly options: unknown;
}

type Batch = { readonly length: number; write(options?: unknown): Promise<void> };

/**
 * @param write  in place of every batch's writing, which is `run`
 * @returns gives LevelDB back as it was
 */
export function watchBatches(
  write: (run: () => Promise<void>, batch: WatchedBatch) => Promise<void>,
): () => void {
  const original = Reflect.get(Level.prototype, "batch") as (...parts: unknown[]) => Batch;
  Reflect.set(Level.prototype, "batch", function batch(this: unknown, ...parts: unknown[]) {
    const made = original.apply(this, parts);
    const run = made.write.bind(made);
    made.write = (options) => write(() => run(options), { length: made.length, options });
    return made;
  });
  return () => void Reflect.set(Level.prototype, "batch", original);
}
