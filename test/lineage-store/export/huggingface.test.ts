import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse, parseAllDocuments } from "yaml";
import type { NewDerivation } from "../../../src/lineage-store/records.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { addAll, emptyModel, idOf, withStore } from "../support.js";
import { addHostile, addRain, exported, hostileParts } from "./samples.js";

/** The expression by which huggingface_hub finds the metadata (repocard.py, REGEX_YAML_BLOCK). */
const yamlBlock = /^(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(\r\n|\n|$))/;

// biome-ignore lint/suspicious/noExplicitAny: documents of another format, looked into by the tests
type Card = any;

async function card(store: LineageStore, ref: string): Promise<{ metadata: Card; body: string }> {
  const text = await exported(store, "huggingface", { ref });
  const block = yamlBlock.exec(text);
  assert.ok(block, text);
  return { metadata: parse(block![2]!, { version: "1.1" }), body: text.slice(block![0].length) };
}

test("a card has the Hub's fields, and pins what they cannot", () =>
  withStore(async (store) => {
    await addRain(store);
    const { metadata: root } = await card(store, "rain@1");
    assert.equal(root, {
      license: "apache-2.0",
      library_name: "onnx",
      pipeline_tag: "tabular-classification",
      tags: ["mendline", "onnx", "site:Seattle"],
      "model-index": [
        {
          name: "rain-1",
          results: [
            {
              task: { type: "tabular-classification" },
              dataset: { type: "unspecified", name: "unspecified" },
              metrics: [
                { type: "accuracy", name: "accuracy", value: 0.75 },
                { type: "log-loss", name: "log-loss", value: 0.508 },
              ],
            },
          ],
        },
      ],
      mendline: {
        hub: "rain-1",
        id: idOf("rain@1"),
        name: "rain",
        version: "1",
        file_sha256: idOf("file of rain@1"),
      },
    });
    const { metadata, body } = await card(store, "rain@2");
    assert.is(metadata.base_model, "rain-1");
    assert.is(metadata.base_model_relation, "finetune");
    assert.is(metadata["model-index"][0].results[0].metrics[0].value, 1e-7, "a number in YAML 1.1, too");
    assert.equal(metadata.mendline.parents, [
      {
        hub: "rain-1",
        id: idOf("rain@1"),
        name: "rain",
        version: "1",
        transformation: "fine-tuning",
        parameters: { epochs: 100, layers: ["a", "b"] },
      },
    ]);
    assert.match(body, `# rain\\@2\n`);
    assert.match(body, idOf("rain@1"));
  }));

test("several parents, and how the kinds are told", () =>
  withStore(async (store) => {
    await addRain(store);
    const { metadata: repaired } = await card(store, "rain@3");
    assert.equal(repaired.base_model, ["rain-2", "rain-1"]);
    assert.is(repaired.base_model_relation, "merge");
    const cases: [Pick<NewDerivation, "transformation" | "parameters">, string | undefined][] = [
      [{ transformation: "quantization" }, "quantized"],
      [{ transformation: "merge" }, "merge"],
      [{ transformation: "pruning" }, "finetune"],
      [{ transformation: "distillation" }, "finetune"],
      [{ transformation: "repair" }, "finetune"],
      [{ transformation: "other", parameters: { relation: "adapter" } }, "adapter"],
      [{ transformation: "other", parameters: { relation: "cousin" } }, undefined],
      [{ transformation: "other" }, undefined],
    ];
    for (const [index, [derivation, expected]] of cases.entries()) {
      const child = emptyModel("child", String(index));
      await addAll(store, child);
      await store.commit((tx) =>
        tx.addDerivation({ ...derivation, parent: idOf("rain@1"), child: child.id }),
      );
      const { metadata } = await card(store, child.id);
      assert.is(metadata.base_model_relation, expected, JSON.stringify(derivation));
    }
  }));

test("names on the Hub: the tag, a name that looks like one, else name and version", () =>
  withStore(async (store) => {
    const names: [name: string, tags: Record<string, string>, expected: string][] = [
      ["a", { huggingface: "org/model" }, "org/model"],
      ["org/base", {}, "org/base"],
      ["c -.- d?", {}, `c.d-1-${idOf("c -.- d?@1").slice(0, 8)}`],
      ["-/..", {}, `model/model-${idOf("-/..@1").slice(0, 8)}`],
    ];
    for (const [name, tags, expected] of names) {
      const [parent, child] = [
        emptyModel(name, "1", { tags }),
        emptyModel(`child of ${name.replaceAll("/", " ")}`),
      ];
      await addAll(store, parent, child);
      await store.commit((tx) =>
        tx.addDerivation({ parent: parent.id, child: child.id, transformation: "fine-tuning" }),
      );
      assert.is((await card(store, child.id)).metadata.base_model, expected);
    }
  }));

test("without a model: a YAML stream, a document a model", () =>
  withStore(async (store) => {
    await addRain(store);
    const documents = parseAllDocuments(await exported(store, "huggingface"));
    assert.equal(
      documents.map((document) => (document.toJS() as Card).mendline.version),
      ["1", "2", "3"],
    );
  }));

test("hostile names and values end neither the metadata nor a line of the body", () =>
  withStore(async (store) => {
    await addHostile(store);
    for (const part of hostileParts) {
      const { metadata, body } = await card(store, idOf(`${part}@${part}`));
      assert.equal([metadata.mendline.name, metadata.mendline.version], [part, part]);
      assert.is(metadata["model-index"][0].results[0].metrics[0].type, part);
      const unescaped = body.replace(/\\[!-/:-@[-`{-~]/g, "").replace(/`[0-9a-f]{64}`/g, "");
      assert.match(
        unescaped,
        /^\n# [^\n]*\n\n(?:Derived from:\n\n- [^\n]* by other \(\)\n\n)?The sha256 of [^\n]*\n$/,
      );
      assert.not.match(unescaped.slice(3), /[<>*_`[\]&#|~\u200b\ufeff]/);
    }
    const documents = parseAllDocuments(await exported(store, "huggingface"));
    assert.is(documents.length, hostileParts.length);
  }));

test.run();
