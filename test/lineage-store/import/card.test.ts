import { test } from "uvu";
import * as assert from "uvu/assert";
import { cardMetadataBytesMax, importFileBytesMax } from "../../../src/limits.js";
import { type ImportRequest, importLineage } from "../../../src/lineage-store/import/import-lineage.js";
import { addAll, collect, emptyModel, failure, idOf, withStore } from "../support.js";
import { card, edgesOf, importCard, label, written } from "./support.js";

const fullCard = `
license: apache-2.0
language: [en, de]
library_name: transformers
pipeline_tag: text-generation
tags:
  - base_model:adapter:org/base
  - lora
  - region:eu
base_model: org/base
base_model_relation: adapter
datasets: org/data
model-index:
  - name: tuned
    results:
      - task: {type: text-generation}
        dataset: {type: org/bench, name: Bench}
        metrics:
          - {type: accuracy, value: 0.75}
          - {type: accuracy, value: 0.5}
          - {type: note, value: "not a number"}
      - task: {type: text-generation}
        metrics: [{type: perplexity, value: 12}]
`;

test("a card of its own name: what it says of itself and of its base", () =>
  withStore(async (store) => {
    const summary = await importCard(store, fullCard, { name: "org/tuned" });
    assert.equal(summary.externals.map(label), ["org/tuned", "org/base"]);
    assert.equal(await edgesOf(store), ["org/tuned <- org/base other"]);
    const [declaration] = await store.declarations(summary.externals[0]!.id);
    assert.equal(declaration!.parameters, { relation: "adapter" });
    const external = (await store.external(summary.externals[0]!.id))!;
    assert.equal(external.metrics, { "org/bench/accuracy": 0.75, perplexity: 12 });
    assert.equal(external.tags, {
      base_model: "adapter:org/base",
      library_name: "transformers",
      license: "apache-2.0",
      lora: "",
      pipeline_tag: "text-generation",
      region: "eu",
    });
    const again = await importCard(store, fullCard, { name: "org/tuned" });
    assert.ok([...again.externals, ...again.declarations].every(({ isNew }) => !isNew));
  }));

test("which model a card is of: --name, --model, the model-index, or nothing", () =>
  withStore(async (store) => {
    const yaml = "base_model: org/base\nmodel-index: [{name: tuned}]";
    assert.is((await importCard(store, yaml)).externals[0]!.name, "tuned");
    await addAll(store, emptyModel("org/mine"), emptyModel("rain", "2"));
    const mine = await importCard(store, yaml, { model: "org/mine@1" });
    assert.equal(mine.externals[0]!.model, { id: idOf("org/mine@1"), by: "hash" });
    assert.is(mine.externals[0]!.name, "org/mine");
    assert.is((await importCard(store, yaml, { model: "rain@2" })).externals[0]!.name, "rain-2");
    const named = await importCard(store, yaml, { model: "rain@2", name: "org/rain" });
    assert.is(named.externals[0]!.name, "org/rain");
    // Known by that name from now on.
    assert.is((await importCard(store, "license: mit", { model: "rain@2" })).externals[0]!.name, "org/rain");
    const { message } = await failure("MENDLINE_ARGUMENT_INVALID", () => importCard(store, "license: mit"));
    assert.match(message, "--name org/model");
  }));

test("relations of a base model, told and not told", () =>
  withStore(async (store) => {
    const cases: [string, string[]][] = [
      ["base_model: b\nbase_model_relation: finetune", ["b fine-tuning"]],
      ["base_model: b\nbase_model_relation: quantized", ["b quantization"]],
      ["base_model: [b, c]\nbase_model_relation: merge", ["b merge", "c merge"]],
      ["base_model: [b, c, b]", ["b merge", "c merge"]],
      ["base_model: [b]", ["b other"]],
      ["base_model: b\nbase_model_relation: toString", ["b other"]],
      ["base_model: null", []],
      ["", []],
    ];
    for (const [index, [yaml, parents]] of cases.entries()) {
      await importCard(store, yaml, { name: `case${index}` });
      const edges = (await edgesOf(store)).filter((edge) => edge.startsWith(`case${index} `));
      assert.equal(
        edges,
        parents.map((parent) => `case${index} <- ${parent}`),
      );
    }
  }));

test("line ends, byte order marks, comments and anchors of real cards", () =>
  withStore(async (store) => {
    const files = [
      written("\ufeff---\r\nbase_model: org/base # as published\r\n---\r\n# Title\r\n---\r\nmore\r\n"),
      written("\n---   \nbase_model: &b org/base\nbase_models_note: *b\n---"),
    ];
    for (const [index, file] of files.entries())
      await importLineage(store, { format: "huggingface", files: [file], name: `m${index}` });
    assert.equal(await edgesOf(store), ["m0 <- org/base other", "m1 <- org/base other"]);
  }));

test("declared derivations between models of the store become derivations when asked", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("org/base", "main"), emptyModel("mine", "1"));
    const yaml = "base_model: [org/base, org/elsewhere]\nbase_model_relation: merge";
    const without = await importCard(store, yaml, { model: "mine@1" });
    assert.equal(without.linked, []);
    assert.equal(await store.parents(idOf("mine@1")), []);
    const link = { parent: idOf("org/base@main"), child: idOf("mine@1") };
    const linked = await importCard(store, yaml, { model: "mine@1", link: true });
    assert.equal(linked.linked, [link]);
    const [derivation] = await store.parents(idOf("mine@1"));
    assert.is(derivation!.transformation, "merge");
    assert.equal((derivation!.parameters.declaredBy as { source: string }).source, "huggingface");
    assert.equal((await importCard(store, yaml, { model: "mine@1", link: true })).linked, [], "once");
  }));

test("a link that would close a circle takes the whole import back", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("org/base"), emptyModel("org/child"));
    await store.commit((tx) =>
      tx.addDerivation({ parent: idOf("org/child@1"), child: idOf("org/base@1"), transformation: "other" }),
    );
    const yaml = "base_model: org/base";
    await failure("MENDLINE_STORE_CYCLE", () => importCard(store, yaml, { name: "org/child", link: true }));
    assert.equal(await collect(store.externals()), []);
    await importCard(store, yaml, { name: "org/child" });
  }));

test("damaged and hostile cards: refused by file and field, nothing is written", () =>
  withStore(async (store) => {
    const cases: [content: string | Uint8Array, code: Parameters<typeof failure>[0], message: RegExp][] = [
      ["# no metadata\n", "MENDLINE_DATA_FORMAT", /no model card/],
      ["---\nbase_model: x\n", "MENDLINE_DATA_FORMAT", /no model card/],
      ["", "MENDLINE_DATA_FORMAT", /no model card/],
      ["---\na: [1\n---\n", "MENDLINE_DATA_MALFORMED", /no YAML.*line/],
      ["---\na: 1\na: 2\n---\n", "MENDLINE_DATA_MALFORMED", /no YAML.*unique/],
      ["---\n- a\n---\n", "MENDLINE_DATA_MALFORMED", /is a list, not an object/],
      ["---\nbase_model: 7\n---\n", "MENDLINE_DATA_MALFORMED", /: base_model holds number 7/],
      ["---\nbase_model: {a: b}\n---\n", "MENDLINE_DATA_MALFORMED", /base_model holds an object/],
      ["---\nbase_model: ''\n---\n", "MENDLINE_DATA_MALFORMED", /external model "" has 0 characters/],
      ['---\nbase_model: "a\\nb"\n---\n', "MENDLINE_DATA_MALFORMED", /holds a control character/],
      [`---\nbase_model: ${"x".repeat(2_000)}\n---\n`, "MENDLINE_DATA_MALFORMED", /has 2000 characters/],
      ["---\nbase_model: me\n---\n", "MENDLINE_DATA_MALFORMED", /its own parent/],
      ["---\nmodel-index: {}\n---\n", "MENDLINE_DATA_MALFORMED", /: model-index is an object, not a list/],
      [
        "---\nmodel-index: [{results: [1]}]\n---\n",
        "MENDLINE_DATA_MALFORMED",
        /: model-index\[0\]\.results\[0\] is number 1/,
      ],
      [
        "---\nmendline: {id: abc}\n---\n",
        "MENDLINE_DATA_MALFORMED",
        /: mendline\.id is the text "abc", no sha256/,
      ],
      [
        "---\nmendline: {parents: [{hub: a, transformation: magic}]}\n---\n",
        "MENDLINE_DATA_MALFORMED",
        /: mendline\.parents\[0\]\.transformation is the text "magic"/,
      ],
      [Buffer.from("---\nbase_model: \xff\n---\n", "latin1"), "MENDLINE_DATA_MALFORMED", /no UTF-8/],
      [`---\n${bomb()}\n---\n`, "MENDLINE_DATA_MALFORMED", /no YAML/],
      [`---\na: ${"[".repeat(100_000)}\n---\n`, "MENDLINE_DATA_MALFORMED", /no YAML/],
      [`---\na: ${"x".repeat(cardMetadataBytesMax)}\n---\n`, "MENDLINE_DATA_LIMIT", /metadata has/],
      [Buffer.alloc(importFileBytesMax + 1, "-"), "MENDLINE_DATA_LIMIT", /larger than the/],
    ];
    for (const [content, code, message] of cases) {
      const file = written(content);
      const error = await failure(code, () =>
        importLineage(store, { format: "huggingface", files: [file], name: "me" }),
      );
      assert.match(error.message, message);
      assert.ok(error.message.includes(file), error.message);
    }
    assert.equal(await collect(store.externals()), []);
  }));

/** "Billion laughs": nine levels of nine aliases each. */
function bomb(): string {
  const lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 9; level++)
    lines.push(
      `l${level}: &l${level} [${Array(9)
        .fill(`*l${level - 1}`)
        .join(", ")}]`,
    );
  return lines.join("\n");
}

test("requests that make no sense are refused", () =>
  withStore(async (store) => {
    const file = card("base_model: b");
    const refused = (request: Partial<ImportRequest>) => () =>
      importLineage(store, { format: "huggingface", files: [file], name: "m", ...request });
    await failure("MENDLINE_ARGUMENT_INVALID", refused({ format: "rumour" as "mlflow" }));
    await failure("MENDLINE_ARGUMENT_INVALID", refused({ files: [] }));
    await failure("MENDLINE_ARGUMENT_INVALID", refused({ files: [file, file] }));
    await failure("MENDLINE_ARGUMENT_INVALID", refused({ format: "mlflow" }));
    await failure("MENDLINE_STORE_UNKNOWN", refused({ model: "nothing@1" }));
    await failure("MENDLINE_DATA_NOT_FOUND", refused({ files: [`${file}.no`] }));
    await failure("MENDLINE_DATA_NOT_FOUND", refused({ files: ["/"] }));
    await failure("MENDLINE_TASK_ABORTED", refused({ signal: AbortSignal.abort() }));
  }));

test.run();
