/** The lineage as the Mermaid drawing of the pages; what draws is passed in, for the store knows no page. */
import { MendlineError } from "../../errors.js";
import { lineageDrawingNodesMax } from "../../limits.js";
import type { ModelRecord } from "../records.js";
import type { Transformation } from "../transformations.js";
import type { ExportScope } from "./scope.js";

/** What a drawing takes of a model. */
export interface DrawnModel extends Pick<ModelRecord, "id" | "name" | "version" | "createdMs"> {
  readonly marks: readonly string[];
}

export interface DrawnLineage {
  readonly nodes: readonly DrawnModel[];
  readonly edges: readonly {
    readonly parent: string;
    readonly child: string;
    readonly transformation: Transformation;
  }[];
}

export type DrawLineage = (lineage: DrawnLineage) => string;

/** @throws MendlineError MENDLINE_DATA_LIMIT  more models than a drawing can show */
export async function* mermaidDrawing(scope: ExportScope, draw: DrawLineage): AsyncGenerator<string> {
  const nodes: DrawnModel[] = [];
  const edges: DrawnLineage["edges"][number][] = [];
  for await (const { model, parents } of scope.models()) {
    if (nodes.length === lineageDrawingNodesMax) throw tooManyModels();
    const { id, name, version, createdMs } = model;
    nodes.push({ id, name, version, createdMs, marks: [] });
    for (const { derivation } of parents) {
      const { parent, child, transformation } = derivation;
      edges.push({ parent, child, transformation });
    }
  }
  yield draw({ nodes, edges });
}

function tooManyModels(): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `the lineage has more than the ${lineageDrawingNodesMax} models that a Mermaid drawing shows: name a model to draw its ancestors only, or take --format dot`,
    { details: { modelsMax: lineageDrawingNodesMax } },
  );
}
