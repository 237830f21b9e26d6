/** Contract: searches by name, tags, metrics and form. */
import assert from "node:assert/strict";
import type { ModelFilter } from "../search.js";
import type { ContractOptions, ContractStore } from "./store.js";
import { collect, id, plain, refusal, registrar } from "./support.js";

async function found(store: ContractStore, filter: ModelFilter, limit?: number): Promise<string> {
  const models = await collect(store.search(filter, { limit }));
  return models.map(({ name, version }) => `${name}${version}`).join(" ");
}

export function searchContract(options: ContractOptions): void {
  const check = registrar(options);

  check("by name, tags and metrics, in created order", async (store, reopen) => {
    const stages = ["trial", "production", "retired"];
    for (let version = 1; version <= 9; version++) {
      await store.commit((tx) => {
        const tags = { stage: stages[version % 3]!, "": "x\0y", ["__proto__"]: "odd" };
        const metrics: Record<string, number> =
          version === 5 ? {} : { auc: version / 10, "log loss": -version };
        tx.addModel(plain(version % 2 === 0 ? "rain" : "snow", String(version), { tags, metrics }));
      });
    }
    // An old model under a new name comes in its own place.
    await store.commit((tx) => tx.addModel(plain("rain", "old", { id: id("snow", "1") })));
    const opened = await reopen();
    assert.equal(await found(opened, { name: "rain" }), "snow1 rain2 rain4 rain6 rain8");
    assert.equal(await found(opened, { name: "hail" }), "");
    assert.equal(await found(opened, { tags: { stage: "trial" } }), "snow3 rain6 snow9");
    assert.equal(await found(opened, { tags: { stage: "trial", "": "x\0y" } }), "snow3 rain6 snow9");
    assert.equal(await found(opened, { tags: { stage: "trial", "": "x" } }), "");
    assert.equal(await found(opened, { tags: { toString: "trial" } }), "");
    assert.equal(
      await found(opened, { tags: { ["__proto__"]: "odd", stage: "trial" } }),
      "snow3 rain6 snow9",
    );
    assert.equal(await found(opened, { tags: { stage: "trial" }, name: "rain" }), "rain6");
    assert.equal(await found(opened, {}), "snow1 rain2 snow3 rain4 snow5 rain6 snow7 rain8 snow9");
    assert.equal(await found(opened, {}, 2), "snow1 rain2");
    assert.equal(await found(opened, { tags: { stage: "trial" } }, 0), "");
    const metric = (comparison: "=" | "<" | "<=" | ">" | ">=", value: number) =>
      found(opened, { metrics: [{ metric: "auc", comparison, value }] });
    assert.equal(await metric(">", 0.7), "rain8 snow9");
    assert.equal(await metric(">=", 0.7), "snow7 rain8 snow9");
    assert.equal(await metric("<", 0.2), "snow1");
    assert.equal(await metric("<=", 0.2), "snow1 rain2");
    assert.equal(await metric("=", 0.3), "snow3");
    const both = [
      { metric: "auc", comparison: ">" as const, value: 0.2 },
      { metric: "log loss", comparison: ">=" as const, value: -6 },
    ];
    assert.equal(await found(opened, { metrics: both, name: "rain" }), "rain4 rain6");
    assert.equal(await found(opened, { metrics: [{ metric: "f1", comparison: "<", value: 9 }] }), "");
  });

  check("what no search can mean is refused", async (store) => {
    const bad: ModelFilter[] = [
      { name: "a@1" },
      { tags: { stage: 1 as unknown as string } },
      { metrics: [{ metric: "auc", comparison: "~" as "=", value: 1 }] },
      { metrics: [{ metric: "auc", comparison: "<", value: Number.NaN }] },
    ];
    for (const filter of bad) await refusal("MENDLINE_ARGUMENT_INVALID", () => collect(store.search(filter)));
  });

  check("models of the same form, the newest first", async (store, reopen) => {
    const tensor = (name: string, shape: readonly number[], dtype = "F32") => {
      return { name, shape, dtype, object: null, byteLength: 0 };
    };
    const forms = {
      a: [tensor("w", [2, 3]), tensor("b", [3])],
      b: [tensor("b", [3], "F16"), tensor("w", [2, 3], "F16")],
      c: [tensor("w", [3, 2]), tensor("b", [3])],
      d: [tensor("w", [2, 3])],
    };
    await store.commit((tx) => {
      for (const [name, tensors] of Object.entries(forms)) tx.addModel(plain(name, "1", { tensors }));
      tx.addModel(plain("none"));
    });
    const opened = await reopen();
    const like = async (tensors: readonly { name: string; shape: readonly number[] }[]) =>
      (await collect(opened.modelsLike(tensors))).map(({ name }) => name);
    assert.deepEqual(await like(forms.a), ["b", "a"], "types and order of the tensors do not count");
    assert.deepEqual(await like(forms.c), ["c"]);
    assert.deepEqual(await like([tensor("w2", [3])]), []);
    assert.deepEqual(await like([]), []);
  });
}
