/** Publication: the repaired file is written, read back and checked; then node, edge, run and alias are committed, and the folder follows. */
import { open, rm } from "node:fs/promises";
import { MendlineError } from "../../errors.js";
import type { ModelRecord, ModelTask } from "../../lineage-store/records.js";
import { type Deployment, deploy } from "../deployment/deployments.js";
import { type Profile, profileSignature, profileToBytes } from "../drift/profile.js";
import { storeFile } from "../models.js";
import { blendFiles } from "../parameters/blend.js";
import { contentId } from "../parameters/identity.js";
import { openParameterFile } from "../parameters/parameter-file.js";
import type { ParameterFile } from "../parameters/tensor-index.js";

import type { RepairContext } from "./pipeline.js";
import type { ControlReport, GateReport } from "./report.js";

interface Part {
  readonly model: ModelRecord;
  readonly file: ParameterFile;
}

export interface Publication {
  readonly drifted: Part;
  readonly ancestor: Part;
  readonly scale: number;
  readonly task: ModelTask;
  readonly findings: {
    readonly gate: GateReport;
    readonly control: ControlReport | null;
    readonly barrier: number | null;
  };
  /** What the repaired model was shown to be good at: its reference from now on. */
  readonly liveProfile: () => Promise<Profile>;
  readonly alias: string | null;
  readonly dir: string | null;
  /** What the alias stood for when the run began: whoever moved it meanwhile knew something that the run does not. */
  readonly aliasBefore: string | null;
  readonly run: string;
}

export interface Published {
  readonly model: { readonly id: string; readonly name: string; readonly version: string };
  readonly deployment: Deployment | null;
}

export async function publish(context: RepairContext, publication: Publication): Promise<Published> {
  const model =
    publication.scale === 1 ? publication.ancestor.model : await addRepaired(context, publication);
  const { alias, dir, run, aliasBefore } = publication;
  if (alias === null) return { model, deployment: null };
  const deployment = await deploy(context.store, {
    alias,
    id: model.id,
    dir,
    reason: "repair",
    run,
    expectedId: aliasBefore,
  });
  return { model, deployment };
}

async function addRepaired(context: RepairContext, publication: Publication): Promise<Published["model"]> {
  const { drifted, run } = publication;
  const path = await context.scratch.path(`${run}.${drifted.file.format}`);
  try {
    await writeBlend(context, publication, path);
    const file = await openParameterFile(path);
    checkForm(drifted.file, file);
    return await addFile(context, publication, file);
  } finally {
    await rm(path, { force: true });
  }
}

async function addFile(
  context: RepairContext,
  publication: Publication,
  file: ParameterFile,
): Promise<Published["model"]> {
  const { store } = context;
  const { drifted, ancestor, scale, task, findings, run } = publication;
  const id = await contentId(file);
  const known = await store.find(id);
  if (known !== null) return known;
  const stored = await storeFile(store, file);
  const profile = await publication.liveProfile();
  const profileObject = await store.putObject(profileToBytes(profile));
  const { name } = drifted.model;
  const version = await nextVersion(context, drifted.model);
  await store.commit((tx) => {
    tx.addModel({
      id,
      name,
      version,
      format: file.format,
      ...stored,
      signature: profileSignature(profile),
      profile: profileObject.hash,
      task,
      metrics: { [findings.gate.metric]: findings.gate.repaired },
      tags: { reference: "live data of the repair" },
    });
    tx.addDerivation({
      parent: drifted.model.id,
      child: id,
      transformation: "repair",
      parameters: {
        scale,
        ancestor: ancestor.model.id,
        barrier: findings.barrier,
        run,
        gate: findings.gate,
        control: findings.control,
      },
      metrics: { [findings.gate.metric]: findings.gate.repaired },
    });
  });
  return { id, name, version };
}

async function writeBlend(
  context: RepairContext,
  { drifted, ancestor, scale }: Publication,
  path: string,
): Promise<void> {
  const handle = await open(path, "w");
  try {
    for await (const piece of blendFiles(context.runtime, drifted.file, ancestor.file, scale))
      await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Read back: the file must index to the drifted one's very tensors. */
function checkForm(drifted: ParameterFile, repaired: ParameterFile): void {
  const form = ({ tensors }: ParameterFile) =>
    JSON.stringify(tensors.map(({ name, dtype, shape, byteOffset }) => [name, dtype, shape, byteOffset]));
  if (form(drifted) === form(repaired) && drifted.byteLength === repaired.byteLength) return;
  throw new MendlineError(
    "MENDLINE_REPAIR_INCOMPATIBLE",
    `${repaired.path}: the repaired file does not read back as it was written`,
  );
}

/** `2` becomes `2-repair.1`, and `2-repair.1` becomes `2-repair.2`. */
async function nextVersion({ store }: RepairContext, model: ModelRecord): Promise<string> {
  const base = model.version.replace(/-repair\.\d+$/, "");
  for (let number = 1; ; number++) {
    const version = `${base}-repair.${number}`;
    if ((await store.idOfLabel(model.name, version)) === null) return version;
  }
}
