import { test } from "uvu";
import * as assert from "uvu/assert";
import { externalId } from "../../../src/lineage-store/declared.js";
import { importLineage } from "../../../src/lineage-store/import/import-lineage.js";
import { addAll, collect, emptyModel, failure, idOf, withStore } from "../support.js";
import { edgesOf, importJson, label, written } from "./support.js";

/** As `mlflow runs describe` prints it: maps. */
function described(id: string, tags: Record<string, string> = {}, more: object = {}) {
  return {
    info: {
      run_id: id,
      run_uuid: id,
      run_name: "gifted-shrew-1",
      experiment_id: "0",
      status: "FINISHED",
      start_time: 1_700_000_000_000,
      lifecycle_stage: "active",
      ...more,
    },
    data: {
      metrics: { rmse: 0.5, broken: null },
      params: { epochs: "3" },
      tags: { "mlflow.user": "ada", site: "Seattle", ...tags },
    },
    inputs: { dataset_inputs: [] },
  };
}

/** As the REST API answers: lists of pairs. */
function fromRest(id: string, tags: Record<string, string> = {}) {
  const { info, data } = described(id, tags);
  const list = (map: Record<string, unknown>) => Object.entries(map).map(([key, value]) => ({ key, value }));
  const metrics = [
    { key: "rmse", value: 0.5, timestamp: 1, step: 3 },
    { key: "broken", value: "NaN", timestamp: 1, step: 3 },
  ];
  return { info, data: { metrics, params: list(data.params), tags: list(data.tags) } };
}

test("a run, as the command line prints it and as the REST API answers, is the same", () =>
  withStore(async (store) => {
    const tags = { "mlflow.parentRunId": "p1", "mendline.transformation": "fine-tuning" };
    await importJson(store, described("c1", tags));
    assert.equal(await edgesOf(store), ["runs:/c1 <- runs:/p1 fine-tuning"]);
    const id = externalId({ source: "mlflow", name: "runs:/c1", version: null });
    const external = (await store.external(id))!;
    assert.equal(external.metrics, { rmse: 0.5 });
    assert.equal(external.tags, { "param:epochs": "3", site: "Seattle" });
    assert.is(external.createdMs, 1_700_000_000_000);
    const [declaration] = await store.declarations(id);
    assert.equal(declaration!.parameters, { params: { epochs: "3" }, relation: "mlflow.parentRunId" });
    for (const document of [
      { run: fromRest("c1", tags) },
      { runs: [fromRest("c1", tags)], next_page_token: "x" },
    ]) {
      const again = await importJson(store, document);
      assert.ok(
        [...again.externals, ...again.declarations].every(({ isNew }) => !isNew),
        JSON.stringify(again),
      );
    }
  }));

test("model versions stand for the runs that made them, across files", () =>
  withStore(async (store) => {
    const parent = fromRest("p1");
    const child = fromRest("c1", { "mlflow.parentRunId": "p1" });
    const version = (name: string, number: unknown, run_id: string, tags: object[] = []) => ({
      name,
      version: number,
      run_id,
      creation_timestamp: "1700000000001",
      current_stage: "None",
      tags,
    });
    const summary = await importJson(
      store,
      { runs: [child] },
      { run: parent },
      { model_versions: [version("rain", "1", "p1", [{ key: "mendline.id", value: idOf("x") }])] },
      { registered_models: [{ name: "rain", latest_versions: [version("rain", 2, "c1")] }] },
      { model_version: version("dew", "1", "") },
    );
    assert.equal(summary.externals.map(label).sort(), ["dew@1", "rain@1", "rain@2"]);
    assert.equal(await edgesOf(store), ["rain@2 <- rain@1 other"]);
    const first = (await store.external(externalId({ source: "mlflow", name: "rain", version: "1" })))!;
    assert.is(first.hash, idOf("x"));
    assert.equal(first.metrics, { rmse: 0.5 });
    assert.is(first.createdMs, 1_700_000_000_001);
  }));

test("a run with several model versions is each one's origin, and no parent in their place", () =>
  withStore(async (store) => {
    const version = (version: string, run_id: string) => ({ name: "m", version, run_id });
    await importJson(
      store,
      { runs: [fromRest("p"), fromRest("c", { "mlflow.parentRunId": "p" })] },
      { model_versions: [version("1", "p"), version("2", "p"), version("3", "c"), version("4", "c")] },
    );
    assert.equal(await edgesOf(store), ["m@3 <- runs:/p other", "m@4 <- runs:/p other"]);
  }));

test("a registered version is the store's model of that name and version", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("rain", "3"));
    const { externals } = await importJson(store, { model_version: { name: "rain", version: "3" } });
    assert.equal(externals[0]!.model, { id: idOf("rain@3"), by: "name" });
  }));

test("linked: parameters that MLflow has as text stay beside those that the store checks", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("rain", "1"), emptyModel("rain", "2"));
    const tags = { "mlflow.parentRunId": "p", "mendline.transformation": "fine-tuning" };
    const document = {
      runs: [fromRest("p"), fromRest("c", tags)],
      model_versions: ["p", "c"].map((run_id, index) => ({ name: "rain", version: `${index + 1}`, run_id })),
    };
    const files = [written(JSON.stringify(document))];
    const { linked } = await importLineage(store, { format: "mlflow", files, link: true });
    assert.equal(linked, [{ parent: idOf("rain@1"), child: idOf("rain@2") }]);
    const [derivation] = await store.parents(idOf("rain@2"));
    assert.is(derivation!.transformation, "fine-tuning");
    assert.equal(derivation!.parameters.params, { epochs: "3" });
    assert.equal(derivation!.metrics, { rmse: 0.5 });
  }));

test("deleted runs are left out", () =>
  withStore(async (store) => {
    await importJson(store, described("d", { "mlflow.parentRunId": "p" }, { lifecycle_stage: "deleted" }));
    assert.equal(await collect(store.externals()), []);
  }));

test("damaged and hostile documents: refused by file and field, nothing is written", () =>
  withStore(async (store) => {
    const cases: [unknown, RegExp][] = [
      [[], /is a list, not an object/],
      [{}, /neither a run nor a model version/],
      [{ data: {} }, /neither a run nor a model version/],
      [{ info: 1 }, /: info is number 1/],
      [{ info: {} }, /: info\.run_uuid is missing/],
      [{ runs: { a: 1 } }, /: runs is an object, not a list/],
      [
        { runs: [{ info: { run_id: "a" }, data: { metrics: [{ key: "m", value: [] }] } }] },
        /: runs\[0\]\.data\.metrics\[0\]\.value is a list/,
      ],
      [{ info: { run_id: "a" }, data: { params: { p: 1 } } }, /: data\.params\.p is number 1, not text/],
      [described("a", { "mlflow.parentRunId": "a" }), /its own parent/],
      [described("a", { "mendline.id": "ABC" }), /mendline\.id that is the text "ABC"/],
      [
        described("a", { "mlflow.parentRunId": "b", "mendline.transformation": "magic" }),
        /"magic", not one of/,
      ],
      [described("a\u0000b"), /holds a control character/],
      [described("x".repeat(2_000)), /has 2006 characters/],
      [{ model_version: { name: "m" } }, /: model_version\.version is missing/],
      [{ model_version: { name: "", version: "1" } }, /: model_version\.name is missing or empty/],
    ];
    for (const [document, message] of cases) {
      const error = await failure("MENDLINE_DATA_MALFORMED", () => importJson(store, document));
      assert.match(error.message, message);
      assert.match(error.message, /^\/.*\.txt:/);
    }
    const circle = ["a", "b"].map((id, index) =>
      fromRest(id, { "mlflow.parentRunId": index === 0 ? "b" : "a" }),
    );
    await failure("MENDLINE_STORE_CYCLE", () => importJson(store, { runs: circle }));
    assert.equal(await collect(store.externals()), []);
    await importJson(
      store,
      JSON.parse(
        '{"info": {"run_id": "__proto__"}, "data": {"tags": {"__proto__": "x", "constructor": "y"}}}',
      ),
    );
    const [external] = await collect(store.externals());
    assert.equal(Object.keys(external!.tags), ["__proto__", "constructor"]);
  }));

test.run();
