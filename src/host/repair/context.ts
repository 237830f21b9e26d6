/** What every step of a repair works with. */
import type { LineageStore } from "../../lineage-store/store.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { ScratchModels } from "../models.js";

export interface RepairContext {
  readonly runtime: Runtime;
  readonly store: LineageStore;
  readonly scratch: ScratchModels;
}
