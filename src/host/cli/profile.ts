/** `mendline profile`: freezes what a model was trained on into a file. */
import type { Command } from "commander";
import { formatCount } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { checkTarget, writeWhole } from "./files.js";
import {
  addComputeOptions,
  addFeatureOptions,
  addOutputOption,
  type ComputeOptions,
  dataHelp,
  type FeatureOptions,
  type OutputOptions,
} from "./options.js";
import { print } from "./output.js";
import { ProgressLine } from "./progress.js";
import { factsText, nameText } from "./table.js";
import { parseText } from "./values.js";
import { type Workspace, withEngine } from "./workspace.js";

interface ProfileFlags extends OutputOptions, ComputeOptions, FeatureOptions {
  readonly out: string;
}

interface MadeProfile {
  /** sha256 of the file: the training-data signature. */
  readonly signature: string;
  readonly rows: number;
  readonly features: readonly string[];
  readonly out: string;
}

export function addProfileCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("profile")
    .description("Make the reference profile of training data: bins, counts and moments of each feature.")
    .argument("<data>", dataHelp, parseText);
  addFeatureOptions(command).requiredOption("--out <profile>", "file to write", parseText);
  addOutputOption(addComputeOptions(command)).action(async (data: string, flags: ProfileFlags) => {
    await checkTarget(flags.out);
    const made = await withEngine(context, { ...flags, inputs: [data] }, (workspace) =>
      makeProfile(workspace, data, flags),
    );
    await print({ json: made, text: () => madeText(made) }, flags);
  });
}

async function makeProfile(workspace: Workspace, data: string, flags: ProfileFlags): Promise<MadeProfile> {
  const { profileSignature, profileToBytes } = await import("../../index.js");
  const source = await workspace.openData(data, flags.categorical);
  const progress = new ProgressLine();
  const profile = await workspace.engine
    .profile(source, {
      features: flags.features,
      bins: flags.bins,
      signal: workspace.signal,
      onProgress: (done, total) => progress.update(`reading ${source.label}`, done, total),
    })
    .finally(() => progress.clear());
  await writeWhole(flags.out, profileToBytes(profile));
  return {
    signature: profileSignature(profile),
    rows: profile.rows,
    features: [...profile.features.keys()],
    out: flags.out,
  };
}

function madeText({ signature, rows, features, out }: MadeProfile): string {
  return factsText([
    ["profile", visibleText(out)],
    ["rows", formatCount(rows)],
    ["features", features.map(nameText).join(", ")],
    ["signature", signature],
  ]);
}
