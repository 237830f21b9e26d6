/** The networks with batch norm of test/fixtures/networks, and the readings that they were trained on and have not seen. */
import { readFileSync } from "node:fs";
import type { DataSource } from "../../../src/host/columns/column.js";
import { rowsSource } from "../../../src/host/columns/rows.js";
import { type AddModelRequest, addModel } from "../../../src/host/models.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { fixturePath } from "../../support.js";
import { runtime } from "./scene.js";

export const sensors = ["a", "b", "c", "d"] as const;
type Part = "first" | "second" | "live" | "labelled";

const readings = readFileSync(fixturePath("networks", "readings.csv"), "utf8")
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => line.split(","));

export function readingsOf(...parts: Part[]): Record<string, number>[] {
  return readings
    .filter(([part]) => (parts as string[]).includes(part!))
    .map(([, a, b, c, d, fault]) => ({ a: +a!, b: +b!, c: +c!, d: +d!, fault: +fault! }));
}

export function sensorSource(...parts: Part[]): DataSource {
  return rowsSource(readingsOf(...parts), parts.join(" and "), runtime.arena);
}

export const normPath = (version: 1 | 2) => fixturePath("networks", `norm-${version}.onnx`);

/** Adds `norm@1` of both sites, and its child `norm@2` of the first one. */
export async function addNorms(store: LineageStore, over: Partial<AddModelRequest> = {}): Promise<void> {
  const common = { name: "norm", features: sensors, label: "fault", task: "classification" } as const;
  const sites = sensorSource("first", "second");
  await addModel(runtime, store, { ...common, file: normPath(1), version: "1", trainingData: sites });
  await addModel(runtime, store, {
    ...common,
    file: normPath(2),
    version: "2",
    trainingData: sensorSource("first"),
    parents: [{ ref: "norm@1" }],
    ...over,
  });
}
