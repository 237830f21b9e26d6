/**
 * Who may import whom (DESIGN section 3), as a table. A zone is a folder or a file of the repository; a file belongs to the zone
 * with the longest path that holds it. What a row does not name is a breach: add a folder only with a new word of the vocabulary.
 */

export interface ZoneRule {
  /** Path below the package's root, without its ending: a folder, or a file without `.ts`. */
  readonly path: string;
  /** Zones that may be imported, besides the zone itself. */
  readonly zones: readonly string[];
  /** Zones of which only types may be imported. */
  readonly typesOf?: readonly string[];
  /** Packages that may be imported: here and nowhere else. */
  readonly packages?: readonly string[];
  /** False for the two files that import nothing at all. */
  readonly node?: boolean;
  /** True where a specifier may be computed, because the package is an optional one. */
  readonly computed?: boolean;
}

/** A start file whose run-time tree is bounded, because loading it is paid for by every worker thread, or by every start. */
export interface ReachRule {
  readonly entry: string;
  /** `start`: only what loads with it, not what it imports or starts as a worker later. */
  readonly when: "ever" | "start";
  /** Absent: any. */
  readonly zones?: readonly string[];
  readonly packages: readonly string[];
}

export interface ImportRules {
  readonly zones: Readonly<Record<string, ZoneRule>>;
  /** Zones that hold nothing but re-exports. */
  readonly reexportsOnly: readonly string[];
  readonly reach: readonly ReachRule[];
}

const base = ["errors", "limits"];
const numeric = [...base, "memory", "kernels"];
const hosts = [
  "memory",
  "kernels",
  "bytes",
  "columns",
  "drift",
  "models",
  "parameters",
  "repair",
  "labels",
  "deployment",
  "pages",
];

export const importRules: ImportRules = {
  zones: {
    errors: { path: "src/errors", zones: [], node: false },
    limits: { path: "src/limits", zones: [], node: false },
    memory: { path: "src/host/memory", zones: base },
    kernels: { path: "src/host/kernels", zones: [...base, "memory"], packages: ["@assemblyscript/loader"] },
    bytes: { path: "src/host/bytes", zones: base },
    columns: {
      path: "src/host/columns",
      zones: [...numeric, "bytes", "turns"],
      packages: ["apache-arrow", "hyparquet", "hyparquet-compressors", "csv-parse"],
    },
    // The event loop's turns, which long work of every kind takes.
    turns: { path: "src/scheduler/turns", zones: ["limits"] },
    drift: {
      path: "src/host/drift",
      zones: [...numeric, "bytes", "columns", "scheduler", "turns", "edges", "slotLabels"],
    },
    edges: { path: "src/host/drift/edges", zones: ["kernels"] },
    // Words for bins, without a runtime: what a report says and what a page draws are called the same.
    slotLabels: {
      path: "src/host/drift/slot-labels",
      zones: ["edges"],
      typesOf: ["columns", "kernels"],
    },
    parameters: { path: "src/host/parameters", zones: [...numeric, "bytes", "scheduler"] },
    models: {
      path: "src/host/models",
      zones: [...base, "columns", "drift", "parameters", "lineage-store", "scheduler"],
    },
    labels: { path: "src/host/labels", zones: [...numeric, "columns", "drift", "lineage-store"] },
    deployment: { path: "src/host/deployment", zones: [...base, "parameters", "lineage-store"] },
    repair: {
      path: "src/host/repair",
      zones: [
        ...numeric,
        "columns",
        "drift",
        "models",
        "parameters",
        "labels",
        "deployment",
        "lineage-store",
        "scheduler",
      ],
      packages: ["onnxruntime-web", "onnxruntime-node", "onnxruntime-common"],
      computed: true,
    },
    pages: {
      path: "src/host/pages",
      zones: [...base, "slotLabels"],
      typesOf: ["drift", "repair", "lineage-store"],
    },
    "lineage-store": { path: "src/lineage-store", zones: base, packages: ["level", "msgpackr", "yaml"] },
    scheduler: { path: "src/scheduler", zones: [...numeric, "turns"], packages: ["piscina"] },
    engine: { path: "src/host/engine", zones: [...base, ...hosts, "lineage-store", "scheduler"] },
    storeCare: { path: "src/host/store-care", zones: [...base, "parameters", "lineage-store", "scheduler"] },
    index: {
      path: "src/index",
      zones: [...base, ...hosts, "lineage-store", "scheduler", "engine", "storeCare"],
    },
    service: { path: "src/host/service", zones: [...base, "index"] },
    fleet: { path: "src/host/fleet", zones: [...base, "index"] },
    cli: { path: "src/host/cli", zones: [...base, "index", "pages"], packages: ["commander"] },
    examples: {
      path: "examples",
      zones: ["index"],
      packages: ["vega-datasets", "onnxruntime-web", "apache-arrow", "hyparquet", "hyparquet-compressors"],
    },
  },
  reexportsOnly: ["index"],
  reach: [
    {
      entry: "src/scheduler/worker.ts",
      when: "ever",
      zones: ["scheduler", "kernels", "memory", "errors", "limits"],
      packages: ["@assemblyscript/loader"],
    },
    {
      // Libraries load where they are first needed: each takes longer than the rest of an engine's start.
      entry: "src/index.ts",
      when: "start",
      packages: ["@assemblyscript/loader"],
    },
  ],
};
