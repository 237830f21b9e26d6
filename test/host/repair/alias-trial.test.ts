/** Trials that move an alias, or send it back. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Engine, openEngine } from "../../../src/index.js";
import { failure, freshDir } from "../../lineage-store/support.js";
import { packageRoot } from "../../support.js";

function rain(version: string): string {
  return join(packageRoot, "examples", "rain", "models", `rain-${version}.onnx`);
}

interface Scene {
  engine: Engine;
  readonly store: string;
  readonly dir: string;
  readonly ended: string[];
  readonly deployed: string[];
}

async function scene(): Promise<Scene> {
  const made = { store: freshDir(), dir: freshDir(), ended: [] as string[], deployed: [] as string[] };
  const engine = await open(made);
  for (const version of ["1", "3"]) await engine.addModel({ file: rain(version), name: "rain", version });
  await engine.deploy("rain@1", { alias: "prod", dir: made.dir });
  return { ...made, engine };
}

async function open({ store, ended, deployed }: Omit<Scene, "engine">): Promise<Engine> {
  const engine = await openEngine({ store, threads: 0 });
  engine.on("tried", ({ verdict }) => ended.push(verdict));
  engine.on("deployed", ({ version }) => deployed.push(version));
  return engine;
}

function served({ dir }: Scene): string {
  const bytes = readFileSync(join(dir, "model.onnx"));
  return ["1", "3"].find((version) => readFileSync(rain(version)).equals(bytes)) ?? "neither";
}

const options = { rowsMin: 50, rowsMax: 400 };

/** Losses that differ by a shift, with some noise. */
function judge(trial: { judged(own: number, other: number): void }, shift: number, rows: number): void {
  for (let row = 0; row < rows; row++) trial.judged(1, 1 + shift + 0.01 * ((row % 7) - 3));
}

test("a candidate that is better is deployed, once it is shown to be", async () => {
  const made = await scene();
  const { engine } = made;
  const trial = await engine.trial("prod", { ...options, candidate: "rain@3" });
  judge(trial, -0.1, 49);
  await trial.settled();
  assert.is(served(made), "1");
  judge(trial, -0.1, 1);
  await trial.settled();
  assert.equal([served(made), made.ended, made.deployed], ["3", ["better"], ["1", "3"]]);
  const alias = await engine.store.alias("prod");
  assert.match(alias!.reason, /^trial: the candidate's loss is lower: -0\.1.* on 50 rows$/);
  assert.equal(await engine.store.lastTrial("prod"), trial.state);
  await engine.close();
});

test("a candidate that is worse is not; one that cannot be told stays where it is", async () => {
  const made = await scene();
  const worse = await made.engine.trial("prod", { ...options, candidate: "rain@3" });
  judge(worse, 0.1, 60);
  await worse.settled();
  const equal = await made.engine.trial("prod", { ...options, candidate: "rain@3" });
  judge(equal, 0, 400);
  await equal.settled();
  assert.equal([served(made), made.ended, made.deployed], ["1", ["worse", "undecided"], ["1"]]);
  await made.engine.close();
});

test("what is deployed goes back when it is worse, or drifts: the very bytes", async () => {
  for (const prove of [
    (trial: Awaited<ReturnType<Engine["trial"]>>) => judge(trial, 0.1, 50),
    (trial: Awaited<ReturnType<Engine["trial"]>>) => trial.drifted("its monitor raised the alarm"),
  ]) {
    const made = await scene();
    await made.engine.deploy("rain@3", { alias: "prod" });
    const trial = await made.engine.trial("prod", options);
    assert.ok(trial.isGuard);
    assert.is(served(made), "3");
    prove(trial);
    await trial.settled();
    assert.equal([served(made), made.ended, made.deployed], ["1", ["worse"], ["1", "3", "1"]]);
    assert.match((await made.engine.store.alias("prod"))!.reason, /^rollback: /);
    await made.engine.close();
  }
});

test("a trial goes on from its last look in another process; in another period it begins anew", async () => {
  const made = await scene();
  let trial = await made.engine.trial("prod", { ...options, candidate: "rain@3" });
  judge(trial, 0, 150);
  await made.engine.close();
  made.engine = await open(made);
  trial = await made.engine.trial("prod", { ...options, candidate: "rain@3" });
  assert.equal([trial.state.labelled, trial.state.looks], [100, 2]);
  await made.engine.deploy("rain@3", { alias: "prod" });
  const other = await made.engine.trial("prod", options);
  assert.is(other.state.labelled, 0);
  await made.engine.close();
});

test("an alias that was moved by somebody else is left alone", async () => {
  const made = await scene();
  const failures: Error[] = [];
  made.engine.on("error", (error) => failures.push(error));
  await made.engine.addModel({ file: rain("2"), name: "rain", version: "2" });
  const trial = await made.engine.trial("prod", { ...options, candidate: "rain@3" });
  await made.engine.deploy("rain@2", { alias: "prod" });
  judge(trial, -0.1, 50);
  await trial.settled();
  assert.equal(
    failures.map((error) => (error as Error & { code: string }).code),
    ["MENDLINE_STORE_CONFLICT"],
  );
  assert.equal(made.deployed, ["1", "2"]);
  assert.is((await made.engine.model("prod")).version, "2");
  await made.engine.close();
});

test("an alias without a past has nothing to be tried against", async () => {
  const made = await scene();
  await failure("MENDLINE_STORE_UNKNOWN", () => made.engine.trial("prod", options));
  await failure("MENDLINE_STORE_UNKNOWN", () => made.engine.trial("nobody", options));
  await made.engine.close();
});

test.run();
