/** `mendline model signatures`: what is signed of a model version, to look at and to hand on. */
import type { Command } from "commander";
import type { Engine, SignatureRecord } from "../../index.js";
import { formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { timeText } from "./figures.js";
import { checkTarget, writeWhole } from "./files.js";
import {
  addOutputOption,
  addStoreOption,
  type OutputOptions,
  refHelp,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { tableText } from "./table.js";
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

interface SignaturesFlags extends OutputOptions, StoreOptions {
  readonly out?: string;
}

interface ListedSignature extends SignatureRecord {
  /** What it is about, in words. */
  readonly about: string;
}

export function addModelSignaturesCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("signatures")
    .description("List the signatures about a model version and the derivations that lead to it.")
    .argument("<ref>", refHelp, parseText)
    .option("--out <file>", "write them as Sigstore bundles, one a line", parseText);
  addOutputOption(addStoreOption(command)).action(async (ref: string, flags: SignaturesFlags) => {
    const { out } = flags;
    if (out !== undefined) await checkTarget(out);
    const signatures = await withStore(context, flags, ({ engine }) => listed(engine, ref));
    if (out !== undefined) await writeWhole(out, signatures.map(({ bundle }) => `${bundle}\n`).join(""));
    await print({ json: signatures, text: () => signaturesText(signatures, out) }, flags);
  });
}

async function listed({ store }: Engine, ref: string): Promise<ListedSignature[]> {
  const signatures: ListedSignature[] = [];
  for (const signature of await store.signatures(await store.resolve(ref))) {
    const parent = signature.parent === null ? null : await store.get(signature.parent);
    const about = parent === null ? "model" : `derivation from ${parent.name}@${parent.version}`;
    signatures.push({ ...signature, about });
  }
  return signatures;
}

function signaturesText(signatures: readonly ListedSignature[], out: string | undefined): string {
  if (signatures.length === 0) return "no signatures: `mendline model sign` makes them";
  const table = tableText(
    [{ title: "about" }, { title: "key" }, { title: "added" }],
    signatures.map(({ about, hint, atMs }) => [about, hint?.slice(0, 12) ?? "unknown", timeText(atMs)]),
  );
  return out === undefined
    ? table
    : `${table}\n${visibleText(out)} holds ${formatPlural(signatures.length, "bundle")}`;
}
