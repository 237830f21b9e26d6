import { test } from "uvu";
import * as assert from "uvu/assert";
import { addAll, emptyModel, idOf, withStore } from "../support.js";
import { addHostile, addRain, exported, hostileParts } from "./samples.js";
import { cycloneDxValidator, expectValid } from "./schemas.js";

// biome-ignore lint/suspicious/noExplicitAny: documents of another format, looked into by the tests
type Bom = any;

const validate = cycloneDxValidator();

function properties(holder: Bom): Record<string, string> {
  return Object.fromEntries(holder.properties.map(({ name, value }: Bom) => [name, value]));
}

test("the validator is no rubber stamp", () =>
  withStore(async (store) => {
    await addRain(store);
    const bom: Bom = JSON.parse(await exported(store, "cyclonedx"));
    for (const change of [
      (copy: Bom) => (copy.components[0].type = "model"),
      (copy: Bom) => (copy.components[0].hashes[0].alg = "sha256"),
      (copy: Bom) => (copy.components[0].modelCard.extra = 1),
      (copy: Bom) => (copy.serialNumber = "1"),
      (copy: Bom) => (copy.specVersion = 1.7),
    ]) {
      const copy = structuredClone(bom);
      change(copy);
      assert.not.ok(validate(copy));
    }
  }));

test("every model is a component with pedigree and card", () =>
  withStore(async (store) => {
    await addRain(store);
    const bom: Bom = JSON.parse(await exported(store, "cyclonedx"));
    expectValid(validate, bom);
    assert.is(bom.specVersion, "1.7");
    assert.is(bom.metadata.timestamp, "2023-11-14T22:13:22.600Z", "the newest record");
    assert.is(bom.metadata.component, undefined);
    const [first, second, third] = bom.components;
    assert.equal(first.hashes, [{ alg: "SHA-256", content: idOf("file of rain@1") }]);
    assert.is(first["bom-ref"], idOf("rain@1"));
    assert.equal(first.licenses, [{ license: { name: "apache-2.0" } }]);
    assert.is(first.pedigree, undefined);
    assert.is(first.modelCard.modelParameters.task, "classification");
    assert.equal(first.modelCard.quantitativeAnalysis.performanceMetrics, [
      { type: "accuracy", value: "0.75" },
      { type: "log-loss", value: "0.508" },
    ]);
    assert.is(properties(first)["mendline:alsoNamed"], "shower@9");
    const [ancestor] = second.pedigree.ancestors;
    assert.equal([ancestor.name, ancestor.version], ["rain", "1"]);
    assert.is(properties(ancestor)["mendline:transformation"], "fine-tuning");
    assert.is(properties(ancestor)["mendline:parameter:epochs"], "100");
    assert.is(properties(ancestor)["mendline:parameter:layers"], '["a","b"]');
    assert.is(third.pedigree.notes, "repair of rain@2; repair of rain@1");
    assert.equal(
      third.pedigree.ancestors.map((parent: Bom) => properties(parent)["mendline:id"]),
      [idOf("rain@2"), idOf("rain@1")],
    );
  }));

test("of one model: it is the bill's subject, its ancestors the components", () =>
  withStore(async (store) => {
    await addRain(store);
    const bom: Bom = JSON.parse(await exported(store, "cyclonedx", { ref: "rain@2" }));
    expectValid(validate, bom);
    assert.is(bom.metadata.component["bom-ref"], idOf("rain@2"));
    assert.equal(
      bom.components.map((component: Bom) => component.version),
      ["1"],
    );
  }));

test("references within a bill are unique", () =>
  withStore(async (store) => {
    await addRain(store);
    const text = await exported(store, "cyclonedx");
    const refs = [...text.matchAll(/"bom-ref":"(\w+)"/g)].map(([, ref]) => ref);
    assert.is(new Set(refs).size, 3);
    assert.is(refs.length, 3);
  }));

test("the serial number follows the content", () =>
  withStore(async (store) => {
    const serial = async () => JSON.parse(await exported(store, "cyclonedx")).serialNumber;
    expectValid(validate, JSON.parse(await exported(store, "cyclonedx")));
    const empty = await serial();
    await addRain(store);
    const rain = await serial();
    assert.is(await serial(), rain);
    await addAll(store, emptyModel("other"));
    assert.is(new Set([empty, rain, await serial()]).size, 3);
  }));

test("hostile names and values are only values", () =>
  withStore(async (store) => {
    await addHostile(store);
    const bom: Bom = JSON.parse(await exported(store, "cyclonedx"));
    expectValid(validate, bom);
    assert.equal(
      bom.components.map((component: Bom) => component.name),
      hostileParts,
    );
  }));

test.run();
