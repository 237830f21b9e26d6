import { test } from "uvu";
import * as assert from "uvu/assert";
import { lineageDrawingNodesMax } from "../../../src/limits.js";
import { emptyModel, failure, idOf, withStore } from "../support.js";
import { addHostile, addRain, exported, hostileParts } from "./samples.js";

test("a graph for Graphviz", () =>
  withStore(async (store) => {
    await addRain(store);
    const id = (version: string) => idOf(`rain@${version}`);
    const lines = (await exported(store, "dot", { ref: "rain@2" })).split("\n");
    assert.equal(lines.slice(4), [
      `  "${id("2")}" [label="rain@2", tooltip="${id("2")}"];`,
      `  "${id("1")}" -> "${id("2")}" [label="fine-tuning"];`,
      `  "${id("1")}" [label="rain@1", tooltip="${id("1")}"];`,
      "}",
      "",
    ]);
    assert.is((await exported(store, "dot")).match(/->/g)?.length, 3);
  }));

test("hostile names stay inside Graphviz's strings", () =>
  withStore(async (store) => {
    await addHostile(store);
    const text = await exported(store, "dot");
    // Strings taken out by Graphviz's rule (a backslash keeps the next sign), nothing but the grammar may be left.
    const rest = text.replace(/"(?:[^"\\]|\\.)*"/gs, "S");
    const statement = /^ {2}(?:S \[label=S, tooltip=S\]|S -> S \[label=S\]);$/;
    const lines = rest.split("\n").slice(4, -2);
    assert.is(lines.length, 2 * hostileParts.length - 1);
    for (const line of lines) assert.match(line, statement);
    assert.not.match(text, /[^\\]\\N|&(?!amp;)/, "neither escapes nor entities of Graphviz");
  }));

test("Mermaid draws what the pages draw", () =>
  withStore(async (store) => {
    await addRain(store);
    const lines = (await exported(store, "mermaid")).trimEnd().split("\n");
    assert.equal(lines, [
      "flowchart LR",
      '  n0["rain@1"]',
      '  n1["rain@2"]',
      '  n2["rain@3"]',
      '  n0 -->|"fine-tuning"| n1',
      '  n0 -->|"repair"| n2',
      '  n1 -->|"repair"| n2',
    ]);
  }));

test("hostile names stay inside Mermaid's labels", () =>
  withStore(async (store) => {
    await addHostile(store);
    for (const line of (await exported(store, "mermaid")).trimEnd().split("\n").slice(1))
      assert.match(line, /^ {2}(?:n\d+\["[^"<>]*"\]|n\d+ -->\|"[^"<>]*"\| n\d+)$/);
  }));

test("Mermaid has a bound, told with what to do; Graphviz has none", () =>
  withStore(async (store) => {
    const models = Array.from({ length: lineageDrawingNodesMax + 1 }, (_, index) =>
      emptyModel("m", `${index}`),
    );
    await store.commit((tx) => {
      for (const model of models) tx.addModel(model);
    });
    const { message } = await failure("MENDLINE_DATA_LIMIT", () => exported(store, "mermaid"));
    assert.match(message, /more than the 1000 models.*--format dot/);
    assert.is((await exported(store, "dot")).match(/label=/g)?.length, models.length);
  }));

test.run();
