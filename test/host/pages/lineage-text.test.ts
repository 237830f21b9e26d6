import { test } from "uvu";
import * as assert from "uvu/assert";
import { lineageMermaid, lineageText } from "../../../src/host/pages/lineage-text.js";
import { hostileNames, rainLineage, randomLineage } from "./samples.js";

test("the tree of the rain example", () => {
  assert.is(
    lineageText(rainLineage()),
    [
      "rain@1  ✓ healthy  ★ chosen",
      "├─ fine-tuning ─ rain@2  ▲ drifted",
      "│  ├─ fine-tuning ─ rain@3  ● deployed  ▲ drifted",
      "│  │  └─ repair scale 1.18 ─ rain@3-repair.1  ✚ repaired",
      "│  └─ pruning ─ rain-pruned@1",
      "├─ distillation ─ rain-distilled@1",
      "└─ repair ancestor ─ rain@3-repair.1  (see above)",
    ].join("\n"),
  );
});

test("several roots, notes, marks of no known kind", () => {
  const node = (id: string, createdMs: number) => ({
    id,
    name: id,
    version: "1",
    createdMs,
    marks: [] as string[],
  });
  const graph = {
    nodes: [{ ...node("b", 2), marks: ["frozen"], note: "by hand" }, node("a", 1), node("m", 3)],
    edges: [
      { parent: "a", child: "m", transformation: "merge" },
      { parent: "b", child: "m", transformation: "merge" },
    ],
  };
  assert.is(
    lineageText(graph),
    ["a@1", "└─ merge ─ m@1", "b@1  frozen  (by hand)", "└─ merge ─ m@1  (see above)"].join("\n"),
  );
  assert.is(lineageText({ nodes: [], edges: [] }), "");
});

test("a line for every root and every derivation, every model in full once", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const graph = randomLineage(seed, 25);
    const lines = lineageText(graph).split("\n");
    const children = new Set(graph.edges.map(({ child }) => child));
    const inFull = lines.filter((line) => !line.endsWith("(see above)"));
    assert.is(inFull.length, graph.nodes.length);
    assert.ok(lines.length <= graph.edges.length + graph.nodes.length - children.size);
  }
});

test("a chain as deep as drawings go", () => {
  const nodes = Array.from({ length: 1000 }, (_, index) => ({
    id: `${index}`,
    name: "m",
    version: `${index}`,
    createdMs: 0,
    marks: [],
  }));
  const edges = nodes
    .slice(1)
    .map(({ id }, index) => ({ parent: `${index}`, child: id, transformation: "fine-tuning" }));
  assert.is(lineageText({ nodes, edges }).split("\n").length, 1000);
});

function hostileLineage() {
  const nodes = hostileNames.map((name, index) => ({
    id: name,
    name,
    version: name,
    createdMs: index,
    marks: [name],
    note: name,
  }));
  const edges = nodes
    .slice(1)
    .map(({ id }, index) => ({ parent: nodes[index]!.id, child: id, transformation: id, note: id }));
  return { nodes, edges };
}

test("no name can move the cursor or begin a line", () => {
  const text = lineageText(hostileLineage());
  assert.is(text.split("\n").length, hostileNames.length);
  assert.not.match(text.replaceAll("\n", ""), /[\p{Cc}\p{Cs}\p{Zl}\u202a-\u202e\u2066-\u2069]/u);
});

test("Mermaid of the rain example", () => {
  const lines = lineageMermaid(rainLineage()).split("\n");
  assert.is(lines[0], "flowchart LR");
  assert.is(lines[1], '  n0["rain@1<br/>✓ healthy<br/>★ chosen"]');
  assert.ok(lines.includes('  n0 -->|"fine-tuning"| n1'));
  assert.ok(lines.includes("  class n1,n2 drifted"));
});

test("Mermaid: names stay within their quotes", () => {
  const text = lineageMermaid(hostileLineage());
  for (const line of text.trimEnd().split("\n").slice(1)) {
    const inner = /^ {2}(?:n\d+\[|n\d+ -->\|)"([^"]*)"(?:\]|\| n\d+)$|^ {2}n\d+ --> n\d+$|^ {2}class/.exec(
      line,
    );
    assert.ok(inner, line.slice(0, 200));
    assert.not.match((inner[1] ?? "").replaceAll("<br/>", ""), /[<>[\]|(){}`]/);
  }
});

test.run();
