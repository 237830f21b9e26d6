/** A graph for Graphviz, written as the models come. Source: https://graphviz.org/doc/info/lang.html */
import type { ModelRecord } from "../records.js";
import { type DeclaredParent, type ExportScope, externalLabel, labelOf } from "./scope.js";

export async function* dotGraph(scope: ExportScope): AsyncGenerator<string> {
  yield "digraph lineage {\n  rankdir=LR;\n  node [shape=box, fontname=sans];\n  edge [fontname=sans];\n";
  for await (const { model, parents, declared } of scope.models()) {
    yield nodeText(model);
    for (const { derivation } of parents)
      yield `  "${derivation.parent}" -> "${model.id}" [label=${dotText(derivation.transformation)}];\n`;
    yield* declaredEdges(model.id, declared);
  }
  for await (const { external, declared } of scope.externals()) {
    yield `  "${external.id}" [label=${dotText(externalLabel(external))}, tooltip="${external.source}", style=dashed];\n`;
    yield* declaredEdges(external.id, declared);
  }
  yield "}\n";
}

function nodeText(model: ModelRecord): string {
  return `  "${model.id}" [label=${dotText(labelOf(model))}, tooltip="${model.id}"];\n`;
}

/** What is only said is dashed. */
function* declaredEdges(child: string, declared: readonly DeclaredParent[]): Generator<string> {
  for (const { declaration, external, model } of declared) {
    const parent = model?.id ?? external.id;
    // It may stand outside of the ancestors that are written; a node may be told twice.
    if (model !== null) yield nodeText(model);
    yield `  "${parent}" -> "${child}" [label=${dotText(declaration.transformation)}, style=dashed];\n`;
  }
}

/**
 * A quoted string that Graphviz shows as it is: labels have escapes of their own (\N is the node's name), and entities.
 * Names hold no control characters.
 */
function dotText(text: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return `"${escaped}"`;
}
