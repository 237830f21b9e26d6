// Whatever the bytes of a document: it is read, or refused with a code of documents; and the store stays sound.
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { MendlineError } from "../../../src/errors.js";
import type { ExternalSource } from "../../../src/lineage-store/declared.js";
import { importLineage } from "../../../src/lineage-store/import/import-lineage.js";
import { parseBundle, signedBundle } from "../../../src/lineage-store/signing/dsse.js";
import { signingKey } from "../../../src/lineage-store/signing/keys.js";
import { statementIn } from "../../../src/lineage-store/signing/statements.js";
import { ed25519 } from "../signing/support.js";
import { collect, withStore } from "../support.js";
import { written } from "./support.js";

const card = `---
license: mit
tags: [a, "b:c"]
base_model:
  - org/base
  - org/other
base_model_relation: merge
model-index:
  - name: tuned
    results:
      - task: {type: x}
        dataset: {type: d, name: D}
        metrics: [{type: accuracy, value: 0.75}]
mendline:
  hub: org/me
  id: "${"a".repeat(64)}"
  parents:
    - {hub: org/base, id: "${"b".repeat(64)}", name: n, version: "1", transformation: fine-tuning, parameters: {epochs: 1}}
---
# Body
`;

const runs = JSON.stringify({
  runs: [
    {
      info: { run_id: "c", start_time: 1, lifecycle_stage: "active" },
      data: {
        metrics: [{ key: "m", value: 1 }],
        params: [{ key: "p", value: "1" }],
        tags: [
          { key: "mlflow.parentRunId", value: "p" },
          { key: "mendline.transformation", value: "pruning" },
        ],
      },
    },
  ],
  model_versions: [{ name: "m", version: "1", run_id: "c", tags: [{ key: "a", value: "b" }] }],
});

/** Words that mean something to JSON, to YAML or to a reader of either. */
const words = [
  "null",
  "{}",
  "[]",
  "[1]",
  "-1",
  "1e999",
  '""',
  '"__proto__"',
  "&a",
  "*a",
  "? ",
  ": ",
  "- ",
  "---\n",
  "!!js/function ",
  "<<: ",
  "|",
  "%",
  "\t",
  "\u0000",
  "\ufeff",
  "\ud800",
  "[[[[",
  "}}",
];

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const edits = fc.array(
  fc.record<Edit>({
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    remove: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 6 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 400 }) },
    ),
    insert: fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 4 }), fc.constant("")),
  }),
  { minLength: 1, maxLength: 4 },
);

function edited(text: string, changes: readonly Edit[]): string {
  return changes.reduce((before, { at, remove, insert }) => {
    const from = Math.floor(at * before.length);
    return before.slice(0, from) + insert + before.slice(from + remove);
  }, text);
}

/** Values of other types and odd ones, in the place of any member of the document. */
const odd: readonly unknown[] = [
  null,
  0,
  -1,
  1e300,
  true,
  "",
  "x",
  "a\u0000b",
  "\u202e",
  "x".repeat(3_000),
  "ABC",
  "a".repeat(64),
  [],
  [[]],
  {},
  { a: 1 },
  ["x", "x"],
  [null],
  [{}],
];

interface Swap {
  readonly at: number;
  readonly by: unknown;
}

const swaps = fc.array(fc.record<Swap>({ at: fc.nat({ max: 1_000 }), by: fc.constantFrom(...odd) }), {
  minLength: 1,
  maxLength: 3,
});

function swapped(document: object, changes: readonly Swap[]): object {
  const copy = structuredClone(document);
  for (const { at, by } of changes) {
    const places = placesIn(copy);
    const place = places[at % Math.max(1, places.length)];
    if (place !== undefined) place.holder[place.name] = structuredClone(by);
  }
  return copy;
}

interface Place {
  readonly holder: Record<string, unknown>;
  readonly name: string;
}

function placesIn(value: unknown): Place[] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((name) => [{ holder, name }, ...placesIn(holder[name])]);
}

const codes = [
  "MENDLINE_DATA_MALFORMED",
  "MENDLINE_DATA_FORMAT",
  "MENDLINE_DATA_LIMIT",
  "MENDLINE_STORE_CYCLE",
  // A card that no longer says of which model it is.
  "MENDLINE_ARGUMENT_INVALID",
];

const metadata = parse(card.split("---\n")[1]!) as object;
/** JSON is YAML. */
const mutations: Readonly<Record<ExternalSource, fc.Arbitrary<string>>> = {
  huggingface: swaps.map((changes) => `---\n${JSON.stringify(swapped(metadata, changes))}\n---\n`),
  mlflow: swaps.map((changes) => JSON.stringify(swapped(JSON.parse(runs), changes))),
};

for (const [format, document] of [
  ["huggingface", card],
  ["mlflow", runs],
] as [ExternalSource, string][]) {
  test(`a mutated document of ${format} is read or refused`, () =>
    withStore(async (store) => {
      let read = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(
            mutations[format],
            edits.map((changes) => edited(document, changes)),
          ),
          async (text) => {
            try {
              await importLineage(store, { format, files: [written(text)] });
              read++;
            } catch (error) {
              assert.instance(error, MendlineError, String(error));
              assert.ok(codes.includes((error as MendlineError).code), String(error));
            }
          },
        ),
        { numRuns: 400 },
      );
      assert.ok(read > 20 && read < 400, `${read} of 400 were read`);
      await store.verifyJournal();
      for (const external of await collect(store.externals())) {
        await store.declarations(external.id);
        await store.resolutionOf(external);
      }
    }));
}

test("a mutated bundle is read or refused", () => {
  const bundle = signedBundle(Buffer.from('{"_type":"x"}'), signingKey("key", ed25519().privateKey));
  fc.assert(
    fc.property(edits, (changes) => {
      try {
        statementIn(parseBundle("the bundle", edited(bundle, changes)).payload);
      } catch (error) {
        assert.is((error as MendlineError).code, "MENDLINE_DATA_MALFORMED", String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test.run();
