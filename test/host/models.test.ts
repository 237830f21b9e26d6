import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rowsSource } from "../../src/host/columns/rows.js";
import { profileSignature } from "../../src/host/drift/profile.js";
import { profileData } from "../../src/host/drift/profiler.js";
import { type AddModelRequest, addModel, loadProfile, ScratchModels } from "../../src/host/models.js";
import { kernelDeltas } from "../../src/host/parameters/delta-rooms.js";
import { contentId, contentIdOf } from "../../src/host/parameters/identity.js";
import { openParameterFile } from "../../src/host/parameters/parameter-file.js";
import type { LineageStore } from "../../src/lineage-store/store.js";
import { openRuntime } from "../../src/scheduler/runtime.js";
import { collect, failure, withStore } from "../lineage-store/support.js";
import { scratchDir } from "../support.js";
import { safetensors, write } from "./parameters/safetensors-writer.js";
import { floats, gaussians } from "./parameters/tensors.js";
import { addRain, days, labelledOf, rainFeatures, rainPath, rainRequest } from "./rain.js";

const runtime = await openRuntime();
const scratch = scratchDir();

/** All that a refused addition must leave alone. */
async function stateOf(store: LineageStore) {
  const models = await collect(store.models());
  const edges = await Promise.all(models.map(({ id }) => store.parents(id)));
  const labels = await Promise.all(models.map(({ id }) => store.labelsOf(id)));
  const objects = readdirSync(join(store.dir, "objects"), { recursive: true }).sort();
  return { models, edges, labels, objects, journal: await store.verifyJournal() };
}

async function unchangedBy(store: LineageStore, work: () => Promise<unknown>): Promise<void> {
  const before = await stateOf(store);
  await work();
  assert.equal(await stateOf(store), before);
}

function fileOf(name: string, bytes: Uint8Array): string {
  const path = join(scratch, name);
  writeFileSync(path, bytes);
  return path;
}

const small = fileOf("small.safetensors", write({ w: floats("F32", gaussians(20, 1)) }));
const other = fileOf("other.safetensors", write({ w: floats("F32", gaussians(20, 2)) }));

test("a model with all that is known of it", () =>
  withStore(async (store) => {
    const used = runtime.arena.use.usedBytes;
    const added = await addModel(runtime, store, {
      ...rainRequest(runtime, "rain@1"),
      tags: { team: "weather" },
      bins: 7,
    });
    const model = await store.get(added.id);
    assert.is(added.id, await contentId(await openParameterFile(rainPath("rain-1"))));
    assert.equal(
      { ...added, id: "" },
      { id: "", name: "rain", version: "1", parents: [], isNew: true, warnings: [] },
    );
    assert.equal(model.task, { features: [...rainFeatures], label: "rains", kind: "classification" });
    assert.equal(model.tags, { team: "weather" });
    assert.is(model.metrics["log-loss-training"], 0.5084);
    assert.is(model.format, "onnx");
    const profile = (await loadProfile(store, model))!;
    const training = labelledOf(runtime, days(["Seattle", "New York"], "2012-01-01", "2013-12-31"));
    const expected = await profileData(runtime, training, { features: rainFeatures, bins: 7 });
    assert.equal([...profile.features.keys()], [...rainFeatures], "in the model's order, without the label");
    assert.is(model.signature, profileSignature(expected));
    assert.is(profileSignature(profile), profileSignature(expected));
    assert.is(runtime.arena.use.usedBytes, used);
  }));

test("the same again is the same model, edge and bytes", () =>
  withStore(async (store) => {
    const [first] = await addRain(runtime, store, ["rain@1"]);
    const again = await addModel(runtime, store, rainRequest(runtime, "rain@1"));
    assert.equal(again, { ...first, isNew: false });
    const [child] = await addRain(runtime, store, ["rain@2"]);
    const before = await stateOf(store);
    assert.equal(await addModel(runtime, store, rainRequest(runtime, "rain@2")), { ...child, isNew: false });
    assert.equal((await stateOf(store)).models, before.models);
    assert.equal((await stateOf(store)).edges, before.edges);
    assert.equal(
      before.edges[1]!.map(({ parent }) => parent),
      [first!.id],
    );
  }));

test("the same parameters in another order, with other metadata, are the same model", () =>
  withStore(async (store) => {
    const [a, b] = [floats("F32", gaussians(9, 3)), floats("F16", gaussians(5, 4))];
    const file = fileOf("order-1.safetensors", write({ a, b }, { by: "one" }));
    const { id } = await addModel(runtime, store, { file, name: "m", version: "1" });
    const turned = fileOf("order-2.safetensors", write({ b, a }));
    assert.equal(await addModel(runtime, store, { file: turned, name: "m", version: "1" }), {
      id,
      name: "m",
      version: "1",
      parents: [],
      isNew: false,
      warnings: [],
    });
    // What was added first is what is restored.
    const out = join(scratch, "order.out");
    await store.restoreFile(id, out);
    assert.is(Buffer.compare(readFileSync(out), readFileSync(file)), 0);
  }));

test("the same parameters under another name: one model, two labels", () =>
  withStore(async (store) => {
    const { id } = await addModel(runtime, store, { file: small, name: "m", version: "1" });
    const again = await addModel(runtime, store, { file: small, name: "other", version: "7" });
    assert.equal([again.id, again.name, again.version, again.isNew], [id, "other", "7", false]);
    assert.is(await store.resolve("other@7"), id);
    assert.is((await collect(store.models())).length, 1);
  }));

test("other parameters under the same name and version are refused, and the store stays as it was", () =>
  withStore(async (store) => {
    await addRain(runtime, store, ["rain@1"]);
    await addModel(runtime, store, { file: small, name: "m", version: "1" });
    const parents = [{ ref: "rain@1" }];
    await unchangedBy(store, async () => {
      const thrown = await failure("MENDLINE_STORE_CONFLICT", () =>
        addModel(runtime, store, { file: other, name: "m", version: "1", parents }),
      );
      assert.match(thrown.message, /"m@1" is model [0-9a-f]{64} already.*choose another version/);
    });
    assert.is(
      (await addModel(runtime, store, { file: other, name: "m", version: "2", parents })).isNew,
      true,
    );
  }));

test("parents: moments of the child's data and its drift against the parent's", () =>
  withStore(async (store) => {
    const [base, tuned] = await addRain(runtime, store, ["rain@1", "rain@2"]);
    const [edge] = await store.parents(tuned!.id);
    assert.equal([edge!.parent, edge!.child, edge!.transformation], [base!.id, tuned!.id, "fine-tuning"]);
    assert.equal(edge!.parameters, { epochs: 100, learningRate: 0.003, weightDecay: 0 });
    assert.is(edge!.metrics["log-loss-training"], 0.4322);
    const { moments, drift } = edge!.distribution as {
      moments: { name: string; count: number; mean: number; min: number; max: number }[];
      drift: { verdict: string; rows: object; features: { name: string; psi: { value: number } }[] };
    };
    const seattle = days("Seattle", "2012-01-01", "2013-12-31").map(({ wind }) => wind);
    const wind = moments.find(({ name }) => name === "wind")!;
    assert.equal([wind.count, wind.min, wind.max], [731, Math.min(...seattle), Math.max(...seattle)]);
    assert.ok(Math.abs(wind.mean - seattle.reduce((sum, value) => sum + value, 0) / 731) < 1e-9);
    assert.equal(
      moments.map(({ name }) => name),
      [...rainFeatures],
    );
    assert.equal(drift.rows, { reference: 1462, current: 731 });
    assert.is(drift.verdict, "drift", "Seattle alone against both cities");
    assert.equal(
      drift.features.map(({ name }) => name),
      [...rainFeatures],
    );
    assert.ok(drift.features.every(({ psi }) => Number.isFinite(psi.value)));
  }));

test("two parents, and metrics of their own", () =>
  withStore(async (store) => {
    const { id: left } = await addModel(runtime, store, { file: small, name: "left", version: "1" });
    const { id: right } = await addModel(runtime, store, { file: other, name: "right", version: "1" });
    const file = fileOf("merged.safetensors", write({ w: floats("F32", gaussians(20, 5)) }));
    const { id, parents } = await addModel(runtime, store, {
      file,
      name: "merged",
      version: "1",
      metrics: { rmse: 2 },
      parents: [
        { ref: "left@1", transformation: "merge", parameters: { weight: 0.25 }, metrics: { rmse: 3 } },
        { ref: right.slice(0, 10) },
      ],
    });
    assert.equal(parents, [left, right]);
    const edges = await store.parents(id);
    assert.equal(
      edges.map(({ transformation, metrics, distribution }) => ({ transformation, metrics, distribution })),
      [
        { transformation: "merge", metrics: { rmse: 3 }, distribution: null },
        { transformation: "other", metrics: { rmse: 2 }, distribution: null },
      ],
    );
  }));

test("a profile instead of the data: moments, but no drift", () =>
  withStore(async (store) => {
    await addRain(runtime, store, ["rain@1"]);
    const training = labelledOf(runtime, days("Seattle", "2012-01-01", "2013-12-31"));
    const profile = await profileData(runtime, training, {});
    const { trainingData: _, features: __, ...request } = rainRequest(runtime, "rain@2");
    const { id } = await addModel(runtime, store, { ...request, profile });
    const model = await store.get(id);
    assert.equal(model.task!.features, [...rainFeatures], "the profile's features without the label");
    assert.is(model.signature, profileSignature(profile));
    const [edge] = await store.parents(id);
    const { moments, drift } = edge!.distribution as { moments: { name: string }[]; drift: unknown };
    assert.is(drift, null);
    assert.equal(
      moments.map(({ name }) => name),
      [...rainFeatures, "rains"],
    );
  }));

test("a parent that knew a feature as numbers, a child that has it as texts", () =>
  withStore(async (store) => {
    const source = (kind: (i: number) => number | string) =>
      rowsSource(
        Array.from({ length: 200 }, (_, i) => ({ zone: kind(i), wind: i % 17 })),
        "training",
        runtime.arena,
      );
    await addModel(runtime, store, {
      file: small,
      name: "m",
      version: "1",
      trainingData: source((i) => i % 3),
    });
    const { id } = await addModel(runtime, store, {
      file: other,
      name: "m",
      version: "2",
      trainingData: source((i) => `zone ${i % 3}`),
      parents: [{ ref: "m@1" }],
    });
    const { moments, drift } = (await store.parents(id))[0]!.distribution as {
      moments: object[];
      drift: { features: { name: string }[] };
    };
    assert.equal(moments[0], { name: "zone", categories: 3 });
    assert.equal(
      drift.features.map(({ name }) => name),
      ["wind"],
    );
  }));

test("features without a single finite value", () =>
  withStore(async (store) => {
    const source = () =>
      rowsSource(
        Array.from({ length: 50 }, (_, i) => ({ gone: Number.NaN, wild: Infinity, wind: i })),
        "training",
        runtime.arena,
      );
    const request = { name: "m", features: ["gone", "wild", "wind"] };
    await addModel(runtime, store, { ...request, file: small, version: "1", trainingData: source() });
    const child: AddModelRequest = { ...request, file: other, version: "2", parents: [{ ref: "m@1" }] };
    const { id } = await addModel(runtime, store, { ...child, trainingData: source() });
    const [edge] = await store.parents(id);
    const { moments } = edge!.distribution as { moments: Record<string, unknown>[] };
    assert.equal(
      moments.map(({ name, count, min, max }) => [name, count, min, max]),
      [
        ["gone", 0, null, null],
        ["wild", 0, null, null],
        ["wind", 50, 0, 49],
      ],
    );
    assert.equal(JSON.parse(JSON.stringify(edge!.distribution)), edge!.distribution, "plain JSON");
    assert.is((await addModel(runtime, store, { ...child, trainingData: source() })).isNew, false);
  }));

test("refused, with nothing changed", () =>
  withStore(async (store) => {
    await addRain(runtime, store, ["rain@1", "rain@2"]);
    const training = () => labelledOf(runtime, days("Seattle", "2012-01-01", "2012-12-31"));
    const profile = await profileData(runtime, training(), { features: rainFeatures });
    const request = { file: small, name: "m", version: "1" };
    const empty = fileOf("empty.safetensors", safetensors("{}"));
    const cut = fileOf("cut.safetensors", readFileSync(small).subarray(0, 60));
    const cases: [string, AddModelRequest, Parameters<typeof failure>[0], RegExp][] = [
      ["both", { ...request, trainingData: training(), profile }, "MENDLINE_ARGUMENT_INVALID", /not both/],
      ["no such parent", { ...request, parents: [{ ref: "rain@9" }] }, "MENDLINE_STORE_UNKNOWN", /rain@9/],
      [
        "one of two parents",
        { ...request, parents: [{ ref: "rain@1" }, { ref: "nobody" }] },
        "MENDLINE_STORE_UNKNOWN",
        /nobody/,
      ],
      ["no parameters", { ...request, file: empty }, "MENDLINE_MODEL_FORMAT", /holds no parameters/],
      ["cut off", { ...request, file: cut }, "MENDLINE_MODEL_MALFORMED", /cut/],
      ["no file", { ...request, file: join(scratch, "none") }, "MENDLINE_DATA_NOT_FOUND", /none/],
      [
        "no such feature",
        { ...request, trainingData: training(), features: ["wind", "rain"] },
        "MENDLINE_DATA_SCHEMA",
        /"rain"/,
      ],
      ["no rows", { ...request, trainingData: labelledOf(runtime, []) }, "MENDLINE_DATA_EMPTY", /no rows/],
      ["bins", { ...request, trainingData: training(), bins: 1 }, "MENDLINE_ARGUMENT_INVALID", /bins is 1/],
      ["a name with @", { ...request, name: "a@b" }, "MENDLINE_ARGUMENT_INVALID", /name/],
      [
        "a circle",
        { ...rainRequest(runtime, "rain@1"), parents: [{ ref: "rain@2" }] },
        "MENDLINE_STORE_CYCLE",
        /cannot be derived/,
      ],
      [
        "an edge that says something else",
        { ...rainRequest(runtime, "rain@2"), parents: [{ ref: "rain@1", transformation: "pruning" }] },
        "MENDLINE_STORE_CONFLICT",
        /derived from "rain@1" already \(fine-tuning\)/,
      ],
    ];
    const used = runtime.arena.use.usedBytes;
    for (const [what, wanted, code, message] of cases) {
      await unchangedBy(store, async () => {
        const thrown = await failure(code, () => addModel(runtime, store, wanted));
        assert.match(thrown.message, message, what);
      });
      assert.is(runtime.arena.use.usedBytes, used, what);
    }
  }));

test("an aborted addition changes nothing", () =>
  withStore(async (store) => {
    const aborted = { file: small, name: "m", version: "1", signal: AbortSignal.abort() };
    await unchangedBy(store, () => failure("MENDLINE_TASK_ABORTED", () => addModel(runtime, store, aborted)));
    const training = { ...rainRequest(runtime, "rain@1"), signal: AbortSignal.abort() };
    await unchangedBy(store, () =>
      failure("MENDLINE_TASK_ABORTED", () => addModel(runtime, store, training)),
    );
  }));

test("what is restored is byte for byte what was added, of every format", () =>
  withStore(async (store) => {
    const rain = ["rain-1", "rain-2", "rain-3", "rain-pruned-1", "rain-distilled-1"].map(rainPath);
    for (const [index, file] of [...rain, small, other].entries()) {
      const { id } = await addModel(runtime, store, { file, name: "m", version: String(index) });
      const out = join(scratch, `restored-${index}`);
      await store.restoreFile(id, out);
      assert.is(Buffer.compare(readFileSync(out), readFileSync(file)), 0, file);
    }
  }));

/** Bytes of the objects on the disk. */
function objectBytes(dir: string): number {
  const entries = readdirSync(join(dir, "objects"), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

test("children of one model take what they changed, and come back byte for byte", () =>
  withStore(
    async (store, reopen, dir) => {
      const [body, noise] = [gaussians(60_000, 11), gaussians(60_000, 12)];
      const head = gaussians(3_000, 13);
      const model = (values: readonly number[], top: readonly number[], dtype: "F32" | "F16" | "BF16") =>
        write({ "body.weight": floats(dtype, values), "head.weight": floats(dtype, top) });
      // Ratios of a child's file to what it adds to the store, measured on these numbers and a little below.
      const kinds = {
        "fine-tuned": {
          values: body.map((x, i) => x * (1 + 1e-3 * noise[i]!)),
          top: head,
          F32: 1.9,
          F16: 5,
          BF16: 12,
        },
        "head-only": { values: body, top: head.map((x) => -x), F32: 15, F16: 15, BF16: 15 },
        "pruned in place": {
          values: body.map((x) => (Math.abs(x) < 0.67 ? 0 : x)),
          top: head,
          F32: 15,
          F16: 8,
          BF16: 8,
        },
        "pruned by a mask": {
          values: body.map((x) => (Math.abs(x) < 0.67 ? 0 * x : x)),
          top: head,
          F32: 20,
          F16: 10,
          BF16: 10,
        },
      };
      const added: { id: string; file: string }[] = [];
      for (const dtype of ["F32", "F16", "BF16"] as const) {
        const base = fileOf(`base-${dtype}.safetensors`, model(body, head, dtype));
        const parent = await addModel(runtime, store, { file: base, name: "base", version: dtype });
        for (const [kind, { values, top, [dtype]: ratioMin }] of Object.entries(kinds)) {
          const before = objectBytes(dir);
          const file = fileOf(`${kind}-${dtype}.safetensors`, model(values, top, dtype));
          const parents = [{ ref: parent.id }];
          const { id } = await addModel(runtime, store, { file, name: kind, version: dtype, parents });
          const ratio = statSync(file).size / (objectBytes(dir) - before);
          assert.ok(
            ratio > ratioMin,
            `${kind}, ${dtype}: ${ratio.toFixed(1)} times smaller, expected ${ratioMin}`,
          );
          added.push({ id, file });
        }
      }
      const opened = await reopen();
      for (const { id, file } of added) {
        const out = join(scratch, "child.out");
        await opened.restoreFile(id, out);
        assert.is(Buffer.compare(readFileSync(out), readFileSync(file)), 0, file);
        const { tensors } = await opened.parameters(id);
        assert.is(
          contentIdOf(tensors, ({ object }) => object!),
          id,
          "the id follows from the objects",
        );
      }
    },
    { deltas: kernelDeltas(runtime.module) },
  ));

test("a model without a profile has none to load", () =>
  withStore(async (store) => {
    const { id } = await addModel(runtime, store, { file: small, name: "m", version: "1" });
    const model = await store.get(id);
    assert.equal([model.profile, model.signature, model.task], [null, null, null]);
    assert.is(await loadProfile(store, model), null);
    const tasked = { file: other, name: "m", version: "2", features: ["a"], task: "regression" } as const;
    const { id: second } = await addModel(runtime, store, tasked);
    assert.equal((await store.get(second)).task, { features: ["a"], label: null, kind: "regression" });
  }));

test("scratch files: restored once, gone when closed, tried again after a failure", () =>
  withStore(async (store, _reopen, storeDir) => {
    const { id } = await addModel(runtime, store, { file: small, name: "m", version: "1" });
    const model = await store.get(id);
    const models = new ScratchModels(store);
    const object = (await store.parameters(id)).tensors[0]!.object!;
    const path = join(storeDir, "objects", object.slice(0, 2), object.slice(2));
    const bytes = readFileSync(path);
    rmSync(path);
    await failure("MENDLINE_STORE_CORRUPT", () => models.file(model));
    writeFileSync(path, bytes);
    const file = await models.file(model);
    assert.is(Buffer.compare(readFileSync(file.path), readFileSync(small)), 0);
    assert.is(await models.file(model), file);
    assert.equal(readdirSync(dirname(file.path)).length, 1);
    await models.close();
    assert.is(existsSync(dirname(file.path)), false);
    await new ScratchModels(store).close();
  }));

test.run();
