/**
 * Where an alias's model goes. An alias keeps its target as text, so that a roll back and a repair reach it again:
 *
 *     /srv/rain                                             a folder: /srv/rain/model.onnx (folder-target.ts)
 *     triton+http://gpu:8000/rain?repository=/srv/models    a model server: /srv/models/rain/<n>/model.onnx (triton-target.ts)
 */
import { resolve } from "node:path";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { folderTarget } from "./folder-target.js";
import { isTritonTarget, tritonTarget } from "./triton-target.js";

/** A model that is ready, while the one before is still the alias's. */
export interface StagedModel {
  /** After the alias has moved. */
  swap(): Promise<void>;
  /** The alias did not move. */
  discard(): Promise<void>;
}

export interface DeployTarget {
  /** As the alias keeps it. */
  readonly text: string;
  /** Of the published file; null before there is one. */
  path(model: ModelRecord): Promise<string | null>;
  /** @throws MendlineError MENDLINE_DEPLOY_FAILED  it has no place for such a model, now or later */
  assertTakes(model: ModelRecord): void;
  /**
   * @param card  of the repair that made the model, to lie beside it; null: none, or the one that is there with it
   * @throws MendlineError MENDLINE_DEPLOY_FAILED  the target is then as it was
   */
  stage(store: LineageStore, model: ModelRecord, card: string | null): Promise<StagedModel>;
  /** Whether it serves this very model. */
  isServing(model: ModelRecord): Promise<boolean>;
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID */
export function deployTarget(text: string): DeployTarget {
  return isTritonTarget(text) ? tritonTarget(text) : folderTarget(resolve(text));
}
