/**
 * A machine-learning bill of materials, CycloneDX 1.7, written as the models come.
 * Source: http://cyclonedx.org/schema/bom-1.7.schema.json
 *
 * Every model is a component with its card; its parents stand in its pedigree, without their own pedigrees, for they are components
 * too (mendline:id tells which). What is only declared by other tools' documents is marked so (mendline:declared). What only the end of the lineage tells, the newest time and the serial number, comes last.
 */
import { createHash } from "node:crypto";
import type { ExternalRecord } from "../declared.js";
import type { DerivationRecord, ModelRecord } from "../records.js";
import { jsonText, nameUuid, timeText, valueText } from "./identifiers.js";
import { producerUri, producerVersion } from "./producer.js";
import {
  type DeclaredParent,
  type ExportedModel,
  type ExportedParent,
  type ExportScope,
  externalLabel,
  labelOf,
} from "./scope.js";

interface Property {
  readonly name: string;
  readonly value: string;
}

export async function* cycloneDxBom(scope: ExportScope): AsyncGenerator<string> {
  const hash = createHash("sha256");
  for await (const part of bomParts(scope)) {
    hash.update(part);
    yield part;
  }
  // A bill of other content has another number, and the same content the same one.
  yield `,\n  "serialNumber": ${jsonText(`urn:uuid:${nameUuid(`cyclonedx ${hash.digest("hex")}`)}`)}\n}\n`;
}

async function* bomParts(scope: ExportScope): AsyncGenerator<string> {
  yield '{\n  "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",\n';
  yield '  "bomFormat": "CycloneDX",\n  "specVersion": "1.7",\n  "version": 1,\n  "components": [';
  let newestMs: number | null = null;
  let subject: object | null = null;
  let separator = "\n    ";
  for await (const exported of scope.models()) {
    newestMs = Math.max(newestMs ?? 0, ...timesOf(exported));
    const isSubject = subject === null && scope.root !== null;
    if (isSubject) subject = component(exported);
    else {
      yield separator + jsonText(component(exported));
      separator = ",\n    ";
    }
  }
  for await (const { external, declared } of scope.externals()) {
    yield separator + jsonText(externalComponent(external, declared));
    separator = ",\n    ";
  }
  yield `\n  ],\n  "metadata": ${jsonText(metadata(newestMs, subject))}`;
}

function timesOf({ model, parents, declared }: ExportedModel): number[] {
  return [
    model.createdMs,
    ...parents.map(({ derivation }) => derivation.createdMs),
    ...declared.map(({ declaration }) => declaration.atMs),
  ];
}

/** The time is that of the newest record: the bill is the same whenever it is written. */
function metadata(newestMs: number | null, subject: object | null): object {
  const tool = { type: "application", name: "mendline", version: producerVersion, purl: producerUri };
  return {
    ...(newestMs === null ? {} : { timestamp: timeText(newestMs) }),
    tools: { components: [tool] },
    ...(subject === null ? {} : { component: subject }),
  };
}

function component(exported: ExportedModel): object {
  const { model, labels, parents, externals, declared } = exported;
  const properties = [
    property("mendline:id", model.id),
    property("mendline:format", model.format),
    property("mendline:byteLength", String(model.byteLength)),
    property("mendline:created", timeText(model.createdMs)),
    ...externals.map((external) =>
      property(`mendline:alsoNamed:${external.source}`, externalLabel(external)),
    ),
    ...labels.slice(1).map((label) => property("mendline:alsoNamed", labelOf(label))),
    ...Object.entries(model.tags).map(([name, value]) => property(`mendline:tag:${name}`, value)),
  ];
  return {
    ...identity(model),
    "bom-ref": model.id,
    ...licenses(model),
    ...pedigree(parents, declared),
    modelCard: modelCard(model),
    properties,
  };
}

/** Of several files there is no one hash. */
function identity({ name, version, fileHash, files }: ModelRecord): object {
  return {
    type: "machine-learning-model",
    name,
    version,
    ...(files === undefined && { hashes: [{ alg: "SHA-256", content: fileHash }] }),
  };
}

/** By name: whether a tag is one of SPDX's identifiers is not known here. */
function licenses({ tags }: Pick<ModelRecord, "tags">): object {
  return tags.license === undefined ? {} : { licenses: [{ license: { name: tags.license } }] };
}

function externalComponent(external: ExternalRecord, declared: readonly DeclaredParent[]): object {
  const { id, metrics, tags, hash } = external;
  return {
    ...externalIdentity(external),
    "bom-ref": id,
    ...licenses(external),
    ...pedigree([], declared),
    modelCard: quantitativeAnalysis(metrics),
    properties: [
      property("mendline:declared", external.source),
      ...(hash === null ? [] : [property("mendline:id", hash)]),
      ...Object.entries(tags).map(([name, value]) => property(`mendline:tag:${name}`, value)),
    ],
  };
}

/** Source of the package URL: https://github.com/package-url/purl-spec, types/huggingface. */
function externalIdentity({ source, name, version }: ExternalRecord): object {
  const isRepository = source === "huggingface" && /^[\w.-]+\/[\w.-]+$/.test(name);
  return {
    type: "machine-learning-model",
    name,
    ...(version === null ? {} : { version }),
    ...(isRepository ? { purl: `pkg:huggingface/${name}` } : {}),
  };
}

function pedigree(parents: readonly ExportedParent[], declared: readonly DeclaredParent[]): object {
  if (parents.length + declared.length === 0) return {};
  const ancestors = [
    ...parents.map(({ model, derivation }) => ({
      ...identity(model),
      properties: [
        property("mendline:id", model.id),
        property("mendline:recorded", timeText(derivation.createdMs)),
        ...edgeProperties(derivation),
        ...(derivation.distribution === null
          ? []
          : [property("mendline:distribution", jsonText(derivation.distribution))]),
      ],
    })),
    ...declared.map(declaredAncestor),
  ];
  const notes = [
    ...parents.map(({ model, derivation }) => `${derivation.transformation} of ${labelOf(model)}`),
    ...declared.map(
      ({ external, declaration }) =>
        `${declaration.transformation} of ${externalLabel(external)}, as declared by ${external.source}`,
    ),
  ];
  return { pedigree: { ancestors, notes: notes.join("; ") } };
}

function declaredAncestor({ external, model, declaration }: DeclaredParent): object {
  const id = model?.id ?? external.hash;
  return {
    ...(model === null ? externalIdentity(external) : identity(model)),
    properties: [
      property("mendline:declared", external.source),
      ...(id === null ? [] : [property("mendline:id", id)]),
      property("mendline:recorded", timeText(declaration.atMs)),
      ...edgeProperties(declaration),
    ],
  };
}

function edgeProperties({
  transformation,
  parameters,
  metrics,
}: Pick<DerivationRecord, "transformation" | "parameters" | "metrics">): Property[] {
  return [
    property("mendline:transformation", transformation),
    ...Object.entries(parameters).map(([name, value]) =>
      property(`mendline:parameter:${name}`, valueText(value)),
    ),
    ...Object.entries(metrics).map(([name, value]) => property(`mendline:metric:${name}`, String(value))),
  ];
}

function modelCard({ task, metrics, signature }: ModelRecord): object {
  const datasets = signature === null ? [] : [trainingData(signature)];
  return {
    modelParameters: {
      // What mendline calls a task learns from labels.
      ...(task === null ? {} : { approach: { type: "supervised" }, task: task.kind }),
      ...(datasets.length === 0 ? {} : { datasets }),
    },
    ...quantitativeAnalysis(metrics),
    ...(task === null ? {} : { properties: taskProperties(task) }),
  };
}

function quantitativeAnalysis(metrics: Readonly<Record<string, number>>): object {
  const performanceMetrics = Object.entries(metrics).map(([type, value]) => ({ type, value: String(value) }));
  return performanceMetrics.length === 0 ? {} : { quantitativeAnalysis: { performanceMetrics } };
}

function trainingData(signature: string): object {
  return {
    type: "dataset",
    name: "training data",
    description: "Known by the signature of its profile: sha256 of the canonical counts, edges and moments.",
    contents: { properties: [property("mendline:trainingDataSignature", signature)] },
  };
}

function taskProperties({ features, label }: NonNullable<ModelRecord["task"]>): Property[] {
  return [
    ...features.map((feature) => property("mendline:feature", feature)),
    ...(label === null ? [] : [property("mendline:label", label)]),
  ];
}

function property(name: string, value: string): Property {
  return { name, value };
}
