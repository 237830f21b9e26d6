/** What the contract asks of a store: everything of the lineage store but where and how it is kept. */
import type { LineageStore } from "../store.js";
import type { Transaction } from "../transaction.js";

export type ContractTransaction = Pick<
  Transaction,
  | "find"
  | "idOfLabel"
  | "alias"
  | "addModel"
  | "addDerivation"
  | "setAlias"
  | "appendRun"
  | "appendReport"
  | "putMonitor"
>;

type Reads = Pick<
  LineageStore,
  | "get"
  | "find"
  | "parameters"
  | "resolve"
  | "idOfLabel"
  | "models"
  | "labelsOf"
  | "versionsOf"
  | "search"
  | "modelsLike"
  | "derivations"
  | "parents"
  | "children"
  | "ancestors"
  | "descendants"
  | "nearestAncestor"
  | "nearestDescendant"
  | "isAncestor"
  | "path"
  | "commonAncestors"
  | "alias"
  | "aliasHistory"
  | "aliases"
  | "run"
  | "listRuns"
  | "reports"
  | "monitor"
  | "listMonitors"
  | "putObject"
  | "hasObject"
  | "readObject"
  | "readObjectBytes"
>;

export interface ContractStore extends Reads {
  commit<T>(work: (transaction: ContractTransaction) => T): Promise<T>;
  rehearse<T>(work: (transaction: ContractTransaction) => T): Promise<T>;
}

/** One empty store for one test. */
export interface ContractSubject {
  readonly store: ContractStore;
  /** The same store as somebody sees it who opens it later; where nothing is kept, the store itself. */
  reopen(): Promise<ContractStore>;
  close(): Promise<void>;
}

export interface ContractOptions {
  /** Registers a test with whatever runs it: uvu's and node's `test` fit. */
  readonly test: (name: string, work: () => Promise<void>) => void;
  /** @param nowMs  the clock that the store must ask: once a commit */
  readonly open: (nowMs: () => number) => Promise<ContractSubject>;
}
