/**
 * Columns that hold what must not be kept: marked when a model is added, in a tag of its own, and private for every model that descends
 * from it. Counts of them are kept as of any column; values are not, unless somebody allows it.
 */
import { MendlineError } from "../../errors.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";

/** A list of names in JSON: names may hold anything. */
export const privateTag = "mendline.private";

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID  no column of the model: a slip would leave another one open */
export function privateTags(
  columns: readonly string[] | undefined,
  features: readonly string[],
): Record<string, string> {
  if (columns === undefined || columns.length === 0) return {};
  const unknown = columns.find((name) => !features.includes(name));
  if (unknown === undefined) return { [privateTag]: JSON.stringify([...new Set(columns)].sort()) };
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `"${unknown}" cannot be marked private: the model has no such feature; it has ${features.slice(0, 12).join(", ")}${features.length > 12 ? ", …" : ""}`,
  );
}

/** Of the model and of all its ancestors. */
export async function privateColumns(store: LineageStore, model: ModelRecord): Promise<ReadonlySet<string>> {
  const columns = new Set(markedIn(model));
  for await (const { id } of store.ancestors(model.id))
    for (const name of markedIn(await store.get(id))) columns.add(name);
  return columns;
}

/** A tag that is no list, which somebody wrote by hand, is one name. */
function markedIn({ tags }: ModelRecord): string[] {
  const tag = Object.hasOwn(tags, privateTag) ? tags[privateTag] : undefined;
  if (tag === undefined) return [];
  try {
    const names: unknown = JSON.parse(tag);
    if (Array.isArray(names)) return names.map(String);
  } catch {
    // As below.
  }
  return [tag];
}
