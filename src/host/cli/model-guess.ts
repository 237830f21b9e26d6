/** `mendline model guess-parent`: whose child a model of unknown origin may be. */
import type { Command } from "commander";
import type { Kinship, NamedModel, ParentGuess } from "../../index.js";
import { formatPlural } from "../pages/format.js";
import type { CommandContext } from "./context.js";
import { figure, shareFigure, shortId } from "./figures.js";
import {
  addComputeOptions,
  addExternalDataOption,
  addOutputOption,
  addStoreOption,
  type ComputeOptions,
  type ExternalDataOptions,
  type OutputOptions,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { nameText, tableText } from "./table.js";
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

type GuessFlags = OutputOptions & StoreOptions & ComputeOptions & ExternalDataOptions;

/** Candidates listed in the text; `--json` has them all. */
const listedMax = 8;

const notes = `
distance: 0 is the same weights, 1.414 nothing in common. confidence: 1 - distance / distance of the next; near 0 another model is
just as likely. A parent cannot be told from a child or a twin by its weights alone. Nothing is added to the store.`;

export function addModelGuessCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("guess-parent")
    .description("Guess which model of the store a file was derived from, by its weights.")
    .argument("<file>", ".onnx or .safetensors", parseText)
    .addHelpText("after", notes);
  addOutputOption(addComputeOptions(addStoreOption(addExternalDataOption(command)))).action(
    async (file: string, flags: GuessFlags) => {
      const guess = await withStore(context, flags, ({ engine, signal }) =>
        engine.guessParent(file, { externalData: flags.externalData, signal }),
      );
      await print({ json: guess, text: () => guessText(guess) }, flags);
    },
  );
}

function labelText({ name, version }: NamedModel): string {
  return nameText(`${name}@${version}`);
}

function guessText({ same, parent, confidence, candidates, comparedCount }: ParentGuess): string {
  if (same !== null) return `these are the parameters of ${labelText(same)}, ${shortId(same.id)}`;
  const looked = `${formatPlural(comparedCount, "model")} compared`;
  if (parent === null) return `no model of the store is related to it; ${looked}`;
  const verdict = `most likely from ${labelText(parent)}, confidence ${confidence.toFixed(2)}; ${looked}`;
  const more = candidates.length - listedMax;
  const rest = more > 0 ? `\nand ${formatPlural(more, "more candidate")}; --json lists all` : "";
  return `${verdict}\n\n${candidatesText(candidates.slice(0, listedMax))}${rest}`;
}

function candidatesText(candidates: readonly Kinship[]): string {
  return tableText(
    [
      { title: "model" },
      { title: "id" },
      { title: "distance", isNumber: true },
      { title: "cosine", isNumber: true },
      { title: "shared", isNumber: true },
      { title: "weights" },
    ],
    candidates.map((one) => [
      `${one.name}@${one.version}`,
      shortId(one.id),
      figure(one.distance),
      figure(one.cosine),
      shareFigure(one.sharedShare),
      one.isComplete ? "all" : "sample",
    ]),
  );
}
