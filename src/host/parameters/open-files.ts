/** Models' bytes, open for as long as they are needed; those of a model in shards look like one file's. */
import { dirname, join } from "node:path";
import type { ByteSource } from "../bytes/byte-source.js";
import { withFile } from "./model-bytes.js";
import { joinedSource } from "./shards.js";
import type { ParameterFile } from "./tensor-index.js";

type Place = Pick<ParameterFile, "path" | "shards">;

/** @throws MendlineError MENDLINE_DATA_NOT_FOUND  missing or unreadable; MENDLINE_MODEL_MALFORMED  a shard was rewritten meanwhile */
export async function withModel<T>(file: Place, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const { path, shards } = file;
  if (shards === undefined) return withFile(path, use);
  const sources: ByteSource[] = [];
  const holdFrom = (index: number): Promise<T> => {
    if (index === shards.length) return use(joinedSource(path, shards, sources));
    return withFile(join(dirname(path), shards[index]!.name), (source) => {
      sources.push(source);
      return holdFrom(index + 1);
    });
  };
  return holdFrom(0);
}

export interface OpenFiles {
  /** In the order of the models. */
  readonly sources: readonly ByteSource[];
  close(): Promise<void>;
}

/**
 * Several at once, for a generator: `withModel` holds one for the time of a callback.
 *
 * @throws as `withModel`; none stays open then
 */
export async function openFiles(files: readonly Place[]): Promise<OpenFiles> {
  const { promise: done, resolve: release } = deferred();
  const { promise: ready, resolve: opened } = deferred<OpenFiles>();
  const close = () => {
    release();
    return held;
  };
  const holdFrom = (index: number, sources: readonly ByteSource[]): Promise<void> => {
    if (index === files.length) {
      opened({ sources, close });
      return done;
    }
    return withModel(files[index]!, (source) => holdFrom(index + 1, [...sources, source]));
  };
  const held: Promise<void> = holdFrom(0, []);
  return Promise.race([ready, held.then(() => ready)]);
}

function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
