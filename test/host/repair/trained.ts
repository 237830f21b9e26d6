/** Networks of test/fixtures/networks as a lineage of two: an ancestor of both cities and a child of Seattle alone. */
import { addModel } from "../../../src/host/models.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { fixturePath } from "../../support.js";
import { rainRequest } from "../rain.js";
import { runtime } from "./scene.js";

/** Adds `plain@1` and its child `plain@2`, with the training data of the rain example's, which theirs is. */
export async function addTrained(store: LineageStore, child: "plain-2" | "reordered-2"): Promise<void> {
  for (const [version, file, parents] of [
    ["1", "plain-1", []],
    ["2", child, [{ ref: "plain@1" }]],
  ] as const) {
    const { metrics: _, ...request } = rainRequest(runtime, `rain@${version}`);
    await addModel(runtime, store, {
      ...request,
      file: fixturePath("networks", `${file}.onnx`),
      name: "plain",
      version,
      parents,
    });
  }
}
