/** Killed at each step fifty times, a little later each time, so that the kill falls into the work behind the step too. */
import { test } from "uvu";
import { random } from "../../assembly/support.js";
import { CrashScenes, crashPoints, trialPoints } from "./crash.js";
import { movePoints, TrialScenes } from "./crash-trial.js";

const kills = 50;
/** Within it a run goes through several steps. */
const delayMsMax = 40;

const scenes = new CrashScenes();
const next = random(50);
await scenes.prepare();
const trials = new TrialScenes(scenes);
await trials.prepare();

for (const point of crashPoints) {
  test(`killed ${kills} times ${point}: old or new, and it goes on to the same end`, async () => {
    for (let kill = 0; kill < kills; kill++)
      await scenes.crashAt(point, kill === 0 ? 0 : Math.ceil(next() * delayMsMax));
  });
}

for (const point of trialPoints) {
  test(`killed ${kills} times ${point}: the alias stays, and one trial is open`, async () => {
    for (let kill = 0; kill < kills; kill++)
      await scenes.crashOnTrial(point, kill === 0 ? 0 : Math.ceil(next() * delayMsMax));
  });
}

for (const period of ["shadow", "guard"] as const) {
  for (const point of movePoints[period]) {
    test(`${period}, killed ${kills} times ${point}: the alias and its trial agree, and it goes on to the same end`, async () => {
      for (let kill = 0; kill < kills; kill++)
        await trials.crashAt(period, point, kill === 0 ? 0 : Math.ceil(next() * delayMsMax));
    });
  }
}

test.after(() => scenes.close());
test.run();
