/** A small store in which there is one of everything, and all that can be read from one. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NewModel } from "../../src/lineage-store/records.js";
import { signModel } from "../../src/lineage-store/signing/sign.js";
import { LineageStore, type StoreOptions } from "../../src/lineage-store/store.js";
import { ed25519 } from "./signing/support.js";
import { addAll, collect, emptyModel, freshDir, idOf, plainDeltas, tickingClock } from "./support.js";

const scratch = freshDir();
mkdirSync(scratch);
let fileCount = 0;

/** xorshift32, Marsaglia 2003: numbers that any run can make again. @returns from 0 to bound - 1 */
export function seededNumbers(seed: number): (bound: number) => number {
  let state = seed * 0x9e3779b1 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

export function seededBytes(seed: number, byteLength: number): Buffer {
  const random = seededNumbers(seed);
  return Buffer.from(Array.from({ length: byteLength }, () => random(256)));
}

/** Options of a store whose tensors are packed. */
export function packing(): StoreOptions {
  return { deltas: plainDeltas(), nowMs: tickingClock() };
}

export interface AddedTensor {
  readonly id: string;
  /** The tensor's object. */
  readonly object: string;
  /** The file as it was added. */
  readonly file: Buffer;
}

/** A model of one tensor behind a head of its own. What it came from serves as base. */
export async function addTensorModel(
  store: LineageStore,
  label: string,
  tensor: Buffer,
  parents: readonly AddedTensor[] = [],
  more: Partial<NewModel> = {},
): Promise<AddedTensor> {
  const [name, version] = label.split("@") as [string, string];
  const path = join(scratch, `m${fileCount++}`);
  const file = Buffer.concat([Buffer.from(`head of ${label}`), tensor]);
  writeFileSync(path, file);
  try {
    const byteOffset = file.length - tensor.length;
    const origin = { width: 4 as const, bases: parents.map(({ object }) => object) };
    const { layout, byteLength, fileHash } = await store.addFile(path, [
      { kind: "literal", tensor: null, byteOffset: 0, byteLength: byteOffset },
      { kind: "tensor", tensor: "t", byteOffset, byteLength: tensor.length, origin },
    ]);
    const { object } = layout[1]!;
    const tensors = [{ name: "t", dtype: "U8", shape: [tensor.length], object, byteLength: tensor.length }];
    const id = createHash("sha256").update("id").update(tensor).digest("hex");
    await store.commit((tx) => {
      tx.addModel(emptyModel(name, version, { id, layout, byteLength, fileHash, tensors, ...more }));
      for (const parent of parents)
        tx.addDerivation({ parent: parent.id, child: id, transformation: "fine-tuning" });
    });
    return { id, object, file };
  } finally {
    rmSync(path);
  }
}

/** A few bytes of a tensor are others: worth a delta. */
export function fineTuned(tensor: Buffer, seed: number): Buffer {
  const random = seededNumbers(seed);
  const other = Buffer.from(tensor);
  for (let change = 0; change < 20; change++) other[random(other.length)]! ^= 1 + random(255);
  return other;
}

/** Enough that sixteen models stand in one record, and two alone. */
export const rowVersions = Array.from({ length: 10 }, (_, index) => String(index + 1));

/** Written in several sittings, so that there are tables beside the log. */
export async function writeRichStore(dir: string): Promise<void> {
  const options = packing();
  const sitting = async <T>(work: (store: LineageStore) => Promise<T>): Promise<T> => {
    const store = await LineageStore.open(dir, options);
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };
  let tensor = seededBytes(1, 8_000);
  const versions = [await sitting((store) => addTensorModel(store, "m@1", tensor))];
  for (let version = 2; version <= 4; version++) {
    tensor = fineTuned(tensor, version);
    const more = { tags: { site: `s${version % 2}` }, metrics: { auc: version / 10 } };
    versions.push(
      await sitting((store) =>
        addTensorModel(store, `m@${version}`, tensor, versions.slice(-1), { ...more }),
      ),
    );
  }
  await sitting(async (store) => {
    // Zeros at the end are worth packing by itself.
    const sparse = Buffer.concat([seededBytes(9, 2_000), Buffer.alloc(10_000)]);
    const other = await addTensorModel(store, "other@1", sparse);
    await addTensorModel(store, "child@1", fineTuned(sparse, 11), [other, versions[0]!]);
    const { hash } = await store.putObject(Buffer.from("a profile"));
    await store.commit((tx) => {
      // Two names in one commit, not in the order of the alphabet.
      tx.addModel(emptyModel("plain", "1", { profile: hash }));
      tx.addModel(emptyModel("extra"));
    });
    const rows = rowVersions.map((version) => emptyModel("row", version));
    await addAll(store, ...rows);
    const parent = rows[0]!.id;
    await store.commit((tx) => {
      for (const { id: child } of [rows[1]!, rows.at(-1)!])
        tx.addDerivation({ parent, child, transformation: "pruning" });
    });
  });
  await sitting((store) => addDocuments(store, versions));
}

async function addDocuments(store: LineageStore, versions: readonly AddedTensor[]): Promise<void> {
  const [first, , third] = versions.map(({ id }) => id) as [string, string, string];
  for (const id of [first, third])
    await store.commit((tx) => {
      const run = `run of ${id.slice(0, 8)}`;
      tx.setAlias({ alias: "prod", id, reason: "better" });
      tx.appendRun(run, "started", { from: id });
      tx.appendRun(run, "gated", { scale: 1.1 });
      tx.appendRequest(`labels of ${id.slice(0, 8)}`, "requested", { of: id }, 0);
      tx.appendRequest(`labels of ${id.slice(0, 8)}`, "labelled", { label: 1 }, 1);
      tx.appendReport("prod", { verdict: "drift" });
      tx.putMonitor("prod", { rows: 10 });
      tx.appendTrial("prod", { rival: id, rows: 10 });
    });
  await store.commit((tx) => {
    for (const sequence of [0, 1])
      tx.addDelivery({ webhook: "ops", alias: "prod", sequence, attempts: 1, problem: null });
    tx.setGone(idOf("plain@1"), "dropped");
  });
  await store.commit((tx) => {
    const named = { source: "huggingface", name: "org/a", version: null } as const;
    tx.addExternal({ ...named, document: idOf("card"), hash: first });
    const parent = { ...named, name: "org/b" };
    tx.addDeclaration({ child: named, parent, transformation: "fine-tuning", document: idOf("card") });
  });
  await signModel(store, third, { key: ed25519().privateKey });
}

/** Everything that the store says, in its order; files of models by their hash. */
export async function allOf(store: LineageStore): Promise<unknown[]> {
  const all: unknown[] = [await store.verifyJournal()];
  const models = await collect(store.models());
  all.push(models, await collect(store.derivations()), await collect(store.aliases()));
  for (const { id } of models) all.push(await allOfModel(store, id));
  for (const name of ["m", "other", "child", "plain", "extra", "row", "old", "large"])
    all.push(await collect(store.versionsOf(name)));
  for (const site of ["s0", "s1"]) all.push(await collect(store.search({ tags: { site } })));
  all.push(await collect(store.aliasHistory("prod")));
  const runs = await collect(store.listRuns());
  all.push(runs);
  for (const { runId } of runs) all.push(await store.run(runId));
  const requests = await collect(store.listLabelRequests());
  all.push(requests);
  for (const id of requests) all.push(await store.labelRequest(id));
  all.push(await collect(store.reports("prod")), await collect(store.listMonitors()));
  all.push(await store.lastTrial("prod"), await store.lastDelivery("ops", "prod"));
  const externals = await collect(store.externals());
  all.push(externals);
  for (const external of externals)
    all.push(await store.resolutionOf(external), await store.declarations(external.id));
  return all;
}

/** null for parameters that were dropped. */
async function restoredHash(store: LineageStore, id: string): Promise<string | null> {
  if ((await store.presence(id)).state === "dropped") return null;
  const out = join(scratch, "restored");
  await store.restoreFile(id, out);
  return createHash("sha256").update(readFileSync(out)).digest("hex");
}

async function allOfModel(store: LineageStore, id: string): Promise<unknown[]> {
  const model = await store.get(id);
  const relatives = [store.children(id), store.ancestors(id), store.descendants(id)];
  return [
    await restoredHash(store, id),
    model.profile === null ? null : Buffer.from(await store.readObjectBytes(model.profile, 100)).toString(),
    await store.parameters(id),
    await store.presence(id),
    await store.labelsOf(id),
    await store.resolve(`${model.name}@${model.version}`),
    await store.parents(id),
    await Promise.all(relatives.map((list) => collect<unknown>(list))),
    await store.externalsOf(id),
    await store.signatures(id),
  ];
}
