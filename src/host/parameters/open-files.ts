/** Models' bytes, open for as long as they are needed; those of a model in several files look like one file's. */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ByteSource } from "../bytes/byte-source.js";
import { openContained, Refusal } from "./contained-file.js";
import { modelFailures, withFile } from "./model-bytes.js";
import { joinedSource } from "./shards.js";
import { modelError, type ParameterFile } from "./tensor-index.js";

type Place = Pick<ParameterFile, "path" | "shards" | "format">;

/** @throws MendlineError MENDLINE_DATA_NOT_FOUND  missing or unreadable; MENDLINE_MODEL_MALFORMED  a shard was rewritten meanwhile */
export async function withModel<T>(file: Place, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const { path, shards } = file;
  if (shards === undefined) return withFile(path, use);
  const sources: ByteSource[] = [];
  const holdFrom = (index: number): Promise<T> => {
    if (index === shards.length) return use(joinedSource(path, shards, sources));
    const { name } = shards[index]!;
    const hold = (source: ByteSource) => {
      sources.push(source);
      return holdFrom(index + 1);
    };
    return file.format === "onnx" && index > 0
      ? withContained(path, name, hold)
      : withFile(join(dirname(path), name), hold);
  };
  return holdFrom(0);
}

/** A file that a model names: looked at anew, for the folder may be another by now. */
async function withContained<T>(
  path: string,
  name: string,
  use: (source: ByteSource) => Promise<T>,
): Promise<T> {
  const label = join(dirname(path), name);
  const { source } = await openContained(dirname(path), name, label, modelFailures).catch(
    (thrown: unknown) => {
      if (!(thrown instanceof Refusal)) throw thrown;
      throw modelError("MENDLINE_MODEL_MALFORMED", label, `the model's external data ${thrown.problem}`);
    },
  );
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

/**
 * The same for a pass over all of it, of which nothing may change on the way.
 *
 * @throws besides, MendlineError MENDLINE_MODEL_MALFORMED  a file was written to meanwhile
 */
export function withUnchangedModel<T>(file: Place, use: (source: ByteSource) => Promise<T>): Promise<T> {
  return withModel(file, async (source) => {
    const before = await stampOf(file);
    const result = await use(source);
    if ((await stampOf(file)) !== before)
      throw modelError("MENDLINE_MODEL_MALFORMED", file.path, "changed while it was read: read it again");
    return result;
  });
}

/** Sizes and times of all its files. */
async function stampOf({ path, shards }: Place): Promise<string> {
  const paths = shards?.map(({ name }) => join(dirname(path), name)) ?? [path];
  const found = await Promise.all(paths.map((each) => stat(each, { bigint: true }).catch(() => null)));
  return found.map((one) => `${one?.ino} ${one?.size} ${one?.mtimeNs}`).join();
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
