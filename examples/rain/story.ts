/** The run as the report page wants it. */
import type { Engine, LineageGraph, RepairReport, RepairStory, WindowReport } from "../../src/index.js";

export interface StoryParts {
  readonly replay: { readonly deployed: string };
  readonly windows: readonly WindowReport[];
  readonly after: readonly WindowReport[];
  readonly report: RepairReport;
  readonly rows: RepairStory["table"]["rows"];
  readonly alias: string;
}

/** The whole graph of the store. @param marks  by name@version */
export async function lineageOf(engine: Engine, marks: Record<string, string[]>): Promise<LineageGraph> {
  const nodes: LineageGraph["nodes"][number][] = [];
  const edges: LineageGraph["edges"][number][] = [];
  for await (const { id, name, version, createdMs } of engine.models()) {
    nodes.push({ id, name, version, createdMs, marks: marks[`${name}@${version}`] ?? [] });
    for (const { parent, child, transformation } of (await engine.derivations(id)).parents) {
      edges.push({ parent, child, transformation });
    }
  }
  return { nodes, edges };
}

export async function storyOf(
  engine: Engine,
  { replay, windows, after, report, rows, alias }: StoryParts,
): Promise<RepairStory> {
  const marks: Record<string, string[]> = { [replay.deployed]: ["drifted"] };
  for (const { label } of report.passedOver) marks[label] = ["passed over"];
  if (report.ancestor !== null) marks[report.ancestor.label] = ["healthy", "chosen"];
  if (report.model !== null) marks[`${report.model.name}@${report.model.version}`] = ["repaired", "deployed"];
  const { gate, control } = report;
  return {
    title: "A drifted model, mended from its lineage",
    intro: `${replay.deployed} tells from season, temperature and wind whether it rains. It was fine-tuned for Seattle and serves the gateway "${alias}"; then the gateway is moved to New York.`,
    createdMs: Date.now(),
    lineage: await lineageOf(engine, marks),
    windows: [
      ...windows.map((window) => windowOf(window, "before")),
      ...after.map((window) => windowOf(window, "after")),
    ],
    threshold: Object.values(report.drift.features)[0]!.psi.threshold,
    triggerWindow: windows.findIndex(({ alarm }) => alarm),
    choice: {
      chosen: report.ancestor && { name: report.ancestor.label, distance: report.ancestor.distance },
      passedOver: report.passedOver.map(({ label, reason }) => ({ name: label, reason })),
    },
    curve: report.curve.map(({ scale, loss }) => ({ scale, loss })),
    scale: report.scale,
    barrier: report.barrier,
    rungs: report.rungs,
    batchNorm: report.batchNorm,
    metric: gate?.metric ?? "log-loss",
    gate:
      gate === null || gate.interval === null
        ? null
        : { ...gate, interval: [gate.interval[0], gate.interval[1]] },
    control,
    outcome: report.outcome,
    published:
      report.model === null || report.path === null
        ? null
        : { name: `${report.model.name}@${report.model.version}`, id: report.model.id, path: report.path },
    table: { metric: "log loss", rows },
  };
}

function windowOf(
  { window, report, ancestors }: WindowReport,
  phase: "before" | "after",
): RepairStory["windows"][number] {
  const features = Object.fromEntries(
    Object.entries(report.features).map(([name, { psi, verdict }]) => [
      name,
      { psi: psi.value, pValueAtThreshold: psi.pValueAtThreshold, verdict },
    ]),
  );
  return {
    label: `window ${window.number + 1}`,
    atRow: (window.fromRow ?? 0) + window.rowCount,
    verdict: report.verdict,
    features,
    ancestors: ancestors.map(({ label, verdict }) => ({ name: label, verdict })),
    phase,
  };
}
