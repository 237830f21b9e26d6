/**
 * OpenLineage events, one a line, as its file transport writes them.
 * Source: https://openlineage.io/spec/2-0-2/OpenLineage.json and the facets' own schemas.
 *
 *     a model             a dataset: namespace, name@version
 *     its derivations     one run, of a job of the dataset's name: parents are inputs, the model is the output
 *     a model of no one   a dataset event
 *     an external model   a dataset in the namespace of who named it; what is declared of it is marked so (mendline_declaration)
 *
 * All parents of a model are inputs of one run: each run of OpenLineage makes a new version of its output, so that with a run for
 * each parent only the last one would count. The store knows when a derivation was recorded and not how long it took: START, which
 * the specification requires, has the same time as COMPLETE.
 */
import type { DeclarationRecord } from "../declared.js";
import type { DerivationRecord, ModelRecord } from "../records.js";
import { jsonText, nameUuid, timeText } from "./identifiers.js";
import { producerUri } from "./producer.js";
import {
  type DeclaredParent,
  type ExportedExternal,
  type ExportedModel,
  type ExportedParent,
  type ExportScope,
  externalLabel,
  labelOf,
} from "./scope.js";

const specUrl = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/";
const facetsUrl = "https://openlineage.io/spec/facets/";

/** The versions of the standard facets that are written here. */
const facetSchemas = {
  datasetType: `${facetsUrl}1-0-1/DatasetTypeDatasetFacet.json#/$defs/DatasetTypeDatasetFacet`,
  version: `${facetsUrl}1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet`,
  symlinks: `${facetsUrl}1-0-1/SymlinksDatasetFacet.json#/$defs/SymlinksDatasetFacet`,
  tags: `${facetsUrl}1-0-0/TagsDatasetFacet.json#/$defs/TagsDatasetFacet`,
  outputStatistics: `${facetsUrl}1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet`,
  jobType: `${facetsUrl}2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet`,
  // Ours (`mendline_…`), told by the specification's base of their kind.
  dataset: `${specUrl}DatasetFacet`,
  run: `${specUrl}RunFacet`,
  input: `${specUrl}InputDatasetFacet`,
} as const;

function facet(schema: keyof typeof facetSchemas, members: object): object {
  return { _producer: producerUri, _schemaURL: facetSchemas[schema], ...members };
}

export async function* openLineageEvents(scope: ExportScope, namespace: string): AsyncGenerator<string> {
  const writer = new EventWriter(namespace);
  for await (const exported of scope.models()) yield linesOf(writer.modelEvents(exported));
  for await (const exported of scope.externals()) yield linesOf(writer.externalEvents(exported));
}

function linesOf(events: readonly object[]): string {
  return events.map((event) => `${jsonText(event)}\n`).join("");
}

interface Dataset {
  readonly namespace: string;
  readonly name: string;
}

class EventWriter {
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  modelEvents(exported: ExportedModel): object[] {
    const { model, parents, declared } = exported;
    const dataset = { ...this.#dataset(model), facets: this.#datasetFacets(exported) };
    if (parents.length + declared.length === 0) return [datasetEvent(model.createdMs, dataset)];
    const times = [
      ...parents.map(({ derivation }) => derivation.createdMs),
      ...declared.map(({ declaration }) => declaration.atMs),
    ];
    return this.#runEvents(exported, {
      id: model.id,
      atMs: times.reduce((latest, ms) => Math.max(latest, ms)),
      job: this.#dataset(model),
      output: this.#output(exported),
    });
  }

  externalEvents({ external, declared }: ExportedExternal): object[] {
    const { id, source, createdMs, atMs, hash, metrics, tags } = external;
    const dataset = { namespace: source, name: externalLabel(external) };
    const facets = {
      datasetType: facet("datasetType", { datasetType: "MODEL", subType: "external" }),
      mendline_external: facet("dataset", { id, hash, metrics, tags }),
    };
    if (declared.length === 0) return [datasetEvent(createdMs ?? atMs, { ...dataset, facets })];
    return this.#runEvents(
      { parents: [], declared },
      { id, atMs: createdMs ?? atMs, job: dataset, output: { ...dataset, facets } },
    );
  }

  #runEvents(
    { parents, declared }: Pick<ExportedModel, "parents" | "declared">,
    told: { readonly id: string; readonly atMs: number; readonly job: Dataset; readonly output: object },
  ): object[] {
    const event = {
      eventTime: timeText(told.atMs),
      producer: producerUri,
      schemaURL: `${specUrl}RunEvent`,
    };
    const run = { runId: nameUuid(jsonText(["openlineage", this.#namespace, told.id])) };
    const { job } = told;
    return [
      { eventType: "START", ...event, run, job },
      {
        eventType: "COMPLETE",
        ...event,
        run: { ...run, facets: { mendline_transformation: this.#transformation(parents, declared) } },
        job: { ...job, facets: jobFacets(parents, declared) },
        inputs: [
          ...parents.map((parent) => this.#input(parent)),
          ...declared.map((parent) => this.#declaredInput(parent)),
        ],
        outputs: [told.output],
      },
    ];
  }

  #dataset(model: ModelRecord): Dataset {
    return { namespace: this.#namespace, name: labelOf(model) };
  }

  #declaredDataset({ external, model }: DeclaredParent): Dataset {
    return model === null
      ? { namespace: external.source, name: externalLabel(external) }
      : this.#dataset(model);
  }

  #output(exported: ExportedModel): object {
    return {
      ...this.#dataset(exported.model),
      facets: this.#datasetFacets(exported),
      outputFacets: {
        outputStatistics: facet("outputStatistics", { size: exported.model.byteLength, fileCount: 1 }),
      },
    };
  }

  #input({ model, derivation }: ExportedParent): object {
    const facets = { version: facet("version", { datasetVersion: model.id }) };
    const dataset = { ...this.#dataset(model), facets };
    if (derivation.distribution === null) return dataset;
    const distribution = facet("input", { distribution: derivation.distribution });
    return { ...dataset, inputFacets: { mendline_distribution: distribution } };
  }

  #datasetFacets({ model, labels, externals }: ExportedModel): object {
    const aliases = [
      ...labels
        .slice(1)
        .map((label) => ({ namespace: this.#namespace, name: labelOf(label), type: "MODEL" })),
      ...externals.map((external) => ({
        namespace: external.source,
        name: externalLabel(external),
        type: "MODEL",
      })),
    ];
    const tags = Object.entries(model.tags).map(([key, value]) => ({ key, value, source: "USER" }));
    return {
      datasetType: facet("datasetType", { datasetType: "MODEL", subType: model.format }),
      version: facet("version", { datasetVersion: model.id }),
      ...(aliases.length > 0 ? { symlinks: facet("symlinks", { identifiers: aliases }) } : {}),
      ...(tags.length > 0 ? { tags: facet("tags", { tags }) } : {}),
      mendline_model: facet("dataset", modelMembers(model)),
    };
  }

  #declaredInput(parent: DeclaredParent): object {
    const { source, hash } = parent.external;
    const { document, atMs } = parent.declaration;
    const declaration = facet("input", { source, document, hash, recordedTime: timeText(atMs) });
    return { ...this.#declaredDataset(parent), inputFacets: { mendline_declaration: declaration } };
  }

  #transformation(parents: readonly ExportedParent[], declared: readonly DeclaredParent[]): object {
    return facet("run", {
      derivations: [
        ...parents.map(({ derivation, model }) => ({
          parent: this.#dataset(model),
          ...derivationMembers(derivation),
        })),
        ...declared.map((parent) => ({
          parent: this.#declaredDataset(parent),
          ...declarationMembers(parent.declaration),
        })),
      ],
    });
  }
}

function datasetEvent(atMs: number, dataset: object): object {
  return { eventTime: timeText(atMs), producer: producerUri, schemaURL: `${specUrl}DatasetEvent`, dataset };
}

/** One word for the job, where all its derivations are of one kind. */
function jobFacets(parents: readonly ExportedParent[], declared: readonly DeclaredParent[]): object {
  const edges = [
    ...parents.map(({ derivation }) => derivation),
    ...declared.map(({ declaration }) => declaration),
  ];
  const kinds = new Set(edges.map(({ transformation }) => transformation.toUpperCase()));
  const jobType = kinds.size === 1 ? { jobType: [...kinds][0] } : {};
  return { jobType: facet("jobType", { processingType: "BATCH", integration: "MENDLINE", ...jobType }) };
}

function modelMembers(model: ModelRecord): object {
  const { id, name, version, format, byteLength, fileHash, files, createdMs, signature, task, metrics } =
    model;
  return {
    id,
    name,
    version,
    format,
    byteLength,
    fileHash,
    ...(files !== undefined && { files }),
    createdTime: timeText(createdMs),
    trainingDataSignature: signature,
    task,
    metrics,
  };
}

function derivationMembers(derivation: DerivationRecord): object {
  const { parent: parentId, transformation, parameters, metrics, createdMs } = derivation;
  return { parentId, transformation, parameters, metrics, recordedTime: timeText(createdMs) };
}

function declarationMembers(declaration: DeclarationRecord): object {
  const { transformation, parameters, metrics, atMs } = declaration;
  return { declared: true, transformation, parameters, metrics, recordedTime: timeText(atMs) };
}
