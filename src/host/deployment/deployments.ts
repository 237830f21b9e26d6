/** Which model version an alias serves: append-only history in the store, a folder that follows it. */
import { MendlineError } from "../../errors.js";
import type { AliasEntry } from "../../lineage-store/refs.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Transaction } from "../../lineage-store/transaction.js";
import { deployTarget } from "./target.js";

export interface DeployRequest {
  readonly alias: string;
  readonly id: string;
  /** Folder, or another target (target.ts); null or absent: the one the alias already has, or none. */
  readonly dir?: string | null;
  readonly reason: string;
  /** The repair run behind it. */
  readonly run?: string | null;
  /** Refused with MENDLINE_STORE_CONFLICT when the alias has moved elsewhere meanwhile. */
  readonly expectedId?: string | null;
  /** Model card to lie beside the published file, as long as this model is served there. */
  readonly card?: string;
  /** Writes that are committed with the alias, or alone where it need not move; `path` is that of the published file. */
  readonly alongside?: (transaction: Transaction, path: string | null) => void;
}

export interface Deployment {
  readonly alias: string;
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly previous: string | null;
  /** The published file; null for an alias without a folder. */
  readonly path: string | null;
  readonly atMs: number;
}

/**
 * Stages, moves the alias, swaps. Idempotent: deploying what is deployed changes nothing but mends the folder.
 *
 * @throws MendlineError MENDLINE_DEPLOY_FAILED  the folder cannot be written; the alias has not moved unless the very last step failed,
 * which `reconcile` makes up for
 * @throws MendlineError MENDLINE_STORE_UNKNOWN, MENDLINE_STORE_CONFLICT, MENDLINE_STORE_CORRUPT
 */
export function deploy(store: LineageStore, request: DeployRequest): Promise<Deployment> {
  return inTurn(store, () => deployNow(store, request));
}

async function deployNow(store: LineageStore, request: DeployRequest): Promise<Deployment> {
  const model = await store.get(request.id);
  const before = await store.alias(request.alias);
  const wanted = request.dir ?? before?.target ?? null;
  const target = wanted === null ? null : deployTarget(wanted);
  if (before?.id === model.id && before.target === (target?.text ?? null)) {
    await reconcileNow(store, before);
    const served = (await target?.path(model)) ?? null;
    if (request.alongside !== undefined) await store.commit((tx) => request.alongside?.(tx, served));
    return toDeployment(store, before);
  }
  const staged = (await target?.stage(store, model, request.card ?? null)) ?? null;
  const path = (await target?.path(model)) ?? null;
  try {
    await store.commit((tx) => {
      const { alias, reason, run = null } = request;
      const expected = request.expectedId === undefined ? {} : { expectedId: request.expectedId };
      tx.setAlias({ alias, id: model.id, reason, run, target: target?.text ?? null, ...expected });
      request.alongside?.(tx, path);
    });
  } catch (thrown) {
    await staged?.discard();
    throw thrown;
  }
  await staged?.swap();
  return toDeployment(store, (await store.alias(request.alias))!);
}

/** One deployment after the other: two at once would take each other's staged files, or leave the folder to the earlier one. */
const turns = new WeakMap<LineageStore, Promise<unknown>>();

function inTurn<T>(store: LineageStore, work: () => Promise<T>): Promise<T> {
  const before = turns.get(store) ?? Promise.resolve();
  const turn = before.catch(() => undefined).then(work);
  turns.set(store, turn);
  return turn;
}

/** Back to what the alias served before its present model, exactly. */
export async function rollback(store: LineageStore, alias: string): Promise<Deployment> {
  const current = await requireAlias(store, alias);
  for await (const entry of store.aliasHistory(alias)) {
    if (entry.id === current.id) continue;
    return deploy(store, {
      alias,
      id: entry.id,
      dir: current.target,
      reason: "rollback",
      expectedId: current.id,
    });
  }
  throw new MendlineError(
    "MENDLINE_STORE_UNKNOWN",
    `alias "${alias}" has served one model only: there is nothing to roll back to`,
  );
}

/** Finishes a swap that a crash interrupted: the folder follows the alias. Returns whether there was something to do. */
export function reconcile(store: LineageStore, alias: string): Promise<boolean> {
  return inTurn(store, async () => {
    const entry = await store.alias(alias);
    return entry !== null && reconcileNow(store, entry);
  });
}

async function reconcileNow(store: LineageStore, { id, target }: AliasEntry): Promise<boolean> {
  if (target === null) return false;
  const model = await store.get(id);
  const { isServing, stage } = deployTarget(target);
  if (await isServing(model)) return false;
  await (await stage(store, model, null)).swap();
  return true;
}

export async function toDeployment(store: LineageStore, entry: AliasEntry): Promise<Deployment> {
  const model = await store.get(entry.id);
  return {
    alias: entry.alias,
    id: entry.id,
    name: model.name,
    version: model.version,
    previous: entry.previous,
    path: entry.target === null ? null : await deployTarget(entry.target).path(model),
    atMs: entry.atMs,
  };
}

async function requireAlias(store: LineageStore, alias: string): Promise<AliasEntry> {
  const entry = await store.alias(alias);
  if (entry !== null) return entry;
  throw new MendlineError(
    "MENDLINE_STORE_UNKNOWN",
    `there is no alias "${alias}": \`mendline deploy REF --alias ${alias} --deploy DIR\` makes one`,
  );
}
