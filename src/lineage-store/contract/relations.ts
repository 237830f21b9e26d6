/** Contract: ways between models, and what they have in common. */
import assert from "node:assert/strict";
import type { ContractOptions, ContractStore } from "./store.js";
import { addPlain, derive, id, Names, refusal, registrar } from "./support.js";

const letters = "a b c d e f g h i";
const names = new Names(letters);

/** `d<b<a>c`: toward parents with <, toward children with >; "" where there is no way. */
async function way(store: ContractStore, from: string, to: string, maxDistance?: number): Promise<string> {
  const path = await store.path(id(from), id(to), { maxDistance });
  if (path === null) return "";
  assert.equal(path.models.length, path.steps.length + 1);
  assert.equal(path.models[0], id(from));
  assert.ok(path.models.includes(path.commonAncestor));
  let text: string = names.of(path.models[0]!);
  for (const [index, { towards, derivation }] of path.steps.entries()) {
    const before: string = path.models[index]!;
    const after: string = path.models[index + 1]!;
    const expected = towards === "parent" ? [after, before] : [before, after];
    assert.deepEqual([derivation.parent, derivation.child], expected);
    text += `${towards === "parent" ? "<" : ">"}${names.of(after)}`;
  }
  return text;
}

/** `b(1,2)`: names with the distances from each. */
async function common(store: ContractStore, ...models: string[]): Promise<string> {
  const shared = await store.commonAncestors(models.map((model) => id(model)));
  return shared.map((one) => `${names.of(one.id)}(${one.distances.join()})`).join(" ");
}

export function relationContract(options: ContractOptions): void {
  const check = registrar(options);

  check("the shortest way up to a common ancestor and down again", async (store, reopen) => {
    await addPlain(store, letters);
    // a is the root of b, c; d, e come from b; f from c and e; g from f; h alone; i joins d and g.
    await derive(store, "a>b a>c b>d b>e c>f e>f f>g d>i g>i");
    const opened = await reopen();
    assert.equal(await way(opened, "a", "g"), "a>c>f>g");
    assert.equal(await way(opened, "g", "a"), "g<f<c<a");
    assert.equal(await way(opened, "d", "f"), "d<b>e>f");
    assert.equal(await way(opened, "d", "c"), "d<b<a>c");
    assert.equal(await way(opened, "d", "d"), "d");
    assert.equal(await way(opened, "d", "h"), "");
    assert.equal(await way(opened, "i", "b"), "i<d<b");
    // g and d meet below, in i, too: a model that both made says nothing of where they come from.
    assert.equal(await way(opened, "g", "d"), "g<f<e<b>d");
    assert.equal(await way(opened, "g", "d", 4), "g<f<e<b>d");
    assert.equal(await way(opened, "g", "d", 3), "");
    await refusal("MENDLINE_STORE_UNKNOWN", () => opened.path(id("a"), id("nobody")));
    await refusal("MENDLINE_DATA_LIMIT", () => opened.path(id("a"), id("i"), { nodesMax: 3 }));
  });

  check("of equally short ways the one over the oldest ancestor", async (store) => {
    await addPlain(store, letters);
    await derive(store, "c>d c>e b>d b>e");
    assert.equal(await way(store, "d", "e"), "d<b>e");
    await derive(store, "d>f e>f");
    assert.equal(await way(store, "f", "c"), "f<d<c");
  });

  check("lowest common ancestors", async (store, reopen) => {
    await addPlain(store, letters);
    await derive(store, "a>b a>c b>d b>e c>f e>f f>g d>i g>i");
    const opened = await reopen();
    assert.equal(await common(opened, "d", "e"), "b(1,1)");
    assert.equal(await common(opened, "d", "g"), "b(1,3)");
    assert.equal(await common(opened, "d", "c"), "a(2,1)");
    assert.equal(await common(opened, "b", "g"), "b(0,3)");
    assert.equal(await common(opened, "g", "g"), "g(0,0)");
    assert.equal(await common(opened, "d", "h"), "");
    assert.equal(await common(opened, "d", "e", "c"), "a(2,2,1)");
    assert.equal(await common(opened, "d", "e", "h"), "");
    await refusal("MENDLINE_ARGUMENT_INVALID", () => opened.commonAncestors([id("a")]));
    await refusal("MENDLINE_STORE_UNKNOWN", () => opened.commonAncestors([id("a"), id("nobody")]));
    await refusal("MENDLINE_DATA_LIMIT", () => opened.commonAncestors([id("i"), id("g")], { nodesMax: 3 }));
  });

  check("several lowest common ancestors, nearest first", async (store) => {
    await addPlain(store, letters);
    // a, b are both behind d and e, directly and over c for d; neither comes from the other.
    await derive(store, "b>d a>c c>d b>e a>e");
    assert.equal(await common(store, "d", "e"), "b(1,1) a(2,1)");
    await derive(store, "b>a");
    assert.equal(await common(store, "d", "e"), "a(2,1)");
  });
}
