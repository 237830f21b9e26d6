// What is only declared, in every format: told, told apart, and brought back.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { importLineage } from "../../../src/lineage-store/import/import-lineage.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { edgesOf, importCard, importJson, written } from "../import/support.js";
import { addAll, collect, emptyModel, idOf, withStore } from "../support.js";
import { addHostile, addRain, exported, hostileParts } from "./samples.js";
import { cycloneDxValidator, expectValid, OpenLineageValidator } from "./schemas.js";

// biome-ignore lint/suspicious/noExplicitAny: documents of another format, looked into by the tests
type Document = any;

/** rain@1 is declared to come from org/base, and that from org/origin; elsewhere has nothing to do with it. */
async function addDeclared(store: LineageStore): Promise<void> {
  await addRain(store);
  await importCard(store, "base_model: org/base\nbase_model_relation: finetune", {
    model: "rain@1",
    name: "org/rain",
  });
  await importCard(store, "base_model: [org/origin, org/other]\nlicense: mit", { name: "org/base" });
  await importJson(store, { model_version: { name: "elsewhere", version: "1" } });
}

test("OpenLineage: declared parents are inputs in their own namespace, and marked", () =>
  withStore(async (store) => {
    await addDeclared(store);
    const validator = new OpenLineageValidator();
    const lines = (await exported(store, "openlineage")).trimEnd().split("\n");
    const events: Document[] = lines.map((line) => JSON.parse(line));
    for (const event of events) validator.check(event);
    const complete = (name: string) =>
      events.find((event) => event.eventType === "COMPLETE" && event.job.name === name);
    const [input, ...others] = complete("rain@1").inputs;
    assert.equal([input.namespace, input.name, others.length], ["huggingface", "org/base", 0]);
    assert.is(input.inputFacets.mendline_declaration.source, "huggingface");
    const [derivation] = complete("rain@1").run.facets.mendline_transformation.derivations;
    assert.equal([derivation.declared, derivation.transformation], [true, "fine-tuning"]);
    assert.equal(
      complete("org/base").inputs.map((dataset: Document) => dataset.name),
      ["org/origin", "org/other"],
    );
    assert.ok(events.some((event) => event.dataset?.name === "elsewhere@1"));
    const symlinks = complete("rain@1").outputs[0].facets.symlinks.identifiers;
    assert.ok(
      symlinks.some(({ namespace, name }: Document) => namespace === "huggingface" && name === "org/rain"),
    );
    const some = await exported(store, "openlineage", { ref: "rain@2" });
    assert.match(some, "org/origin");
    assert.not.match(some, "elsewhere");
  }));

test("CycloneDX: declared parents stand in the pedigree, and as components without a hash", () =>
  withStore(async (store) => {
    await addDeclared(store);
    const validate = cycloneDxValidator();
    const bom: Document = JSON.parse(await exported(store, "cyclonedx", { ref: "rain@1" }));
    expectValid(validate, bom);
    const [ancestor] = bom.metadata.component.pedigree.ancestors;
    assert.equal(
      [ancestor.name, ancestor.purl, ancestor.hashes],
      ["org/base", "pkg:huggingface/org/base", undefined],
    );
    assert.match(bom.metadata.component.pedigree.notes, "as declared by huggingface");
    assert.equal(
      bom.components.map(({ name }: Document) => name),
      ["org/base", "org/origin", "org/other"],
    );
    assert.equal(bom.components[0].licenses, [{ license: { name: "mit" } }]);
    const all: Document = JSON.parse(await exported(store, "cyclonedx"));
    expectValid(validate, all);
    assert.is(all.components.length, 3 + 4);
  }));

test("drawings: dashed or noted; without circles where sayings contradict the lineage", () =>
  withStore(async (store) => {
    await addDeclared(store);
    const id = idOf("rain@1");
    assert.match(
      await exported(store, "dot"),
      new RegExp(`-> "${id}" \\[label="fine-tuning", style=dashed\\];`),
    );
    const before = await exported(store, "mermaid");
    assert.match(before, /org\/base@huggingface<br\/>external/);
    assert.match(before, /-->\|"fine-tuning declared"\|/);
    // rain@3 comes from rain@1, whatever a card says.
    await importCard(store, "base_model: rain", { model: "rain@1", name: "org/rain" });
    await importCard(store, "license: mit", { model: "rain@3", name: "rain" });
    assert.match(await exported(store, "dot"), new RegExp(`"${idOf("rain@3")}" -> "${id}" .*dashed`));
    assert.is(
      (await exported(store, "mermaid")).match(/declared/g)!.length,
      before.match(/declared/g)!.length,
    );
  }));

test("a card names the declared base, and the name under which its own card was imported", () =>
  withStore(async (store) => {
    await addDeclared(store);
    const text = await exported(store, "huggingface", { ref: "rain@1" });
    const metadata = parse(text.split("\n---\n")[0]!);
    assert.equal([metadata.base_model, metadata.base_model_relation], ["org/base", "finetune"]);
    assert.is(metadata["model-index"][0].name, "org/rain");
    assert.is(metadata.mendline.parents, undefined, "nothing is pinned that nobody has");
  }));

test("a real derivation makes a declaration of the same two silent", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("org/base"), emptyModel("mine"));
    await importCard(store, "base_model: org/base", { model: "mine@1", link: true });
    const events = (await exported(store, "openlineage", { ref: "mine@1" })).trimEnd().split("\n");
    assert.is(JSON.parse(events[1]!).inputs.length, 1);
    assert.not.match(events[1]!, "mendline_declaration");
  }));

test("cards go from store to store: what was exported is imported, and finds the models by content", () =>
  withStore(async (store) => {
    await addRain(store);
    const cards: [string, string][] = [];
    for (const version of ["1", "2", "3"])
      cards.push([version, written(await exported(store, "huggingface", { ref: `rain@${version}` }))]);
    await withStore(async (other) => {
      await importLineage(other, { format: "huggingface", files: cards.map(([, file]) => file) });
      assert.equal(await edgesOf(other), [
        "rain-2 <- rain-1 fine-tuning",
        "rain-3 <- rain-1 repair",
        "rain-3 <- rain-2 repair",
      ]);
      assert.is((await collect(other.models())).length, 0);
      for (const version of ["1", "2", "3"]) {
        const id = idOf(`rain@${version}`);
        await addAll(other, emptyModel("renamed", version, { id }));
        const [external] = await other.externalsOf(id);
        assert.equal(await other.resolutionOf(external!), { id, by: "hash" });
      }
      const files = cards.map(([, file]) => file);
      const { linked } = await importLineage(other, { format: "huggingface", files, link: true });
      assert.is(linked.length, 3);
      const [derivation] = await other.parents(idOf("rain@2"));
      assert.is(derivation!.transformation, "fine-tuning");
      assert.is(derivation!.parameters.epochs, 100);
    });
  }));

test("hostile names survive the way through a card", () =>
  withStore(async (store) => {
    await addHostile(store);
    const files: string[] = [];
    for (const part of hostileParts)
      files.push(written(await exported(store, "huggingface", { ref: idOf(`${part}@${part}`) })));
    await withStore(async (other) => {
      const { declarations } = await importLineage(other, { format: "huggingface", files });
      assert.is(declarations.length, hostileParts.length - 1);
    });
  }));

test.run();
