/** A graph for Graphviz, written as the models come. Source: https://graphviz.org/doc/info/lang.html */
import { type ExportScope, labelOf } from "./scope.js";

export async function* dotGraph(scope: ExportScope): AsyncGenerator<string> {
  yield "digraph lineage {\n  rankdir=LR;\n  node [shape=box, fontname=sans];\n  edge [fontname=sans];\n";
  for await (const { model, parents } of scope.models()) {
    yield `  "${model.id}" [label=${dotText(labelOf(model))}, tooltip="${model.id}"];\n`;
    for (const { derivation } of parents)
      yield `  "${derivation.parent}" -> "${model.id}" [label=${dotText(derivation.transformation)}];\n`;
  }
  yield "}\n";
}

/**
 * A quoted string that Graphviz shows as it is: labels have escapes of their own (\N is the node's name), and entities.
 * Names hold no control characters.
 */
function dotText(text: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return `"${escaped}"`;
}
