/** The published schemas as validators: the fixtures are unchanged copies (test/fixtures/schemas/ORIGIN.md). */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Ajv, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import * as assert from "uvu/assert";
import { fixturePath } from "../../support.js";

/** Annotations of the schemas ("example", "meta:enum") are no keywords of JSON Schema. */
const options = { strict: false, allErrors: true };

function schema(name: string): object {
  const bytes = readFileSync(fixturePath("schemas", name));
  return JSON.parse((name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8"));
}

export function cycloneDxValidator(): ValidateFunction {
  const ajv = new Ajv(options);
  formats.default(ajv);
  // Not in ajv-formats; internationalised forms that no export writes are accepted as they are.
  for (const format of ["iri-reference", "idn-email"]) ajv.addFormat(format, true);
  for (const name of ["spdx", "jsf-0.82", "cryptography-defs"])
    ajv.addSchema(schema(`${name}.schema.json.gz`));
  return ajv.compile(schema("bom-1.7.schema.json.gz"));
}

const facetFiles = [
  "DatasetTypeDatasetFacet",
  "DatasetVersionDatasetFacet",
  "SymlinksDatasetFacet",
  "TagsDatasetFacet",
  "OutputStatisticsOutputDatasetFacet",
  "JobTypeJobFacet",
];

/** Validates an event, and each of its facets by the schema that the facet itself names. */
export class OpenLineageValidator {
  readonly #ajv = new Ajv2020(options);
  readonly #event: ValidateFunction;

  constructor() {
    formats.default(this.#ajv);
    this.#event = this.#ajv.compile(schema("OpenLineage.json"));
    for (const name of facetFiles) this.#ajv.addSchema(schema(`${name}.json`));
  }

  check(event: object): void {
    expectValid(this.#event, event);
    for (const facet of facetsIn(event)) {
      const url = (facet as { _schemaURL: string })._schemaURL;
      const validate = this.#ajv.getSchema(url);
      assert.ok(validate, `no schema ${url}`);
      expectValid(validate as ValidateFunction, facet);
    }
  }

  accepts(event: object): boolean {
    return this.#event(event) as boolean;
  }
}

function facetsIn(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  const own = Object.hasOwn(value, "_schemaURL") ? [value] : [];
  return [...own, ...Object.values(value).flatMap(facetsIn)];
}

export function expectValid(validate: ValidateFunction, value: unknown): void {
  if (validate(value)) return;
  const [first] = validate.errors ?? [];
  assert.unreachable(
    `${first?.instancePath} ${first?.message}: ${JSON.stringify(validate.errors?.slice(0, 3))}`,
  );
}
