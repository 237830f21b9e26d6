/** The lineage as the Mermaid drawing of the pages; what draws is passed in, for the store knows no page. */
import { MendlineError } from "../../errors.js";
import { lineageDrawingNodesMax } from "../../limits.js";
import type { ExternalRecord } from "../declared.js";
import type { DerivationRecord, ModelRecord } from "../records.js";
import type { Transformation } from "../transformations.js";
import type { DeclaredParent, ExportScope } from "./scope.js";

export interface DrawnModel {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly createdMs: number;
  readonly marks: readonly string[];
}

export interface DrawnDerivation {
  readonly parent: string;
  readonly child: string;
  readonly transformation: Transformation;
  readonly note?: string;
}

export interface DrawnLineage {
  readonly nodes: readonly DrawnModel[];
  readonly edges: readonly DrawnDerivation[];
}

export type DrawLineage = (lineage: DrawnLineage) => string;

/** @throws MendlineError MENDLINE_DATA_LIMIT  more models than a drawing can show */
export async function* mermaidDrawing(scope: ExportScope, draw: DrawLineage): AsyncGenerator<string> {
  const drawing = new Drawing();
  for await (const { model, parents, declared } of scope.models()) {
    drawing.addModel(model);
    for (const { derivation } of parents) drawing.addDerivation(derivation);
    drawing.declare(model.id, declared);
  }
  for await (const { external, declared } of scope.externals()) {
    drawing.addExternal(external);
    drawing.declare(external.id, declared);
  }
  yield draw(drawing.finished());
}

class Drawing {
  readonly #nodes = new Map<string, DrawnModel>();
  readonly #edges: DrawnDerivation[] = [];
  readonly #declared: { readonly child: string; readonly parent: DeclaredParent }[] = [];

  addModel({ id, name, version, createdMs }: ModelRecord): void {
    this.#addNode({ id, name, version, createdMs, marks: [] });
  }

  addExternal({ id, name, version, source, createdMs, atMs }: ExternalRecord): void {
    this.#addNode({
      id,
      name,
      version: version ?? source,
      createdMs: createdMs ?? atMs,
      marks: ["external"],
    });
  }

  #addNode(node: DrawnModel): void {
    this.#nodes.set(node.id, node);
    if (this.#nodes.size > lineageDrawingNodesMax) throw tooManyModels();
  }

  addDerivation({ parent, child, transformation }: DerivationRecord): void {
    this.#edges.push({ parent, child, transformation });
  }

  declare(child: string, parents: readonly DeclaredParent[]): void {
    for (const parent of parents) this.#declared.push({ child, parent });
  }

  /** A saying that contradicts the derivations would close a circle, which nobody can draw: it is left out. */
  finished(): DrawnLineage {
    for (const { child, parent: told } of this.#declared) {
      // It may stand outside of the ancestors that are drawn.
      if (told.model !== null) this.addModel(told.model);
      const parent = told.model?.id ?? told.external.id;
      const { transformation } = told.declaration;
      if (!this.#comesFrom(parent, child))
        this.#edges.push({ parent, child, transformation, note: "declared" });
    }
    return { nodes: [...this.#nodes.values()], edges: this.#edges };
  }

  #comesFrom(descendant: string, ancestor: string): boolean {
    const visited = new Set([descendant]);
    for (const id of visited) {
      for (const { child, parent } of this.#edges) if (child === id) visited.add(parent);
    }
    return visited.has(ancestor);
  }
}

function tooManyModels(): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `the lineage has more than the ${lineageDrawingNodesMax} models that a Mermaid drawing shows: name a model to draw its ancestors only, or take --format dot`,
    { details: { modelsMax: lineageDrawingNodesMax } },
  );
}
