import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ParentLink } from "../../../src/host/models/links.js";
import { type AddModelRequest, addModel } from "../../../src/host/models.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { collect, failure, withStore } from "../../lineage-store/support.js";
import { scratchDir } from "../../support.js";
import { write } from "../parameters/safetensors-writer.js";
import { floats, gaussians } from "../parameters/tensors.js";

const runtime = await openRuntime();
const scratch = scratchDir();

function fileOf(name: string, bytes: Uint8Array): string {
  const path = join(scratch, `${name}.safetensors`);
  writeFileSync(path, bytes);
  return path;
}

const weights = [1, 2, 3].map((seed) => gaussians(20, seed));
const [a, b, c] = weights.map((values, index) => fileOf(`${index}`, write({ w: floats("F32", values) })));

function add(store: LineageStore, file: string, name: string, parents: readonly ParentLink[] = []) {
  return addModel(runtime, store, { file, name, version: "1", parents } satisfies AddModelRequest);
}

test("a teacher is known by any reference and recorded by its id", () =>
  withStore(async (store) => {
    const teacher = await add(store, a!, "teacher");
    await add(store, b!, "base");
    await store.commit((tx) => tx.setAlias({ alias: "best", id: teacher.id, reason: "test" }));
    const parents = [
      { ref: "base@1", transformation: "distillation", parameters: { teacher: "best", temperature: 2 } },
    ] as const;
    const { id } = await add(store, c!, "student", parents);
    const [derivation] = await store.parents(id);
    assert.equal(derivation!.parameters, { teacher: teacher.id, temperature: 2 });
  }));

test("a teacher or an ancestor that is not there is refused, and nothing is written", () =>
  withStore(async (store) => {
    await add(store, a!, "base");
    const before = await store.verifyJournal();
    const link = (over: Partial<ParentLink>) => add(store, b!, "x", [{ ref: "base@1", ...over }]);
    const teacher = await failure("MENDLINE_STORE_UNKNOWN", () =>
      link({ transformation: "distillation", parameters: { teacher: "bse@1" } }),
    );
    assert.match(
      teacher.message,
      /^the teacher of a distillation must be in the store.*did you mean "base@1"/,
    );
    await failure("MENDLINE_STORE_UNKNOWN", () =>
      link({ transformation: "repair", parameters: { ancestor: "nobody" } }),
    );
    await failure("MENDLINE_ARGUMENT_INVALID", () =>
      link({ transformation: "pruning", parameters: { sparsity: 90 } }),
    );
    assert.equal(await store.verifyJournal(), before);
  }));

test("a merge has one weight a parent", () =>
  withStore(async (store) => {
    await add(store, a!, "one");
    await add(store, b!, "two");
    const merge = (weights: number[]): ParentLink[] =>
      ["one@1", "two@1"].map((ref) => ({ ref, transformation: "merge", parameters: { weights } }));
    const error = await failure("MENDLINE_ARGUMENT_INVALID", () =>
      add(store, c!, "merged", merge([0.2, 0.3, 0.5])),
    );
    assert.match(error.message, "a merge of 2 parents has 3 weights");
    const { id } = await add(store, c!, "merged", merge([0.3, 0.7]));
    assert.equal(
      (await store.parents(id)).map(({ parameters }) => parameters),
      [{ weights: [0.3, 0.7] }, { weights: [0.3, 0.7] }],
    );
  }));

test("the same parameters in another order, with other metadata and under another name are one node with the same objects", () =>
  withStore(async (store) => {
    const tensors = {
      w: floats("F32", gaussians(64, 7)),
      v: floats("F32", gaussians(32, 8)),
      u: floats("F32", gaussians(16, 9)),
    };
    const { w, v, u } = tensors;
    const first = await add(store, fileOf("wvu", write({ w, v, u }, { from: "here", to: "there" })), "first");
    const objects = () =>
      readdirSync(join(store.dir, "objects"), { recursive: true, withFileTypes: true }).filter((entry) =>
        entry.isFile(),
      ).length;
    const before = objects();
    const { tensors: stored } = await store.parameters(first.id);
    const again = await add(
      store,
      fileOf("uvw", write({ u, v, w }, { to: "there", from: "here" })),
      "second",
    );
    assert.equal([again.id, again.isNew], [first.id, false]);
    assert.is((await collect(store.models())).length, 1);
    assert.equal(await store.parameters(again.id), {
      ...(await store.parameters(first.id)),
      tensors: stored,
    });
    assert.is(objects(), before + 1, "only the header of the second file, which nothing refers to");
    const names = (await store.labelsOf(first.id)).map(({ name }) => name);
    assert.equal(names, ["first", "second"]);
  }));

test.run();
