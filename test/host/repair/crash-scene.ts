/**
 * A repair that is killed a thousand times: small safetensors models that a JavaScript module judges, so that nothing of a run's time is a
 * runtime's that has to start. Every step, file and commit is that of any other repair.
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { AliasTrial } from "../../../src/host/repair/alias-trial.js";
import type { RepairContext } from "../../../src/host/repair/context.js";
import type { RepairRequest, TrialPeriod } from "../../../src/host/repair/request.js";
import type { TrialState } from "../../../src/host/repair/trial.js";
import { labelledOf } from "../rain.js";
import { judgeModule, layeredBytes } from "./layered.js";
import { request, runtime, seattle2015 } from "./scene.js";

/** Where the layers should be between the two models: one scale cannot, a scale that goes with the depth can. */
const targets = [[0.2], [0.6], [1]];
export const driftedBytes = layeredBytes([[0], [0], [0]], 0);
export const ancestorBytes = layeredBytes([[1], [1], [1]], 1);

/** The folder that a process is killed in: the store and the serving folder of `gateway`. */
export const storeOf = (dir: string) => join(dir, "store");
export const servingOf = (dir: string) => join(dir, "serving");
const judgeOf = (dir: string) => join(dir, "judge.mjs");

export function writeJudge(dir: string): void {
  cpSync(judgeModule(targets), judgeOf(dir));
}

/** The same data and question for the process that is killed and for the one that goes on. */
export function crashRequest(dir: string, trial: TrialPeriod | null = null): RepairRequest {
  return request({
    validator: judgeOf(dir),
    scales: "ramp",
    alias: "gateway",
    control: labelledOf(runtime, seattle2015.slice(0, 60), "control"),
    controlMargin: 1,
    ...(trial !== null && { trial: { period: trial, rowsMin } }),
  });
}

/** Labelled rows at a trial's first look. */
export const rowsMin = 20;

/** Candidate's loss less incumbent's: rows that tell neither until the first look, then rows that tell. */
function differenceAt(row: number, isGuard: boolean): number {
  if (row < rowsMin) return row % 2 === 0 ? 0.1 : -0.1;
  return isGuard ? 1 : -1;
}

/** Tells the open trial of `gateway` losses from where it stands, until they decide. */
export async function tellLosses(context: RepairContext): Promise<TrialState> {
  const failures: unknown[] = [];
  const hooks = {
    onDeployed: () => undefined,
    onEnded: () => undefined,
    onFailure: (thrown: unknown) => void failures.push(thrown),
  };
  const trial = await AliasTrial.begin(context, "gateway", {}, hooks);
  while (trial.state.verdict === "open")
    trial.judged(2, 2 + differenceAt(trial.state.labelled, trial.isGuard));
  await trial.settled();
  if (failures.length > 0) throw failures[0];
  return trial.state;
}
