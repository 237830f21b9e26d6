/**
 * The contract of a lineage store, as tests that take a factory: whoever keeps lineages elsewhere runs them against his own store.
 *
 *     import { test } from "node:test";
 *     import { storeContract } from "mendline/store-contract";
 *     storeContract({ test, open: async (nowMs) => ({ store, reopen, close }) });
 *
 * Errors are told by their codes. Nothing here looks at files: how a store survives crashes and damage is its own affair.
 */
import { historyContract } from "./histories.js";
import { lineageContract } from "./lineage.js";
import { modelContract } from "./models.js";
import { relationContract } from "./relations.js";
import { searchContract } from "./search.js";
import type { ContractOptions } from "./store.js";

export type { ContractOptions, ContractStore, ContractSubject, ContractTransaction } from "./store.js";

export function storeContract(options: ContractOptions): void {
  modelContract(options);
  lineageContract(options);
  relationContract(options);
  searchContract(options);
  historyContract(options);
}
