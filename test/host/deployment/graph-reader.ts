/**
 * A gateway's thread that loads DIR/model.onnx and the data files that it names, as a runtime does, without a pause, and notes every model
 * that it meets. Started by the test.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Readings } from "./reader.js";
import { servedId } from "./support.js";

export interface GraphReaderData {
  readonly dir: string;
  /** [0] whether to stop, [1] loads so far. */
  readonly state: SharedArrayBuffer;
}

if (parentPort !== null) {
  const { dir, state } = workerData as GraphReaderData;
  const words = new Int32Array(state);
  const readings: Readings = {};
  while (Atomics.load(words, 0) === 0) {
    const found = await servedId(dir).catch(String);
    readings[found] = (readings[found] ?? 0) + 1;
    Atomics.add(words, 1, 1);
  }
  parentPort.postMessage(readings);
}
