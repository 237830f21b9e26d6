/** `mendline labels request`: chooses points of a pool for people to label. */
import { type Command, Option } from "commander";
import type { AskLabelsRequest, Strategy } from "../../index.js";
import { labelPointsMax } from "../../limits.js";
import type { CommandContext } from "./context.js";
import { detailsText } from "./labels-text.js";
import {
  addComputeOptions,
  addOutputOption,
  addStoreOption,
  type ComputeOptions,
  dataHelp,
  type OutputOptions,
  refHelp,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { parseNames, parseText, parseWhole } from "./values.js";
import { withStore } from "./workspace.js";

interface RequestFlags
  extends OutputOptions,
    StoreOptions,
    ComputeOptions,
    Pick<AskLabelsRequest, "count" | "strategy" | "seed" | "classes" | "run" | "label"> {
  readonly pool?: string;
  readonly random?: number;
  readonly expireDays?: number;
}

/** Keyed by the type, so that a new strategy cannot be forgotten here. */
const strategies = Object.keys({
  mixed: true,
  margin: true,
  entropy: true,
  "least-confidence": true,
  committee: true,
  "vote-entropy": true,
  "consensus-entropy": true,
  disagreement: true,
  weighed: true,
  random: true,
} satisfies Record<Strategy, true>);
const seedMax = 2 ** 32 - 1;
const expireDaysMax = 3_660;
const dayMs = 86_400_000;

const notes = `
Points for the gate are drawn at random, the sooner the more a label can move the comparison between the deployed model and what
would take its place; each counts the less the likelier its draw was, so that nothing is biased. The others help to choose the
scale: mixed, the default, takes those where the deployed model is unsure and its lineage disagrees, spread out; weighed draws
them in the same way as for the gate. The request belongs to the model's newest repair run, where labels can change
what it came to; \`mendline labels refine\` goes on with that.`;

export function addLabelsRequestCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("request")
    .description("Choose the points of a pool whose labels would tell most.")
    .argument("<ref>", refHelp, parseText)
    .requiredOption("--count <count>", "points to label", parseWhole(1, labelPointsMax))
    .option(
      "--pool <data>",
      `unlabelled data: ${dataHelp} (default: the recent rows that the model's monitors keep)`,
      parseText,
    )
    .addOption(
      new Option("--strategy <strategy>", "how points are chosen (default: mixed)").choices(strategies),
    )
    .option(
      "--random <count>",
      "of them, at random (default: by what is missing)",
      parseWhole(0, labelPointsMax),
    )
    .option("--classes <names>", "names of the classes, in the order of the model's outputs", parseNames)
    .option("--label <column>", "what is asked for (default: the model's own label)", parseText)
    .option("--run <run>", "repair run that wants the labels (default: the model's newest)", parseText)
    .option("--expire-days <days>", "after so many days it counts as expired", parseWhole(1, expireDaysMax))
    .option("--seed <n>", "seed of the random points (default: 0)", parseWhole(0, seedMax))
    .addHelpText("after", notes);
  addOutputOption(addComputeOptions(addStoreOption(command))).action(
    async (ref: string, flags: RequestFlags) => {
      const { pool: path, random, expireDays, count, strategy, seed, classes, run, label } = flags;
      const { requestDetails } = await import("../../index.js");
      const made = await withStore(context, { ...flags, inputs: [path] }, async (workspace) => {
        const desk = await workspace.engine.labels();
        const pool = path === undefined ? undefined : await workspace.openData(path);
        const given = { pool, strategy, seed, classes, run, label, randomCount: random };
        const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
        return desk.ask(ref, {
          ...present,
          count,
          signal: workspace.signal,
          ...(expireDays !== undefined && { expiresMs: Date.now() + expireDays * dayMs }),
        });
      });
      const details = requestDetails(made);
      await print({ json: details, text: () => `${detailsText(details)}\n\n${adviceFor(made.id)}` }, flags);
    },
  );
}

function adviceFor(id: string): string {
  return [
    `label them here:    mendline labels annotate ${id}`,
    `or in another tool: mendline labels export ${id} --format csv --out FILE, then labels import`,
  ].join("\n");
}
