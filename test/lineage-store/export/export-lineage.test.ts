import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type ExportFormat,
  exportFormats,
  exportLineage,
} from "../../../src/lineage-store/export/export-lineage.js";
import { scratchDir } from "../../support.js";
import { emptyModel, failure, withStore } from "../support.js";
import { addRain } from "./samples.js";

const dir = scratchDir();
const draw = () => "";

test("the summary tells what is in the file", () =>
  withStore(async (store) => {
    await addRain(store);
    for (const format of exportFormats) {
      const out = join(dir, format);
      const { sha256, byteLength, ...summary } = await exportLineage(
        store,
        { format, out, ref: "rain@3" },
        draw,
      );
      const bytes = readFileSync(out);
      assert.is(byteLength, bytes.length);
      assert.is(sha256, createHash("sha256").update(bytes).digest("hex"));
      const models = format === "huggingface" ? 1 : 3;
      const derivations = format === "huggingface" ? 2 : 3;
      assert.equal(summary, { format, out, models, derivations, externals: 0, declarations: 0 });
    }
  }));

test("a file is there whole or as it was: cancelled, broken off, not writable", () =>
  withStore(async (store) => {
    await addRain(store);
    const folder = join(dir, "whole");
    mkdirSync(folder);
    const out = join(folder, "out");
    writeFileSync(out, "before");
    const signal = AbortSignal.abort(new Error("enough"));
    await failure("MENDLINE_TASK_ABORTED", () => exportLineage(store, { format: "dot", out, signal }, draw));
    const broken = () => {
      throw new Error("the drawing failed");
    };
    await failure("MENDLINE_DATA_WRITE", () => exportLineage(store, { format: "mermaid", out }, broken));
    assert.is(readFileSync(out, "utf8"), "before");
    assert.equal(readdirSync(folder), ["out"]);
    const absent = join(folder, "no", "out");
    await failure("MENDLINE_DATA_WRITE", () => exportLineage(store, { format: "dot", out: absent }, draw));
    assert.not.ok(existsSync(join(folder, "no")));
  }));

test("what cannot be exported is refused before a file is touched", () =>
  withStore(async (store) => {
    const out = join(dir, "refused");
    const refused = (request: object) => () => exportLineage(store, { format: "dot", out, ...request }, draw);
    await failure("MENDLINE_STORE_UNKNOWN", refused({ ref: "nothing@1" }));
    await failure("MENDLINE_ARGUMENT_INVALID", refused({ format: "svg" as ExportFormat }));
    await failure("MENDLINE_ARGUMENT_INVALID", refused({ namespace: "x" }));
    await failure("MENDLINE_ARGUMENT_INVALID", refused({ format: "openlineage", namespace: "a\nb" }));
    assert.not.ok(existsSync(out));
  }));

test("an empty lineage is a valid document in every format", () =>
  withStore(async (store) => {
    for (const format of exportFormats) {
      const summary = await exportLineage(store, { format, out: join(dir, "empty") }, draw);
      assert.is(summary.models, 0, format);
    }
  }));

test("thousands of models pass one by one", () =>
  withStore(async (store) => {
    const models = Array.from({ length: 3_000 }, (_, index) => emptyModel("m", `${index}`));
    await store.commit((tx) => {
      models.forEach((model, index) => {
        tx.addModel(model);
        if (index > 0)
          tx.addDerivation({ parent: models[index - 1]!.id, child: model.id, transformation: "pruning" });
      });
    });
    const out = join(dir, "many");
    const { models: count, derivations } = await exportLineage(store, { format: "cyclonedx", out }, draw);
    assert.equal([count, derivations], [3_000, 2_999]);
    assert.is(JSON.parse(readFileSync(out, "utf8")).components.length, 3_000);
  }));

test.run();
