/** Index records that are made from a model alone: by them a search begins at what it looks for. Each can be made again. */
import { createHash, hash } from "node:crypto";
import type { TensorRecord } from "./records.js";

/** What stands in a `tag` key for one tag: its name and its text may be of any length and hold any character. */
export function tagHash(name: string, text: string): string {
  return hash("sha256", JSON.stringify([name, text]), "hex");
}

/**
 * What stands in a `form` key: the same for models whose tensors have the same names and shapes, whatever their types, so that a
 * model finds those that it may have been derived from. null without tensors.
 */
export function formHash(tensors: readonly Pick<TensorRecord, "name" | "shape">[]): string | null {
  if (tensors.length === 0) return null;
  const digest = createHash("sha256");
  for (const { name, shape } of tensors.toSorted(byName)) digest.update(JSON.stringify([name, ...shape]));
  return digest.digest("hex");
}

function byName(left: { readonly name: string }, right: { readonly name: string }): number {
  if (left.name === right.name) return 0;
  return left.name < right.name ? -1 : 1;
}
