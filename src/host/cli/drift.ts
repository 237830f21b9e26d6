/** `mendline drift`: current data against a reference. */
import type { Command } from "commander";
import { Option } from "commander";
import { MendlineError } from "../../errors.js";
import type { AbsentColumns, DriftReport, KsMode, Profile, Smoothing } from "../../index.js";
import { driftPage } from "../pages/drift-page.js";
import { type CommandContext, exitCodes } from "./context.js";
import { addRuleOptions, type RuleFlags, ruleOptions } from "./drift-rules.js";
import { driftText } from "./drift-text.js";
import { checkTarget, profileIn, writeWhole } from "./files.js";
import {
  addComputeOptions,
  addFeatureOptions,
  addOutputOption,
  type ComputeOptions,
  dataHelp,
  type FeatureOptions,
  type OutputOptions,
  refuseSharedInput,
} from "./options.js";
import { print } from "./output.js";
import { ProgressLine } from "./progress.js";
import { parseSmoothing, parseText } from "./values.js";
import { type Workspace, withEngine } from "./workspace.js";

interface DriftFlags extends OutputOptions, ComputeOptions, FeatureOptions, RuleFlags {
  readonly reference: string;
  readonly current: string;
  readonly ks: KsMode;
  readonly smoothing?: Smoothing;
  readonly absent: AbsentColumns;
  readonly html?: string;
}

const absentModes: readonly AbsentColumns[] = ["refuse", "missing"];

const ksModes: readonly KsMode[] = ["auto", "exact", "binned"];

export function addDriftCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("drift")
    .description("Compare current data with a reference. Exit code 3 when it has drifted.")
    .requiredOption(
      "--reference <data|profile>",
      "what the model was trained on: data, or its profile",
      parseText,
    )
    .requiredOption("--current <data>", dataHelp, parseText);
  addFeatureOptions(command)
    .addOption(
      new Option(
        "--ks <mode>",
        "KS from all values, or bounded from counts; auto: from all values up to 67 million rows",
      )
        .choices(ksModes)
        .default("auto"),
    )
    .option("--smoothing <s>", "pseudo-count a bin, or floor:1e-4 (default: 0.5)", parseSmoothing);
  addRuleOptions(command)
    .addOption(
      new Option(
        "--absent <how>",
        "a feature that the current data have no column for: refuse it, or count it as missing",
      )
        .choices(absentModes)
        .default("refuse"),
    )
    .option("--html <file>", "write the report as a page, too", parseText);
  addOutputOption(addComputeOptions(command)).action(async (flags: DriftFlags) => {
    const report = await compare(context, flags);
    await print({ json: report, text: () => driftText(report, flags) }, flags);
    context.exitCode = report.verdict === "drift" ? exitCodes.drift : exitCodes.done;
  });
}

async function compare(context: CommandContext, flags: DriftFlags): Promise<DriftReport> {
  const { reference, current, html } = flags;
  refuseSharedInput({ "--reference": reference, "--current": current });
  if (html !== undefined) await checkTarget(html);
  const profile = await profileIn(reference);
  if (profile !== null) checkProfileFlags(profile, flags);
  const inputs = [profile === null ? reference : undefined, current];
  const report = await withEngine(context, { ...flags, inputs }, (workspace) =>
    driftOf(workspace, profile, flags),
  );
  if (html !== undefined) {
    const page = { title: "Drift report", reference, current, createdMs: Date.now() };
    await writeWhole(html, driftPage(report, page));
  }
  return report;
}

async function driftOf(
  workspace: Workspace,
  profile: Profile | null,
  flags: DriftFlags,
): Promise<DriftReport> {
  const reference = profile ?? (await workspace.openData(flags.reference, flags.categorical));
  const current = await workspace.openData(flags.current, flags.categorical);
  const progress = new ProgressLine();
  const { features, bins, ks, smoothing, absent } = flags;
  return workspace.engine
    .drift(reference, current, {
      features,
      bins,
      ks,
      smoothing,
      absent,
      ...ruleOptions(flags),
      signal: workspace.signal,
      onProgress: (done, total) => progress.update("counting", done, total),
    })
    .finally(() => progress.clear());
}

/** A profile is frozen: what would change its bins cannot be heeded, and is not passed over in silence. */
function checkProfileFlags(profile: Profile, { reference, bins, categorical = [] }: DriftFlags): void {
  if (bins !== undefined) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `--bins cannot change the profile ${reference}: give it to \`mendline profile\`, or the data itself as --reference`,
    );
  }
  const numeric = categorical.find((name) => profile.features.get(name)?.kind === "numeric");
  if (numeric === undefined) return;
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `--categorical ${numeric}: the profile ${reference} holds it as numbers; make the profile with \`mendline profile --categorical ${numeric}\``,
  );
}
