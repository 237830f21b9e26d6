/** Several model files, open for as long as a generator needs them: `withFile` holds a file for the time of a callback. */
import { type ByteSource, withFile } from "./byte-source.js";

export interface OpenFiles {
  /** In the order of the paths. */
  readonly sources: readonly ByteSource[];
  close(): Promise<void>;
}

/** @throws MendlineError MENDLINE_DATA_NOT_FOUND  one of them cannot be opened: none stays open */
export async function openFiles(paths: readonly string[]): Promise<OpenFiles> {
  const { promise: done, resolve: release } = deferred();
  const { promise: ready, resolve: opened } = deferred<OpenFiles>();
  const close = () => {
    release();
    return held;
  };
  const holdFrom = (index: number, sources: readonly ByteSource[]): Promise<void> => {
    if (index === paths.length) {
      opened({ sources, close });
      return done;
    }
    return withFile(paths[index]!, (source) => holdFrom(index + 1, [...sources, source]));
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
