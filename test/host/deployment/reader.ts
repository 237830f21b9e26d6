/** A gateway's thread: reads the deployed file without a pause and notes every content that it meets. Started by the test. */
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { digestOf } from "./support.js";

export interface ReaderData {
  readonly path: string;
  /** [0] whether to stop, [1] reads so far. */
  readonly state: SharedArrayBuffer;
}

/** Reads by what was read: the content's hash, or the error. */
export type Readings = Record<string, number>;

if (parentPort !== null) {
  const { path, state } = workerData as ReaderData;
  const words = new Int32Array(state);
  const readings: Readings = {};
  while (Atomics.load(words, 0) === 0) {
    const found = reading(path);
    readings[found] = (readings[found] ?? 0) + 1;
    Atomics.add(words, 1, 1);
  }
  parentPort.postMessage(readings);
}

function reading(path: string): string {
  try {
    return digestOf(readFileSync(path));
  } catch (error) {
    return String(error);
  }
}
