/** `mendline model blend`: two model files, or models in shards, blended to a third. */
import type { Command } from "commander";
import type { BlendedModel } from "../../index.js";
import { formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { bytesText } from "./figures.js";
import {
  addComputeOptions,
  addExternalDataOption,
  addOutputOption,
  type ComputeOptions,
  type ExternalDataOptions,
  type OutputOptions,
} from "./options.js";
import { print } from "./output.js";
import { parseNumber, parseText } from "./values.js";
import { withEngine } from "./workspace.js";

interface BlendFlags extends OutputOptions, ComputeOptions, ExternalDataOptions {
  readonly scale: number;
  readonly out: string;
  readonly requantize?: boolean;
}

const notes = `
The result is drifted + scale * (ancestor - drifted): 0 keeps the drifted parameters, 1 rolls back. Everything else of the drifted file
stays byte for byte. Memory does not grow with the models. Of a model in shards give its model.safetensors.index.json; it is written as
shards again, into a new folder. So is an ONNX model with external data, which is read with --external-data only: its data files must lie
in its own folder, and be no links. Quantised weights are refused; with --requantize those of ONNX that go through DequantizeLinear (int8,
uint8) are blended as the numbers they stand for and quantised again, off by half a step at most. No store is needed, and nothing is judged: that is what \`mendline repair\` does.`;

export function addModelBlendCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("blend")
    .description("Blend two model files to a third, of any size.")
    .argument("<drifted>", ".safetensors or .onnx file, or index of shards", parseText)
    .argument("<ancestor>", "the same, with the same tensors", parseText)
    .requiredOption("--scale <number>", "how far from the drifted model to the ancestor", parseNumber)
    .requiredOption("--out <path>", "file to write; for a model in several files a new folder", parseText)
    .option("--requantize", "blend quantised weights as the numbers they stand for, and quantise again")
    .addHelpText("after", notes);
  addOutputOption(addComputeOptions(addExternalDataOption(command))).action(
    async (drifted: string, ancestor: string, flags: BlendFlags) => {
      const { scale, out, externalData, requantize } = flags;
      const blended = await withEngine(context, flags, ({ engine, signal }) =>
        engine.blend({ drifted, ancestor, scale, out, externalData, requantize, signal }),
      );
      await print({ json: blended, text: () => blendedText(blended) }, flags);
    },
  );
}

function blendedText({ path, tensorCount, files }: BlendedModel): string {
  const bytes = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const what = `${formatPlural(tensorCount, "tensor")}, ${formatPlural(files.length, "file")}, ${bytesText(bytes)}`;
  return [
    `${visibleText(path)} is the blend: ${what}`,
    ...files.map((file) => `${file.sha256}  ${visibleText(file.path)}`),
  ].join("\n");
}
