/** Lineages to export: the rain example's shape, and names and values that try to break out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lineageMermaid } from "../../../src/host/pages/lineage-text.js";
import {
  type ExportFormat,
  type ExportRequest,
  exportLineage,
} from "../../../src/lineage-store/export/export-lineage.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { scratchDir } from "../../support.js";
import { emptyModel, idOf } from "../support.js";

const dir = scratchDir();
let fileCount = 0;

export async function exported(
  store: LineageStore,
  format: ExportFormat,
  more: Partial<ExportRequest> = {},
): Promise<string> {
  const out = join(dir, `${fileCount++}.txt`);
  await exportLineage(store, { format, out, ...more }, lineageMermaid);
  return readFileSync(out, "utf8");
}

/** What lets a name end a string, a tag, a comment or a document, where names may hold it. */
export const hostileParts = [
  '"',
  "'",
  "\\",
  '"]; evil [label="x',
  '"] --> n99["x',
  "\\N \\G",
  "&quot; &amp",
  "<script>alert(1)</script>",
  "*/ --> ]]>",
  "---",
  "- a: b # c",
  "{x: 1}",
  "yes",
  "null",
  "1e3",
  "0x1f",
  "2024-01-01",
  "12:30:45",
  "~",
  "!!python/object:os.system",
  "&anchor *alias",
  "| >",
  "%YAML 1.1",
  "__proto__",
  "../../etc/passwd",
  "\ufeff\u200b\u200d",
  "عربي 漢字 👨‍👩‍👧",
  " lead and trail ",
  "[x](http://a.b) `c` **d** # e",
];

/** rain@1 with everything a model can tell -> rain@2 (fine-tuning) -> rain@3, a repair of rain@2 towards rain@1. */
export async function addRain(store: LineageStore): Promise<void> {
  const profile = await store.putObject(Buffer.from("{}"));
  const task = { features: ["wind", "temp_max"], label: "rains", kind: "classification" } as const;
  const first = emptyModel("rain", "1", {
    createdMs: 1_700_000_000_000,
    fileHash: idOf("file of rain@1"),
    byteLength: 0,
    signature: profile.hash,
    profile: profile.hash,
    task,
    metrics: { "log-loss": 0.508, accuracy: 0.75 },
    tags: { license: "apache-2.0", site: "Seattle" },
  });
  const id = (version: string) => idOf(`rain@${version}`);
  await store.commit((tx) => {
    tx.addModel(first);
    tx.addModel({ ...first, name: "shower", version: "9" });
    tx.addModel(emptyModel("rain", "2", { createdMs: 1_700_000_001_000, metrics: { "log-loss": 1e-7 } }));
    tx.addModel(emptyModel("rain", "3", { format: "safetensors", createdMs: 1_700_000_002_000 }));
    tx.addDerivation({
      parent: id("1"),
      child: id("2"),
      transformation: "fine-tuning",
      parameters: { epochs: 100, layers: ["a", "b"] },
      metrics: { "log-loss": 0.43 },
      distribution: { moments: { wind: { mean: 3.25, variance: null } }, drift: { verdict: "drift" } },
      createdMs: 1_700_000_001_500,
    });
    for (const [version, createdMs] of [
      ["2", 1_700_000_002_500],
      ["1", 1_700_000_002_600],
    ] as const)
      tx.addDerivation({
        parent: id(version),
        child: id("3"),
        transformation: "repair",
        parameters: { scale: 1.18 },
        createdMs,
      });
  });
}

/** A chain of models whose names, versions, tags, parameters and features are hostile. */
export async function addHostile(store: LineageStore): Promise<void> {
  let parent: string | null = null;
  for (const part of hostileParts) {
    const model = emptyModel(part, part, {
      tags: Object.fromEntries([[part, `${part}\n${part}\u0000\u0085\u2028\u{e0001}`]]),
      metrics: Object.fromEntries([[part, -1e-300]]),
      task: { features: [part], label: part, kind: "regression" },
      createdMs: Number.MAX_SAFE_INTEGER,
    });
    await store.commit((tx) => {
      tx.addModel(model);
      if (parent === null) return;
      const parameters = Object.fromEntries([
        [part, part],
        [part.repeat(300), { [part]: [part, [Number.NaN, Number.NEGATIVE_INFINITY]] }],
      ]);
      tx.addDerivation({
        parent,
        child: model.id,
        transformation: "other",
        parameters,
        distribution: parameters,
      });
    });
    parent = model.id;
  }
}
