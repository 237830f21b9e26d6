import { test } from "uvu";
import * as assert from "uvu/assert";
import { lineagePage } from "../../../src/host/pages/lineage-page.js";
import { readHtml } from "./html-checker.js";
import { hostileNames, rainLineage, randomLineage } from "./samples.js";

test("a small lineage is drawn, and is a tree with a row a model", () => {
  const elements = readHtml(lineagePage(rainLineage(), "rain"));
  const drawings = elements.filter(
    ({ tag, attributes }) => tag === "svg" && attributes.get("class") === "lineage",
  );
  assert.is(drawings.length, 1);
  const rows = elements.filter(({ tag, attributes }) => tag === "tr" && attributes.has("id"));
  assert.is(rows.length, 6);
  const heads = elements.filter(({ tag, attributes }) => tag === "th" && attributes.has("scope"));
  assert.is(heads.length, 4 + 6);
  const links = elements.filter(({ tag }) => tag === "a").map(({ attributes }) => attributes.get("href"));
  const ids = new Set(rows.map(({ attributes }) => `#${attributes.get("id")}`));
  assert.is(links.length, 2, "to the other parent, and from it");
  assert.ok(links.every((link) => ids.has(link!)));
  assert.ok(elements.find(({ tag }) => tag === "pre")!.text.includes("\n↓ fine-tuning ─ rain@2"));
  assert.is(elements.filter(({ tag, attributes }) => tag === "label" && attributes.has("hidden")).length, 0);
  readHtml(lineagePage({ nodes: [], edges: [] }, "nothing"));
});

test("a large one is a tree with a filter, and its links lead to its rows", () => {
  const graph = randomLineage(4, 300);
  const elements = readHtml(lineagePage(graph, "m"));
  assert.not.ok(elements.some(({ attributes }) => attributes.get("class") === "lineage"));
  const ids = elements.flatMap(({ tag, attributes }) =>
    tag === "tr" && attributes.has("id") ? [`#${attributes.get("id")}`] : [],
  );
  assert.is(new Set(ids).size, 300);
  const links = elements.filter(({ tag }) => tag === "a").map(({ attributes }) => attributes.get("href")!);
  assert.ok(links.length > 100 && links.every((link) => ids.includes(link)));
  assert.is(elements.filter(({ tag, attributes }) => tag === "label" && attributes.has("hidden")).length, 1);
});

test("metrics have columns of their own, marks a class, models of several parents another dot", () => {
  const graph = rainLineage();
  const nodes = graph.nodes.map((node, index) => ({ ...node, metrics: { auc: index / 10, loss: 1 } }));
  const elements = readHtml(lineagePage({ ...graph, nodes }, "rain"));
  const heads = elements.filter(({ tag, attributes }) => tag === "th" && attributes.get("scope") === "col");
  assert.equal(
    heads.map(({ text }) => text),
    ["Model", "Made by", "Marks", "auc", "loss", "Made"],
  );
  const dots = elements.filter(({ attributes }) => attributes.get("class")?.startsWith("dot "));
  assert.equal(
    dots.map(({ tag, attributes }) => `${tag} ${attributes.get("class")!.slice(4)}`),
    ["circle healthy", "circle plain", "circle drifted", "circle plain", "circle deployed", "path repaired"],
  );
});

test("hostile names: well-formed, no script but ours, no class of their own making", () => {
  const nodes = hostileNames.map((name, index) => ({
    id: name,
    name,
    version: name,
    createdMs: index === 3 ? Number.NaN : index,
    marks: [name, "healthy"],
    note: name,
    metrics: JSON.parse(JSON.stringify({ [name]: index })) as Record<string, number>,
  }));
  const edges = nodes.slice(1).map(({ id }, index) => {
    return {
      parent: nodes[index]!.id,
      child: id,
      transformation: hostileNames[index]!,
      note: hostileNames[index]!,
    };
  });
  const page = lineagePage({ nodes, edges }, hostileNames[1]!);
  const elements = readHtml(page);
  const count = (wanted: string) => elements.filter(({ tag }) => tag === wanted).length;
  assert.equal([count("script"), count("img"), count("b")], [1, 0, 0]);
  const dots = elements.flatMap(({ attributes }) => {
    const name = attributes.get("class") ?? "";
    return name.startsWith("dot ") ? [name] : [];
  });
  assert.equal(new Set(dots), new Set(["dot healthy"]));
});

test("the same lineage gives the same bytes, however it is listed", () => {
  const graph = randomLineage(3, 40);
  const shuffled = { nodes: graph.nodes.toReversed(), edges: graph.edges.toReversed() };
  assert.is(lineagePage(graph, "m"), lineagePage(shuffled, "m"));
});

test.run();
