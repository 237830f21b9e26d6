import { test } from "uvu";
import * as assert from "uvu/assert";
import { lineageMermaid, lineageText } from "../../../src/host/pages/lineage-text.js";
import { hostileNames, rainLineage } from "./samples.js";

test("the tree of the rain example", () => {
  assert.is(
    lineageText(rainLineage()),
    [
      "rain@1                                 ✓ healthy  ★ chosen",
      "├─ also in rain@3-repair.1",
      "├─ distillation ─ rain-distilled@1",
      "↓ fine-tuning ─ rain@2                 ▲ drifted",
      "├─ pruning ─ rain-pruned@1",
      "↓ fine-tuning ─ rain@3                 ● deployed  ▲ drifted",
      "↓ repair scale 1.18 ─ rain@3-repair.1  and from rain@1  ✚ repaired",
    ].join("\n"),
  );
});

test("in ASCII, and painted piece by piece", () => {
  const text = lineageText(rainLineage(), { isUnicode: false });
  assert.match(text, /^[\n -~]+$/);
  assert.match(
    text,
    /^\+- also in rain@3-repair\.1\n\+- distillation - rain-distilled@1\nv fine-tuning - rain@2 +drifted$/m,
  );
  const parts = new Map<string, string[]>();
  const painted = lineageText(rainLineage(), {
    paint: (text, part, mark) => {
      parts.set(part, [...(parts.get(part) ?? []), mark ?? text]);
      return `<${text}>`;
    },
  });
  assert.is(painted.replace(/[<>]/g, ""), lineageText(rainLineage()), "paint takes no place");
  assert.equal(parts.get("name")!.length, 6);
  assert.equal(parts.get("reference"), ["rain@3-repair.1"]);
  assert.equal(parts.get("mark"), ["healthy", "chosen", "drifted", "deployed", "drifted", "repaired"]);
});

test("the two metrics that the most models have, in line", () => {
  const node = (id: string, metrics: Record<string, number>) => {
    return { id, name: "m", version: id, createdMs: Number(id), marks: [], metrics };
  };
  const nodes = [
    node("1", { loss: 0.5, auc: -0.75, odd: 1 }),
    node("2", { auc: 0.8 }),
    node("3", { f1: 1, auc: 0.81234, loss: 12 }),
  ];
  const edges = [
    { parent: "1", child: "2", transformation: "fine-tuning" },
    { parent: "2", child: "3", transformation: "fine-tuning" },
  ];
  const lines = [
    "m@1                auc −0.750, loss 0.500",
    "↓ fine-tuning ─ m@2  auc 0.800",
    "↓ fine-tuning ─ m@3  auc 0.812, loss 12",
  ];
  assert.is(lineageText({ nodes, edges }), lines.join("\n").replace("m@1   ", "m@1     "));
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
    ["a@1", "└─ also in m@1", "b@1            frozen  (by hand)", "↓ merge ─ m@1  and from a@1"].join("\n"),
  );
  assert.is(lineageText({ nodes: [], edges: [] }), "");
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
  const lines = lineageText({ nodes, edges }).split("\n");
  assert.is(lines.length, 1000);
  assert.is(lines[999], "↓ fine-tuning ─ m@999", "straight down");
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
