import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ParentLink } from "../../../src/host/models/links.js";
import { guessParent } from "../../../src/host/models/parentage.js";
import { addModel } from "../../../src/host/models.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { withStore } from "../../lineage-store/support.js";
import { scratchDir } from "../../support.js";
import { write } from "../parameters/safetensors-writer.js";
import { floats, gaussians } from "../parameters/tensors.js";

const runtime = await openRuntime();
const scratch = scratchDir();
let files = 0;

/** A body of 6,000 weights, constants that every model has, and a head. */
interface Net {
  readonly body: readonly number[];
  readonly head: readonly number[];
  readonly dtype?: "F32" | "F16" | "BF16" | "F64";
}

function fileOf({ body, head, dtype = "F32" }: Net): string {
  const path = join(scratch, `${files++}.safetensors`);
  const tensors = {
    body: floats(dtype, body, [60, body.length / 60]),
    norm: floats(dtype, new Array<number>(60).fill(1)),
    head: floats(dtype, head),
  };
  writeFileSync(path, write(tensors));
  return path;
}

const fresh = (seed: number): Net => ({ body: gaussians(6_000, seed), head: gaussians(30, seed + 1) });

/** The same net after some training: every weight moves by so much of its size. */
function tuned({ body, head }: Net, seed: number, amount: number): Net {
  const moved = (values: readonly number[], steps: readonly number[]) =>
    values.map((value, index) => value + amount * steps[index]!);
  return {
    body: moved(body, gaussians(body.length, seed)),
    head: moved(head, gaussians(head.length, seed + 1)),
  };
}

function pruned({ body, head }: Net): Net {
  return { body: body.map((value) => (Math.abs(value) < 0.6 ? 0 : value)), head };
}

async function add(store: LineageStore, name: string, net: Net, parents: readonly ParentLink[] = []) {
  return addModel(runtime, store, { file: fileOf(net), name, version: "1", parents });
}

const base = fresh(100);
const tuning = tuned(base, 200, 0.1);
const stranger = fresh(900);

async function family(store: LineageStore): Promise<void> {
  await add(store, "base", base);
  await add(store, "tuned", tuning, [{ ref: "base@1", transformation: "fine-tuning" }]);
  for (const seed of [300, 400]) {
    const parents = [{ ref: "base@1", transformation: "fine-tuning" }] as const;
    await add(store, `sibling-${seed}`, tuned(base, seed, 0.1), parents);
  }
  await add(store, "stranger", stranger);
}

test("the parent is the nearest, however the child was made", () =>
  withStore(async (store) => {
    await family(store);
    const before = await store.verifyJournal();
    const children: [string, Net][] = [
      ["fine-tuned", tuned(tuning, 500, 0.05)],
      ["pruned", pruned(tuning)],
      ["in half the width", { ...tuned(tuning, 600, 0.01), dtype: "F16" }],
      ["in bfloat16", { ...tuned(tuning, 600, 0.01), dtype: "BF16" }],
    ];
    for (const [how, child] of children) {
      const guess = await guessParent(runtime, store, fileOf(child));
      assert.is(guess.parent?.name, "tuned", how);
      assert.ok(guess.confidence > 0.05 && guess.confidence < 1, `${how}: ${guess.confidence}`);
      assert.is(guess.same, null);
      assert.is(guess.comparedCount, 5);
      assert.not.ok(
        guess.candidates.some(({ name }) => name === "stranger"),
        "nothing in common",
      );
      const distances = guess.candidates.map(({ distance }) => distance);
      assert.equal(
        distances,
        distances.toSorted((one, other) => one - other),
      );
    }
    assert.equal(await store.verifyJournal(), before);
    assert.is(runtime.arena.use.usedBytes, 0);
  }));

test("the distance, in figures", () =>
  withStore(async (store) => {
    await add(store, "base", base);
    const guess = await guessParent(runtime, store, fileOf(tuned(base, 700, 0.2)));
    // Every weight of body and head has moved by 0.2 of its size; the constants have not.
    const expected = Math.sqrt(((0.2 ** 2 / (1 + 0.2 ** 2 / 2)) * 6_030) / 6_090);
    assert.ok(
      Math.abs(guess.parent!.distance - expected) < 0.01,
      `${guess.parent!.distance}, not ${expected}`,
    );
    assert.ok(guess.parent!.isComplete);
    assert.is(guess.parent!.sharedShare, 1);
    assert.ok(Math.abs(guess.confidence - (1 - guess.parent!.distance / Math.SQRT2)) < 1e-12);
  }));

test("a twin of two models is neither's child for sure", () =>
  withStore(async (store) => {
    await add(store, "one", tuned(base, 300, 0.1));
    await add(store, "other", tuned(base, 400, 0.1));
    const guess = await guessParent(runtime, store, fileOf(tuned(base, 500, 0.1)));
    assert.ok(guess.parent !== null && guess.confidence < 0.05, `${guess.confidence}`);
  }));

test("no kin, the model itself, an empty store", () =>
  withStore(async (store) => {
    const none = await guessParent(runtime, store, fileOf(base));
    assert.equal(none, { same: null, parent: null, confidence: 0, candidates: [], comparedCount: 0 });
    await add(store, "base", base);
    const { same, parent } = await guessParent(runtime, store, fileOf(base));
    assert.equal([same?.name, parent], ["base", null]);
    const unrelated = await guessParent(runtime, store, fileOf(stranger));
    assert.equal([unrelated.parent, unrelated.comparedCount], [null, 1]);
  }));

test("a body that was given another head", () =>
  withStore(async (store) => {
    await add(store, "stranger", { ...stranger, head: gaussians(77, 5) });
    await add(store, "base", base);
    const child = { body: tuned(base, 500, 0.05).body, head: gaussians(77, 6) };
    const guess = await guessParent(runtime, store, fileOf(child));
    assert.is(guess.parent?.name, "base");
    assert.is(guess.comparedCount, 2, "the one of the same form, and the one that shares the body");
    assert.ok(Math.abs(guess.parent!.sharedShare - 6_060 / 6_137) < 1e-9);
  }));

test("a parent that has nothing to do with its child is doubted, and recorded all the same", () =>
  withStore(async (store) => {
    await family(store);
    const child = tuned(tuning, 500, 0.05);
    const link = (ref: string, transformation: ParentLink["transformation"]) => [{ ref, transformation }];
    const right = await add(store, "right", child, link("tuned@1", "fine-tuning"));
    assert.equal(right.warnings, []);
    const wrong = await add(store, "wrong", tuned(child, 1, 0.1), link("stranger@1", "fine-tuning"));
    assert.is(wrong.warnings.length, 1);
    assert.match(
      wrong.warnings[0]!,
      /^stranger@1 may not be its parent by fine-tuning: their weights have nothing in common \(cosine -?0\.0\d\d over \d+ of them\)/,
    );
    assert.equal(
      (await store.parents(wrong.id)).map(({ parent }) => parent),
      wrong.parents,
    );
    const student = await add(store, "student", fresh(1_000), link("stranger@1", "distillation"));
    assert.equal(student.warnings, [], "a student has weights of its own");
    const other = { body: gaussians(600, 3), head: gaussians(31, 4) };
    const [warning] = (await add(store, "other", other, link("base@1", "pruning"))).warnings;
    assert.match(warning!, /by pruning: only 9 % of the weights are in tensors of the same name and shape/);
  }));

test("a damaged parent is no reason to refuse its child", () =>
  withStore(async (store) => {
    await add(store, "base", base);
    for (const folder of readdirSync(join(store.dir, "objects")))
      rmSync(join(store.dir, "objects", folder), { recursive: true });
    const parents = [{ ref: "base@1", transformation: "fine-tuning" }] as const;
    const added = await add(store, "child", tuned(base, 5, 0.1), parents);
    assert.match(
      added.warnings[0]!,
      /^base@1 may not be its parent by fine-tuning: its weights could not be read/,
    );
  }));

test("a guess can be cancelled", () =>
  withStore(async (store) => {
    await family(store);
    const controller = new AbortController();
    controller.abort();
    try {
      await guessParent(runtime, store, fileOf(tuned(base, 8, 0.1)), { signal: controller.signal });
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code?: string }).code, "MENDLINE_TASK_ABORTED");
    }
  }));

test.run();
