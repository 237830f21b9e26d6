/** ONNX models with external data, all the way: blended, kept, restored, judged, repaired, deployed. */
import { hash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploy, reconcile, rollback } from "../../src/host/deployment/deployments.js";
import { blendModelFiles } from "../../src/host/models/blended-file.js";
import { addModel } from "../../src/host/models.js";
import { contentId } from "../../src/host/parameters/identity.js";
import { everyTensor } from "../../src/host/parameters/pairing.js";
import { openParameterFile } from "../../src/host/parameters/parameter-file.js";
import { candidateBytes, copyCandidate } from "../../src/host/repair/candidate-files.js";
import { Candidates } from "../../src/host/repair/candidates.js";
import { CommandValidator } from "../../src/host/repair/command-validator.js";
import { ModuleValidator } from "../../src/host/repair/module-validator.js";
import { Recalibration } from "../../src/host/repair/recalibration.js";
import type { Candidate } from "../../src/host/repair/validator.js";
import { parseBundle } from "../../src/lineage-store/signing/dsse.js";
import { signModel } from "../../src/lineage-store/signing/sign.js";
import { rootDigest } from "../../src/lineage-store/signing/statements.js";
import { verifySignatures } from "../../src/lineage-store/signing/verify.js";
import type { LineageStore } from "../../src/lineage-store/store.js";
import { ed25519 } from "../lineage-store/signing/support.js";
import { failure, withStore } from "../lineage-store/support.js";
import { Faults, watchDisk } from "../lineage-store/watched-disk.js";
import { scratchDir } from "../support.js";
import { receive } from "./deployment/receiver.js";
import { writeExternalised } from "./parameters/externalised.js";
import { rainPath, rainRequest } from "./rain.js";
import { addNorms, normPath, sensorSource, sensors } from "./repair/norms.js";
import { runtime, withScene } from "./repair/scene.js";
import { labelled } from "./repair/support.js";

const root = scratchDir();
let folderCount = 0;

function folder(): string {
  const dir = join(root, String(folderCount++));
  mkdirSync(dir);
  return dir;
}

const locations = ["weights.bin", "more/biases.bin"];
const externalData = true;

function external(file: string): string {
  return writeExternalised(rainPath(file), folder(), locations);
}

function filesOf(dir: string): Record<string, Buffer> {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    names
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort()
      .map((path) => [path.slice(dir.length + 1), readFileSync(path)]),
  );
}

async function idOf(path: string): Promise<string> {
  return contentId(await openParameterFile(path, { externalData }));
}

async function addExternal(store: LineageStore, file: string, version: string): Promise<string> {
  const { id } = await addModel(runtime, store, {
    file: external(file),
    externalData,
    name: "rain",
    version,
  });
  return id;
}

test("a blend is the same inline and in files beside, whichever of the two each model is", async () => {
  const inline = join(folder(), "inline.onnx");
  const request = { drifted: rainPath("rain-3"), ancestor: rainPath("rain-1"), scale: 0.7, externalData };
  await blendModelFiles(runtime, { ...request, out: inline });
  const id = await idOf(inline);
  const drifted = external("rain-3");
  for (const ancestor of [rainPath("rain-1"), external("rain-1")]) {
    const out = join(folder(), "blend");
    const blended = await blendModelFiles(runtime, { ...request, drifted, ancestor, out });
    assert.is(blended.path, join(out, "model.onnx"));
    assert.is(await idOf(blended.path), id);
    // The graph stays byte for byte, and so does what lies between the tensors of a data file.
    const [before, after] = [filesOf(join(drifted, "..")), filesOf(out)];
    assert.equal(Object.keys(after), ["model.onnx", "more/biases.bin", "weights.bin"]);
    assert.equal(after["model.onnx"], before["model.onnx"]);
    for (const name of locations) {
      assert.is(after[name]!.length, before[name]!.length);
      assert.not.equal(after[name], before[name]);
      assert.equal(after[name]!.subarray(0, 3), Buffer.alloc(3));
    }
    assert.equal(
      blended.files.map(({ path }) => path.slice(out.length + 1)),
      ["model.onnx", "weights.bin", "more/biases.bin"],
    );
  }
  const back = join(folder(), "back.onnx");
  await blendModelFiles(runtime, { ...request, ancestor: external("rain-1"), out: back });
  assert.equal(readFileSync(back), readFileSync(inline), "an ancestor with external data, into one file");
  const kept = join(folder(), "kept");
  await blendModelFiles(runtime, { ...request, drifted, scale: 0, out: kept });
  assert.equal(filesOf(kept), filesOf(join(drifted, "..")));
});

test("a model is the same one inline and in files beside, and comes back as it was added", () =>
  withStore(async (store, reopen) => {
    const path = external("rain-1");
    const request = { name: "rain", version: "1", file: path };
    await failure("MENDLINE_MODEL_FORMAT", () => addModel(runtime, store, request));
    const added = await addModel(runtime, store, { ...request, externalData });
    const inline = await addModel(runtime, store, { name: "same", version: "1", file: rainPath("rain-1") });
    assert.equal([inline.id, inline.isNew], [added.id, false]);
    const reopened = await reopen();
    const record = await reopened.get(added.id);
    assert.equal(
      record.files?.map(({ name }) => name),
      ["model.onnx", "weights.bin", "more/biases.bin"],
    );
    const out = join(folder(), "out");
    assert.is(await reopened.restoreFile(added.id, out), join(out, "model.onnx"));
    assert.equal(filesOf(out), filesOf(join(path, "..")));
    const taken = await failure("MENDLINE_DATA_WRITE", () => reopened.restoreFile(added.id, out));
    assert.match(taken.message, /exists already: a model in 3 files goes into a new folder/);
  }));

test("a data file that is written to while it is read is told, and nothing is added", () =>
  withStore(async (store) => {
    const path = external("rain-1");
    const data = join(path, "..", "weights.bin");
    const content = readFileSync(data);
    const heal = watchDisk({
      after: ({ call }) => {
        if (call === "write") writeFileSync(data, content);
      },
    });
    try {
      const error = await failure("MENDLINE_MODEL_MALFORMED", () =>
        addModel(runtime, store, { file: path, externalData, name: "rain", version: "1" }),
      );
      assert.match(error.message, /changed while it was read/);
    } finally {
      heal();
    }
    assert.is(await store.idOfLabel("rain", "1"), null);
  }));

test("a restore that fails at any step leaves no folder, and none of its own", () =>
  withStore(async (store) => {
    const id = await addExternal(store, "rain-1", "1");
    let stepCount = 0;
    for (let at = 0; ; at++) {
      const dir = folder();
      const out = join(dir, "out");
      const faults = new Faults(at, false);
      const heal = watchDisk(faults);
      faults.isArmed = true;
      const thrown = await store.restoreFile(id, out).catch((error: unknown) => error);
      heal();
      if (!faults.isReached) break;
      stepCount++;
      const { call, path } = faults.steps[at]!;
      // Nothing tells whether something is there already but the rename itself; a folder whose name may not be durable yet is whole.
      const isWhole = existsSync(out);
      if (isWhole) assert.is(Object.keys(filesOf(out)).length, 3, faults.hit);
      else assert.instance(thrown, Error, `${call} of ${path}`);
      assert.equal(
        readdirSync(dir).filter((name) => name !== "out"),
        [],
        faults.hit,
      );
    }
    assert.ok(stepCount > 15, `${stepCount} steps`);
  }));

test("a repair of models with external data decides, publishes and restores as that of the same models inline", async () => {
  const reports: unknown[] = [];
  for (const isExternal of [false, true]) {
    await withScene(async ({ store, repair }) => {
      for (const [index, ref] of ["rain@1", "rain@2", "rain@3"].entries()) {
        const own = isExternal ? { file: external(`rain-${index + 1}`), externalData } : {};
        await addModel(runtime, store, { ...rainRequest(runtime, ref), ...own });
      }
      const report = await repair("rain@3");
      assert.is(report.outcome, "published", report.reason);
      const { gate, scale, curve, model } = report;
      reports.push({ gate, scale, curve, id: model!.id });
      const record = await store.get(model!.id);
      assert.is(record.files?.length, isExternal ? 3 : undefined);
      const out = join(folder(), "out");
      assert.is(await idOf(await store.restoreFile(record.id, out)), record.id);
    });
  }
  assert.equal(reports[1], reports[0]);
});

test("commands and modules are given the model's path, with its data files beside it", async () => {
  const file = await openParameterFile(external("rain-1"), { externalData });
  const candidate: Candidate = {
    format: "onnx",
    name: "rain-1",
    parts: file.shards,
    bytes: () => candidateBytes(file),
    writeTo: (path) => copyCandidate(file, path),
  };
  const script = join(folder(), "judge.mjs");
  writeFileSync(
    script,
    `import { readFileSync } from "node:fs";
    import { dirname, join } from "node:path";
    const bytesOf = (model) => readFileSync(model).length + readFileSync(join(dirname(model), "weights.bin")).length;
    export default ({ parameters }) => bytesOf(parameters);
    if (process.argv[2] !== undefined) console.log(JSON.stringify({ loss: bytesOf(process.argv[2]) }));`,
  );
  const expected = file.shards![0]!.byteLength + file.shards![1]!.byteLength;
  const data = labelled({ x: [1, 2] }, [0, 1]);
  for (const validator of [
    new CommandValidator({ command: `node ${script}` }),
    new ModuleValidator({ path: script }),
  ]) {
    try {
      // Twice: the second finds the first one's folder, or none.
      for (let time = 0; time < 2; time++)
        assert.is((await validator.evaluate(candidate, data)).meanLoss, expected);
    } finally {
      await validator.close();
    }
  }
});

test("batch norm is recalibrated as in the same model inline", async () => {
  const ids: string[] = [];
  for (const isExternal of [false, true]) {
    await withScene(async ({ store, scratch }) => {
      const own = isExternal
        ? { file: writeExternalised(normPath(2), folder(), locations), externalData }
        : {};
      await addNorms(store, own);
      const context = { runtime, store, scratch };
      const model = await store.get(await store.resolve("norm@2"));
      const candidates = await Candidates.open(context, model, everyTensor);
      const { drifted } = candidates;
      assert.is(drifted.shards?.length, isExternal ? 3 : undefined);
      const options = {
        model,
        drifted,
        filter: everyTensor,
        features: sensors,
        live: sensorSource("live"),
      };
      const baseline = await candidates.make({ kind: "keep" });
      const recalibration = await Recalibration.open(context, baseline, options);
      candidates.recalibrateWith(recalibration);
      try {
        const path = await scratch.path("recalibrated.onnx");
        ids.push((await candidates.write({ kind: "recalibrated", of: { kind: "keep" } }, path)).id);
      } finally {
        await recalibration.close();
      }
      assert.is.not(ids[0], model.id);
    });
  }
  assert.is(ids[1], ids[0]);
});

test("a repair publishes a model with external data into a folder, and it goes back", () =>
  withScene(async ({ store, repair }) => {
    for (const [index, ref] of ["rain@1", "rain@2", "rain@3"].entries())
      await addModel(runtime, store, {
        ...rainRequest(runtime, ref),
        file: external(`rain-${index + 1}`),
        externalData,
      });
    const dir = folder();
    const drifted = await store.resolve("rain@3");
    await deploy(store, { alias: "gateway", id: drifted, dir, reason: "deploy" });
    assert.is(await idOf(join(dir, "model.onnx")), drifted);
    const report = await repair("rain@3", { alias: "gateway" });
    assert.equal([report.outcome, report.path], ["published", join(dir, "model.onnx")], report.reason);
    assert.is(await idOf(join(dir, "model.onnx")), report.model!.id);
    assert.match(readFileSync(join(dir, "model.card.md"), "utf8"), report.run);
    await rollback(store, "gateway");
    assert.is(await idOf(join(dir, "model.onnx")), drifted);
    assert.equal(readdirSync(dir).sort(), ["current", "model.onnx", "versions"]);
  }));

test("a signature lists every file by its sha256, as the OpenSSF's tool does for a folder", () =>
  withStore(async (store) => {
    const id = await addExternal(store, "rain-1", "1");
    const pair = ed25519();
    const signed = await signModel(store, id, { key: pair.privateKey });
    const found = await verifySignatures(store, id, { key: pair.publicKey });
    assert.equal([found.model.state, found.model.covers], ["valid", "record"]);
    const { payload } = parseBundle("ours", signed.signatures[0]!.bundle);
    const { subject, predicate } = JSON.parse(payload.toString("utf8"));
    const out = await store.restoreFile(id, join(folder(), "out"));
    const names = ["model.onnx", "more/biases.bin", "weights.bin"];
    const digests = names.map((name) => hash("sha256", readFileSync(join(out, "..", name))));
    assert.equal(
      predicate.resources,
      names.map((name, index) => ({ name, algorithm: "sha256", digest: digests[index] })),
    );
    assert.is(subject[0].digest.sha256, rootDigest(digests));
  }));

test("a Triton repository gets the data files beside model.onnx, and tells when one is damaged", () =>
  withStore(async (store) => {
    const ids = [await addExternal(store, "rain-1", "1"), await addExternal(store, "rain-3", "3")];
    const receiver = await receive(() => ({ status: 200 }));
    try {
      const repository = folder();
      const target = `triton+${receiver.url}/rain?repository=${encodeURIComponent(repository)}`;
      for (const id of ids) await deploy(store, { alias: "prod", id, dir: target, reason: "deploy" });
      const version = join(repository, "rain", "2");
      assert.equal(Object.keys(filesOf(version)), ["model.onnx", "more/biases.bin", "weights.bin"]);
      assert.is(await idOf(join(version, "model.onnx")), ids[1]);
      assert.not(await reconcile(store, "prod"));
      writeFileSync(join(version, "weights.bin"), "damaged");
      assert.ok(await reconcile(store, "prod"));
      assert.is(await idOf(join(repository, "rain", "3", "model.onnx")), ids[1]);
    } finally {
      await receiver.close();
    }
  }));

test.after(() => runtime.close());
test.run();
