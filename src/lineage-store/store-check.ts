/**
 * A check of a whole store: every block of the database's files, every record, every index, and every byte of every object. Where all is
 * sound it says so after reading each once. Where anything is not, the files are read without LevelDB, as a repair would read them, and
 * the listing is what that repair would do: nothing of the store is changed for it (unchanged.ts).
 *
 * Memory: what damage.ts lists, up to its limits, and what record-salvage.ts and object-check.ts name.
 */
import { MendlineError } from "../errors.js";
import { DamageList, type StoreDamage } from "./damage.js";
import type { Database } from "./database.js";
import type { DeltaTransform } from "./deltas.js";
import { databaseDir, formatProblem } from "./folder.js";
import { HeadFile } from "./head-file.js";
import type { JournalSummary } from "./journal.js";
import { describeKey, indexKinds, keyOf, parseKey, partsOf, prefixOf, rangeOf } from "./keys.js";
import { databaseProblems, type FileProblem, tornEnds } from "./leveldb-files.js";
import { allModels, requireModel } from "./models.js";
import { joinedKey } from "./nodes.js";
import { ObjectCheck } from "./object-check.js";
import { ObjectFiles } from "./objects.js";
import { type Presence, presenceOf } from "./presence.js";
import { indexRemedy, lossOf } from "./record-loss.js";
import type { SalvagedRecords } from "./record-salvage.js";
import type { ModelRecord } from "./records.js";
import { resolve } from "./refs.js";
import { RepairFindings } from "./repair-findings.js";
import { LineageStore } from "./store.js";
import { rebuildDatabase } from "./store-rebuild.js";
import { whileUnchanged } from "./unchanged.js";
import { checkSignal } from "./walk.js";

export interface StoreCheckOptions {
  /** To read packed objects with. */
  readonly deltas?: DeltaTransform;
  /** The objects of this model only; records are checked all the same. */
  readonly ref?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Is told of every model whose objects were read, in created order. */
  readonly onModel?: (model: CheckedModel) => void;
}

export interface CheckedModel extends Pick<ModelRecord, "id" | "name" | "version"> {
  /** `dropped` by retention is no damage. */
  readonly parameters: Presence["state"];
  /** What is wrong with its parameters; null: every byte is as it was added. */
  readonly problem: string | null;
}

export interface StoreCheck {
  /** null where records are damaged. */
  readonly journal: JournalSummary | null;
  readonly damage: StoreDamage;
  readonly isSound: boolean;
}

/**
 * @throws MendlineError MENDLINE_STORE_UNKNOWN   there is no store, or no such model
 * @throws MendlineError MENDLINE_STORE_LOCKED    somebody has it open
 * @throws MendlineError MENDLINE_STORE_VERSION   a later mendline wrote it
 * @throws MendlineError MENDLINE_STORE_CORRUPT   so many journal entries are lost that nothing can be told of the rest
 * @throws MendlineError MENDLINE_STORE_IO, MENDLINE_TASK_ABORTED
 */
export async function checkStore(dir: string, options: StoreCheckOptions = {}): Promise<StoreCheck> {
  const format = await formatProblem(dir);
  const { problems, isTorn } = await whileUnchanged(dir, async ({ databaseDir }) => ({
    problems: await databaseProblems(databaseDir),
    isTorn: (await tornEnds(databaseDir)).length > 0,
  }));
  if (format !== null) problems.unshift(format);
  // LevelDB would do away with a torn end. Whether a crash has left it, or something acknowledged is gone with it, is asked before.
  const isLess = isTorn && problems.length === 0 && (await listDamage(dir, options, [], false)) !== null;
  if (problems.length > 0 || isLess) return (await listDamage(dir, options, problems))!;
  const checked = await soundCheck(dir, options);
  if (!(checked instanceof MendlineError)) return checked;
  return (await listDamage(dir, options, [])) ?? unsound(dir, checked);
}

/** Something that a repair puts right without losing anything by it, such as index records of nothing. */
function unsound(dir: string, { message }: MendlineError): StoreCheck {
  const damage = new DamageList();
  damage.addFiles([{ path: databaseDir(dir), problem: `is not sound: ${message}` }]);
  return { journal: null, damage: damage.all, isSound: false };
}

/** The refusal where a record is damaged. */
async function soundCheck(dir: string, options: StoreCheckOptions): Promise<StoreCheck | MendlineError> {
  const { deltas, signal } = options;
  const opened = await unlessCorrupt(() =>
    LineageStore.open(dir, { create: false, ...(deltas === undefined ? {} : { deltas }) }),
  );
  if (opened instanceof MendlineError) return opened;
  try {
    return await opened.checked(async (database, files, verify) => {
      const journal = await unlessCorrupt(() => verify(signal));
      if (journal instanceof MendlineError) return journal;
      const damage = new DamageList();
      await checkModels(database, new ObjectCheck(files, damage, signal), options);
      return { journal, damage: damage.all, isSound: damage.isEmpty };
    });
  } finally {
    await opened.close();
  }
}

async function unlessCorrupt<T>(work: () => Promise<T>): Promise<T | MendlineError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MendlineError && error.code === "MENDLINE_STORE_CORRUPT") return error;
    throw error;
  }
}

async function checkModels(
  database: Database,
  objects: ObjectCheck,
  { ref, signal, onModel }: StoreCheckOptions,
  found?: (object: string) => void,
): Promise<void> {
  const check = async (model: ModelRecord) => {
    const { id, name, version } = model;
    const problem = await objects.check(database, model, found);
    onModel?.({ id, name, version, parameters: presenceOf(database, model).state, problem });
  };
  if (ref !== undefined) await check(requireModel(database, await resolve(database, ref)));
  else for await (const model of allModels(database, signal)) await check(model);
}

/** null where nothing is damaged but, perhaps, the end of a log that a crash has torn. */
function listDamage(
  dir: string,
  options: StoreCheckOptions,
  problems: readonly FileProblem[],
  looksAtObjects = true,
): Promise<StoreCheck | null> {
  return whileUnchanged(dir, async ({ databaseDir, workDir }) => {
    const files = ObjectFiles.at(dir, options.deltas);
    const told = await HeadFile.told(dir);
    const [findings, damage] = [new RepairFindings(), new DamageList()];
    damage.addFiles(problems);
    const source = { databaseDir, workDir, files, told, atMs: 0 };
    const how = { signal: options.signal, notesAll: true, indexesObjects: false };
    await rebuildDatabase(source, findings, how, async ({ salvaged, target }) => {
      if (findings.lostEntries > 0) damage.addFiles(await tornEnds(databaseDir));
      listRecords(findings, target, damage);
      for await (const key of salvaged.unnamedDamage())
        damage.addRecord({
          ...lossOf(target, key),
          record: describeKey(key),
          problem: "does not match its hash",
          isDamaged: true,
        });
      await listIndexes(salvaged, target, damage, options.signal);
      if (!looksAtObjects) return;
      const objects = new ObjectCheck(files, damage, options.signal);
      await checkModels(target, objects, options, (object) =>
        listIndex(salvaged, keyOf("object", object), damage),
      );
      if (options.ref === undefined) await objects.checkOthers();
    });
    if (damage.isEmpty) return null;
    return { journal: null, damage: damage.all, isSound: false };
  });
}

const fromModel = "`mendline lineage repair` makes it again from its model's record";

/** What the journal vouches for: lost entries, then lost records, then those that others bring back. */
function listRecords(findings: RepairFindings, target: Database, damage: DamageList): void {
  const list = (key: Buffer, problem: string, isDamaged = true, remedy?: string) => {
    const loss = lossOf(target, key);
    damage.addRecord({
      ...loss,
      record: describeKey(key),
      problem,
      isDamaged,
      remedy: remedy ?? loss.remedy,
    });
  };
  for (const sequence of findings.lostSequences) list(keyOf("journal", sequence), "is damaged or missing");
  for (const [index, { key, isDamaged }] of findings.lostKeys.entries())
    list(key, findings.lost[index]!.problem, isDamaged);
  for (const key of findings.regained) list(key, "is damaged or missing", true, fromModel);
  const listed = findings.lostSequences.length + findings.lostKeys.length;
  const replaced = findings.lost.filter(({ record }) => record.startsWith("journal ")).length;
  damage.countRecords(findings.counts.lost + findings.lostEntries - replaced - listed);
}

/** Of the indexes of what is left, those that were not found sound. Objects have theirs listed with the models. */
async function listIndexes(
  salvaged: SalvagedRecords,
  target: Database,
  damage: DamageList,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const kind of indexKinds) {
    for await (const key of target.keys(rangeOf(prefixOf(kind)))) {
      checkSignal(signal, "the check of the store");
      if (kind === "versions" && (await isElsewhere(salvaged, key))) continue;
      listIndex(salvaged, key, damage);
    }
  }
}

/** Whether a version's place among those of its commit is not known any more: the commit's entry in the journal tells it, or its label. */
async function isElsewhere(salvaged: SalvagedRecords, key: Buffer): Promise<boolean> {
  const [name, sequence] = partsOf("versions", key);
  // A label that is made again without its commit gets a place behind all of them.
  if (sequence > salvaged.lastSequence) return true;
  return (
    !salvaged.scratch.has(keyOf("journal", sequence)) &&
    (await salvaged.hasIndexBelow(prefixOf("versions", name, sequence)))
  );
}

function listIndex(salvaged: SalvagedRecords, key: Buffer, damage: DamageList): void {
  // With the last model lost, others stand alone again in the rebuilt index.
  const joined = joinedKey(key);
  if (salvaged.hasIndex(key) || (joined !== null && salvaged.hasIndex(joined))) return;
  damage.addRecord({
    kind: parseKey(key)!.kind,
    record: describeKey(key),
    problem: "is damaged or missing",
    isDamaged: true,
    lost: null,
    remedy: indexRemedy,
  });
}
