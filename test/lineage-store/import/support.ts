/** Documents to import, written to scratch files. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExternalRecord } from "../../../src/lineage-store/declared.js";
import {
  type ImportRequest,
  type ImportSummary,
  importLineage,
} from "../../../src/lineage-store/import/import-lineage.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { scratchDir } from "../../support.js";
import { collect } from "../support.js";

const dir = scratchDir();
let fileCount = 0;

export function written(content: string | Uint8Array): string {
  const path = join(dir, `${fileCount++}.txt`);
  writeFileSync(path, content);
  return path;
}

export function card(yaml: string, body = "# A model\n"): string {
  return written(`---\n${yaml.trim()}\n---\n${body}`);
}

export function importCard(
  store: LineageStore,
  yaml: string,
  more: Partial<ImportRequest> = {},
): Promise<ImportSummary> {
  return importLineage(store, { format: "huggingface", files: [card(yaml)], ...more });
}

export function importJson(store: LineageStore, ...documents: unknown[]): Promise<ImportSummary> {
  const files = documents.map((document) => written(JSON.stringify(document)));
  return importLineage(store, { format: "mlflow", files });
}

/** Child <- parent by names, with the kind. */
export async function edgesOf(store: LineageStore): Promise<string[]> {
  const edges: string[] = [];
  for (const external of await collect(store.externals())) {
    for (const { parent, transformation } of await store.declarations(external.id))
      edges.push(`${label(external)} <- ${label((await store.external(parent))!)} ${transformation}`);
  }
  return edges.sort();
}

export function label({ name, version }: Pick<ExternalRecord, "name" | "version">): string {
  return version === null ? name : `${name}@${version}`;
}
