import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { idOf, withStore } from "../support.js";
import { addHostile, addRain, exported, hostileParts } from "./samples.js";
import { OpenLineageValidator } from "./schemas.js";

// biome-ignore lint/suspicious/noExplicitAny: documents of another format, looked into by the tests
type Event = any;

const validator = new OpenLineageValidator();

async function events(
  store: LineageStore,
  more: { ref?: string; namespace?: string } = {},
): Promise<Event[]> {
  const text = await exported(store, "openlineage", more);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("the validator is no rubber stamp", () =>
  withStore(async (store) => {
    await addRain(store);
    const [event] = await events(store);
    assert.ok(validator.accepts(event));
    for (const member of ["eventTime", "producer", "schemaURL", "dataset"]) {
      const { [member]: _left, ...rest } = event;
      assert.not.ok(validator.accepts(rest), member);
    }
    assert.not.ok(validator.accepts({ ...event, eventTime: "yesterday" }));
  }));

test("a model of no one is a dataset, a derived one the output of a run", () =>
  withStore(async (store) => {
    await addRain(store);
    const all = await events(store);
    for (const event of all) validator.check(event);
    assert.equal(
      all.map((event) => [event.eventType ?? "dataset", event.job?.name ?? event.dataset.name]),
      [
        ["dataset", "rain@1"],
        ["START", "rain@2"],
        ["COMPLETE", "rain@2"],
        ["START", "rain@3"],
        ["COMPLETE", "rain@3"],
      ],
    );
    const [root, start, complete, , repair] = all;
    assert.is(root.dataset.facets.version.datasetVersion, idOf("rain@1"));
    assert.equal(root.dataset.facets.symlinks.identifiers, [
      { namespace: "mendline", name: "shower@9", type: "MODEL" },
    ]);
    assert.equal(root.dataset.facets.mendline_model.metrics, { accuracy: 0.75, "log-loss": 0.508 });
    assert.is(start.run.runId, complete.run.runId);
    assert.is.not(start.run.runId, repair.run.runId);
    assert.is(complete.eventTime, "2023-11-14T22:13:21.500Z", "when the derivation was recorded");
    assert.is(complete.job.facets.jobType.jobType, "FINE-TUNING");
    assert.equal(
      complete.inputs.map(({ namespace, name }: Event) => [namespace, name]),
      [["mendline", "rain@1"]],
    );
    assert.equal(complete.inputs[0].inputFacets.mendline_distribution.distribution.drift, {
      verdict: "drift",
    });
    assert.is(complete.outputs[0].name, "rain@2");
    const [derivation] = complete.run.facets.mendline_transformation.derivations;
    assert.is(derivation.parentId, idOf("rain@1"));
    assert.equal(derivation.parameters, { epochs: 100, layers: ["a", "b"] });
    assert.equal(
      repair.inputs.map(({ name }: Event) => name),
      ["rain@2", "rain@1"],
    );
    assert.is(repair.eventTime, "2023-11-14T22:13:22.600Z", "the later of two");
  }));

test("custom facets are named as the specification wants them", () =>
  withStore(async (store) => {
    await addRain(store);
    const text = await exported(store, "openlineage");
    const names = new Set([...text.matchAll(/"(mendline\w*)":\{/g)].map(([, name]) => name));
    assert.equal([...names].sort(), ["mendline_distribution", "mendline_model", "mendline_transformation"]);
  }));

test("of one model: its ancestors too, and nothing else; the namespace is the caller's", () =>
  withStore(async (store) => {
    await addRain(store);
    const some = await events(store, { ref: "rain@2", namespace: "plant 7" });
    assert.equal(
      some.map((event) => event.eventType ?? event.dataset.name),
      ["START", "COMPLETE", "rain@1"],
    );
    assert.is(some[0].job.namespace, "plant 7");
    const [, here] = await events(store, { ref: "rain@2" });
    assert.is.not(here.run.runId, some[0].run.runId, "a run of another namespace");
  }));

test("the same lineage gives the same bytes; an empty one is empty", () =>
  withStore(async (store, reopen) => {
    assert.is(await exported(store, "openlineage"), "");
    await addRain(store);
    const before = await exported(store, "openlineage");
    assert.is(await exported(await reopen(), "openlineage"), before);
  }));

test("hostile names and values are only values", () =>
  withStore(async (store) => {
    await addHostile(store);
    const all = await events(store);
    for (const event of all) validator.check(event);
    assert.is(all.length, 2 * hostileParts.length - 1);
  }));

test.run();
