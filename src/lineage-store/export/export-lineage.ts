/** The lineage in other tools' formats, streamed into a file that appears whole or not at all. */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { resolve as absolutePath } from "node:path";
import { exportBufferBytes } from "../../limits.js";
import { replaceFile, writeAll } from "../files.js";
import { checkOneOf, checkText, invalid } from "../rules.js";
import type { LineageStore } from "../store.js";
import { cycloneDxBom } from "./cyclonedx.js";
import { dotGraph } from "./dot.js";
import { huggingFaceCards } from "./huggingface.js";
import { type DrawLineage, mermaidDrawing } from "./mermaid.js";
import { openLineageEvents } from "./openlineage.js";
import { type ExportCounts, ExportScope } from "./scope.js";

export const exportFormats = ["openlineage", "cyclonedx", "huggingface", "mermaid", "dot"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportRequest {
  readonly format: ExportFormat;
  /** Any REF: this model and its ancestors; left out, the whole lineage. */
  readonly ref?: string;
  readonly out: string;
  /** OpenLineage's name for the place where the models are; "mendline" if left out. */
  readonly namespace?: string;
  readonly signal?: AbortSignal;
}

export interface ExportSummary extends Readonly<ExportCounts> {
  readonly format: ExportFormat;
  readonly out: string;
  readonly byteLength: number;
  readonly sha256: string;
}

/**
 * The same lineage gives the same bytes.
 *
 * @param draw  for Mermaid
 * @throws MendlineError MENDLINE_STORE_UNKNOWN, MENDLINE_STORE_AMBIGUOUS  no such model
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_DATA_LIMIT, MENDLINE_DATA_WRITE, MENDLINE_TASK_ABORTED
 */
export async function exportLineage(
  store: LineageStore,
  request: ExportRequest,
  draw: DrawLineage,
): Promise<ExportSummary> {
  checkRequest(request);
  const { format, ref, out, namespace = "mendline", signal } = request;
  const scope = new ExportScope(store, ref === undefined ? null : await store.resolve(ref), signal);
  const texts = {
    openlineage: () => openLineageEvents(scope, namespace),
    cyclonedx: () => cycloneDxBom(scope),
    huggingface: () => huggingFaceCards(scope),
    mermaid: () => mermaidDrawing(scope, draw),
    dot: () => dotGraph(scope),
  }[format]();
  const written = await replaceFile(
    absolutePath(out),
    (file) => writeTexts(file, texts),
    "MENDLINE_DATA_WRITE",
  );
  return { format, out, ...scope.counts, ...written };
}

function checkRequest({ format, namespace }: ExportRequest): void {
  checkOneOf("format", format, exportFormats);
  if (namespace === undefined) return;
  checkText("namespace", namespace);
  if (format !== "openlineage") throw invalid("a namespace", "is for the format openlineage only");
}

async function writeTexts(
  file: FileHandle,
  texts: AsyncIterable<string>,
): Promise<{ byteLength: number; sha256: string }> {
  const hash = createHash("sha256");
  let byteLength = 0;
  let pending = "";
  const flush = async () => {
    const bytes = Buffer.from(pending, "utf8");
    hash.update(bytes);
    await writeAll(file, bytes);
    byteLength += bytes.length;
    pending = "";
  };
  for await (const text of texts) {
    pending += text;
    if (pending.length >= exportBufferBytes) await flush();
  }
  await flush();
  return { byteLength, sha256: hash.digest("hex") };
}
