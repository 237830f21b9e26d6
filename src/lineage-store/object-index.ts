/** The index of objects, made anew while the store is repaired, from what the models refer to and what lies in the folder. */
import { MendlineError } from "../errors.js";
import { keyOf } from "./keys.js";
import { MarkSet } from "./mark-set.js";
import { allModels } from "./models.js";
import type { ObjectFiles } from "./objects.js";
import { hasPages, objectsOf, presenceOf } from "./presence.js";
import type { RecordRebuild } from "./record-rebuild.js";
import type { ModelRecord } from "./records.js";
import type { RepairFindings } from "./repair-findings.js";
import { nextPlace } from "./walk.js";

export interface ObjectIndexOptions {
  /** Whether every byte of every object is read; else a look at its file has to do. */
  readonly checkObjects: boolean;
  readonly atMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A model of which an object is missing has lost its parameters, and is marked so: adding its file again brings them back. */
export async function rebuildObjectIndex(
  rebuild: RecordRebuild,
  files: ObjectFiles,
  findings: RepairFindings,
  { checkObjects, atMs, signal }: ObjectIndexOptions,
): Promise<void> {
  const { target } = rebuild;
  const missing = new MarkSet();
  for await (const model of allModels(target, signal)) {
    const { state } = presenceOf(target, model);
    const isKept = state === "kept";
    const wanted = isKept && !hasPages(target, model) ? [] : objectsOf(target, model, isKept);
    let lost = 0;
    for (const { object } of wanted) {
      if (missing.has(object)) lost++;
      if (missing.has(object) || rebuild.knowsObject(object)) continue;
      const byteLength = await soundLength(files, object, checkObjects);
      if (byteLength === null) {
        // Of parameters that were lost before, what else lies in the file may be lost as well.
        if (state === "lost") continue;
        missing.add(object);
        lost++;
        findings.loseObject(object);
      } else {
        findings.objects.found++;
        await rebuild.addObject(object, byteLength);
      }
    }
    if (isKept && (lost > 0 || !hasPages(target, model)))
      await markLost(rebuild, findings, model, lost, atMs);
  }
  await rebuild.flush();
}

async function markLost(
  rebuild: RecordRebuild,
  findings: RepairFindings,
  model: ModelRecord,
  /** Of its objects; 0 where the list of its tensors is. */
  lost: number,
  atMs: number,
): Promise<void> {
  const sequence = nextPlace(rebuild.target, (index) => keyOf("presence", model.id, index));
  await rebuild.loseParameters(model, sequence, atMs);
  const { id, name, version } = model;
  if (lost === 0) return;
  const problem = `${lost === 1 ? "an object is" : `${lost} objects are`} damaged or missing`;
  findings.loseParameters({ id, name, version, problem });
}

async function soundLength(files: ObjectFiles, object: string, isChecked: boolean): Promise<number | null> {
  try {
    const byteLength = await files.byteLength(object);
    if (byteLength === null || !isChecked) return byteLength;
    return (await files.isIntact(object, byteLength)) ? byteLength : null;
  } catch (error) {
    if (error instanceof MendlineError && error.code === "MENDLINE_STORE_CORRUPT") return null;
    throw error;
  }
}
