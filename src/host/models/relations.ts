/** How models of the store are related, asked and answered with names: any REF in, ids with labels out. */
import type { LineagePath, PathStep, RelativeOptions } from "../../lineage-store/reader.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Direction, WalkBounds } from "../../lineage-store/walk.js";

export interface NamedModel {
  readonly id: string;
  readonly name: string;
  readonly version: string;
}

export interface RelatedModel extends NamedModel {
  /** Derivations away. */
  readonly distance: number;
}

export interface ModelPath extends Omit<LineagePath, "models" | "commonAncestor"> {
  /** The first and the last included. */
  readonly models: readonly NamedModel[];
  readonly commonAncestor: NamedModel;
  readonly steps: readonly PathStep[];
}

export interface SharedModel extends NamedModel {
  /** Derivations from each of the models, in their order. */
  readonly distances: readonly number[];
}

export async function* relatedModels(
  store: LineageStore,
  direction: Direction,
  ref: string,
  options: RelativeOptions,
): AsyncGenerator<RelatedModel> {
  const id = await store.resolve(ref);
  const relatives = direction === "parent" ? store.ancestors(id, options) : store.descendants(id, options);
  for await (const { id: relative, distance } of relatives)
    yield { ...(await named(store, relative)), distance };
}

export async function modelPath(
  store: LineageStore,
  from: string,
  to: string,
  options: WalkBounds,
): Promise<ModelPath | null> {
  const path = await store.path(await store.resolve(from), await store.resolve(to), options);
  if (path === null) return null;
  const models: NamedModel[] = [];
  for (const id of path.models) models.push(await named(store, id));
  return { models, commonAncestor: await named(store, path.commonAncestor), steps: path.steps };
}

export async function sharedModels(
  store: LineageStore,
  refs: readonly string[],
  options: WalkBounds,
): Promise<SharedModel[]> {
  const ids: string[] = [];
  for (const ref of refs) ids.push(await store.resolve(ref));
  const shared: SharedModel[] = [];
  for (const { id, distances } of await store.commonAncestors(ids, options))
    shared.push({ ...(await named(store, id)), distances });
  return shared;
}

async function named(store: LineageStore, id: string): Promise<NamedModel> {
  return namedModel(await store.get(id));
}

export function namedModel({ id, name, version }: ModelRecord): NamedModel {
  return { id, name, version };
}
