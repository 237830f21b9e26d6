import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkParameters, type Transformation } from "../../src/lineage-store/transformations.js";
import { addAll, emptyModel, failure, idOf, withStore } from "./support.js";

const accepted: [Transformation, Record<string, unknown>][] = [
  ["fine-tuning", {}],
  ["fine-tuning", { epochs: 0.5, "learning rate": 1e-4 }],
  ["pruning", { sparsity: 0 }],
  ["pruning", { sparsity: 1, pattern: "2:4" }],
  ["quantization", { dtype: "int8", symmetric: true }],
  ["quantization", { dtype: "F8_E4M3" }],
  ["quantization", { dtype: "q4_k_m" }],
  ["quantization", { dtype: "bfloat16" }],
  ["distillation", { teacher: "rain@1", temperature: 2 }],
  ["merge", { weights: [0.3, -0.7] }],
  ["repair", { scale: 1.2, ancestor: idOf("x"), gate: { metric: "auc" }, run: "r" }],
  ["other", { sparsity: 7, weights: null }],
  ["pruning", { sparsity: undefined, __proto__: { sparsity: 7 } }],
];

test("parameters that fit, and others beside them", () => {
  for (const [transformation, parameters] of accepted)
    checkParameters(transformation, Object.assign({}, parameters));
});

const refused: [Transformation, Record<string, unknown>, RegExp][] = [
  ["fine-tuning", { epochs: -1 }, /epochs of fine-tuning is -1 and must be a number of 0 or more/],
  ["pruning", { sparsity: 1.01 }, /sparsity of pruning is 1.01 and must be a number from 0 to 1/],
  ["pruning", { sparsity: "0.5" }, /is "0.5" and must be a number/],
  ["pruning", { sparsity: Number.NaN }, /is NaN and/],
  ["quantization", { dtype: "small" }, /dtype of quantization is "small" and must name a number type/],
  ["quantization", { dtype: "int8; rm -rf" }, /number type/],
  ["quantization", { dtype: 8 }, /is 8 and/],
  ["distillation", { teacher: "" }, /teacher of distillation is "" and must be text/],
  ["distillation", { teacher: 5 }, /teacher/],
  ["distillation", { teacher: "a\u001b[2J" }, /teacher/],
  ["merge", { weights: [] }, /weights of merge is a list of 0 and must be a list of finite numbers/],
  ["merge", { weights: [1, Number.POSITIVE_INFINITY] }, /a list of 2 and/],
  ["merge", { weights: "0.5" }, /weights/],
  ["repair", { scale: null }, /scale of repair is of type null and/],
  ["repair", { ancestor: "rain@1" }, /ancestor of repair is "rain@1" and must be a model's id/],
  ["repair", { gate: [] }, /gate of repair is a list of 0 and must be an object/],
];

test("parameters that do not fit are named, with what they are and must be", async () => {
  for (const [transformation, parameters, message] of refused) {
    const error = await failure("MENDLINE_ARGUMENT_INVALID", () =>
      checkParameters(transformation, parameters),
    );
    assert.match(error.message, message);
    assert.is(error.details.transformation, transformation);
  }
});

test("the store takes no derivation whose parameters do not fit", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("a"), emptyModel("b"));
    const edge = { parent: idOf("a@1"), child: idOf("b@1"), transformation: "pruning" as const };
    await failure("MENDLINE_ARGUMENT_INVALID", () =>
      store.commit((tx) => tx.addDerivation({ ...edge, parameters: { sparsity: 90 } })),
    );
    assert.equal(await store.parents(idOf("b@1")), []);
    await store.commit((tx) => tx.addDerivation({ ...edge, parameters: { sparsity: 0.9, by: "norm" } }));
    assert.equal((await store.parents(idOf("b@1")))[0]!.parameters, { by: "norm", sparsity: 0.9 });
  }));

test.run();
