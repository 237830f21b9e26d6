/** The rain example's models and weather, for whatever needs a real lineage and real drift. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Day,
  daysOf,
  featureNames,
  inputsOf,
  readWeather,
  type Stretch,
  withLabels,
} from "../../examples/rain/weather.js";
import type { DataSource } from "../../src/host/columns/column.js";
import { rowsSource } from "../../src/host/columns/rows.js";
import type { ParentLink } from "../../src/host/models/links.js";
import { type AddedModelVersion, type AddModelRequest, addModel } from "../../src/host/models.js";
import type { LineageStore } from "../../src/lineage-store/store.js";
import type { Runtime } from "../../src/scheduler/runtime.js";
import { packageRoot } from "../support.js";

export const weather = readWeather();
export const rainFeatures = featureNames;
const exampleDir = join(packageRoot, "examples", "rain");

interface Entry {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly parents: readonly ParentLink[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly trainingData: Stretch;
  readonly label: string;
  readonly task: "classification";
}

const { models } = JSON.parse(readFileSync(join(exampleDir, "lineage.json"), "utf8")) as { models: Entry[] };

export function rainPath(file: string): string {
  return join(exampleDir, "models", `${file}.onnx`);
}

export function days(location: string | readonly string[], from: string, to: string): Day[] {
  return daysOf(weather, { locations: [location].flat(), from, to });
}

/** What a gateway sees, without labels. */
export function liveOf(runtime: Runtime, rows: readonly Day[], label = "live"): DataSource {
  return rowsSource(inputsOf(rows), label, runtime.arena);
}

export function labelledOf(runtime: Runtime, rows: readonly Day[], label = "labelled"): DataSource {
  return rowsSource(withLabels(rows), label, runtime.arena);
}

/** @param ref  `name@version` of lineage.json */
export function rainRequest(runtime: Runtime, ref: string): AddModelRequest {
  const entry = models.find(({ name, version }) => `${name}@${version}` === ref);
  if (entry === undefined) throw new Error(`the rain example has no ${ref}`);
  const { file, trainingData, ...rest } = entry;
  return {
    ...rest,
    file: join(exampleDir, file),
    features: featureNames,
    trainingData: labelledOf(runtime, daysOf(weather, trainingData), `training data of ${ref}`),
  };
}

export async function addRain(
  runtime: Runtime,
  store: LineageStore,
  refs: readonly string[],
): Promise<AddedModelVersion[]> {
  const added: AddedModelVersion[] = [];
  for (const ref of refs) added.push(await addModel(runtime, store, rainRequest(runtime, ref)));
  return added;
}
