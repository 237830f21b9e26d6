/**
 * OpenLineage events, one a line, as its file transport writes them.
 * Source: https://openlineage.io/spec/2-0-2/OpenLineage.json and the facets' own schemas.
 *
 *     a model             a dataset: namespace, name@version
 *     its derivations     one run, of a job of the dataset's name: parents are inputs, the model is the output
 *     a model of no one   a dataset event
 *
 * All parents of a model are inputs of one run: each run of OpenLineage makes a new version of its output, so that with a run for
 * each parent only the last one would count. The store knows when a derivation was recorded and not how long it took: START, which
 * the specification requires, has the same time as COMPLETE.
 */
import type { DerivationRecord, ModelRecord } from "../records.js";
import { jsonText, nameUuid, timeText } from "./identifiers.js";
import { producerUri } from "./producer.js";
import { type ExportedModel, type ExportedParent, type ExportScope, labelOf } from "./scope.js";

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
  for await (const exported of scope.models()) {
    const events =
      exported.parents.length === 0 ? [writer.datasetEvent(exported)] : writer.runEvents(exported);
    for (const event of events) yield `${jsonText(event)}\n`;
  }
}

class EventWriter {
  readonly #namespace: string;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  datasetEvent(exported: ExportedModel): object {
    return {
      eventTime: timeText(exported.model.createdMs),
      producer: producerUri,
      schemaURL: `${specUrl}DatasetEvent`,
      dataset: { ...this.#dataset(exported.model), facets: this.#datasetFacets(exported) },
    };
  }

  runEvents(exported: ExportedModel): object[] {
    const { model, parents } = exported;
    const times = parents.map(({ derivation }) => derivation.createdMs);
    const event = {
      eventTime: timeText(times.reduce((latest, ms) => Math.max(latest, ms))),
      producer: producerUri,
      schemaURL: `${specUrl}RunEvent`,
    };
    const run = { runId: nameUuid(jsonText(["openlineage", this.#namespace, model.id])) };
    const job = { namespace: this.#namespace, name: labelOf(model) };
    return [
      { eventType: "START", ...event, run, job },
      {
        eventType: "COMPLETE",
        ...event,
        run: { ...run, facets: { mendline_transformation: this.#transformation(parents) } },
        job: { ...job, facets: jobFacets(parents) },
        inputs: parents.map((parent) => this.#input(parent)),
        outputs: [this.#output(exported)],
      },
    ];
  }

  #dataset(model: ModelRecord): { namespace: string; name: string } {
    return { namespace: this.#namespace, name: labelOf(model) };
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

  #datasetFacets({ model, labels }: ExportedModel): object {
    const aliases = labels.slice(1).map((label) => ({
      namespace: this.#namespace,
      name: labelOf(label),
      type: "MODEL",
    }));
    const tags = Object.entries(model.tags).map(([key, value]) => ({ key, value, source: "USER" }));
    return {
      datasetType: facet("datasetType", { datasetType: "MODEL", subType: model.format }),
      version: facet("version", { datasetVersion: model.id }),
      ...(aliases.length > 0 ? { symlinks: facet("symlinks", { identifiers: aliases }) } : {}),
      ...(tags.length > 0 ? { tags: facet("tags", { tags }) } : {}),
      mendline_model: facet("dataset", modelMembers(model)),
    };
  }

  #transformation(parents: readonly ExportedParent[]): object {
    const derivations = parents.map(({ derivation, model }) => ({
      parent: this.#dataset(model),
      ...derivationMembers(derivation),
    }));
    return facet("run", { derivations });
  }
}

/** One word for the job, where all its derivations are of one kind. */
function jobFacets(parents: readonly ExportedParent[]): object {
  const kinds = new Set(parents.map(({ derivation }) => derivation.transformation.toUpperCase()));
  const jobType = kinds.size === 1 ? { jobType: [...kinds][0] } : {};
  return { jobType: facet("jobType", { processingType: "BATCH", integration: "MENDLINE", ...jobType }) };
}

function modelMembers(model: ModelRecord): object {
  const { id, name, version, format, byteLength, fileHash, createdMs, signature, task, metrics } = model;
  return {
    id,
    name,
    version,
    format,
    byteLength,
    fileHash,
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
