/**
 * A repair that is killed a thousand times: small safetensors models that a JavaScript module judges, so that nothing of a run's time is a
 * runtime's that has to start. Every step, file and commit is that of any other repair.
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import type { RepairRequest } from "../../../src/host/repair/request.js";
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
export function crashRequest(dir: string, isTried = false): RepairRequest {
  return request({
    validator: judgeOf(dir),
    scales: "ramp",
    alias: "gateway",
    control: labelledOf(runtime, seattle2015.slice(0, 60), "control"),
    controlMargin: 1,
    ...(isTried && { trial: "shadow" as const }),
  });
}
