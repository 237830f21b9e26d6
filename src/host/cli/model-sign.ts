/** `mendline model sign`: puts a name to a model version and to how it was derived. */
import type { Command } from "commander";
import type { SignedModel } from "../../index.js";
import { formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import type { CommandContext } from "./context.js";
import { checkTarget, readKey, writeWhole } from "./files.js";
import {
  addOutputOption,
  addStoreOption,
  type OutputOptions,
  refHelp,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import { nameText } from "./table.js";
import { parseText } from "./values.js";
import { withStore } from "./workspace.js";

interface SignFlags extends OutputOptions, StoreOptions {
  readonly key: string;
  readonly out?: string;
}

const notes = `
Every byte of the parameters is read and checked before anything is signed. The model's signature has the layout of the OpenSSF's model
signing (v1.0): one made with a P-256 key is checked by its tool, too, against a restored file.
Keys: openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout -out pub.pem`;

export function addModelSignCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("sign")
    .description(
      "Sign a model version and the derivations that lead to it; the signatures stay in the store.",
    )
    .argument("<ref>", refHelp, parseText)
    .requiredOption("--key <file>", "private key in PEM: Ed25519 or P-256", parseText)
    .option("--out <file>", "write the model's signature (a Sigstore bundle), too", parseText)
    .addHelpText("after", notes);
  addOutputOption(addStoreOption(command)).action(async (ref: string, flags: SignFlags) => {
    const { key: keyName, out } = flags;
    if (out !== undefined) await checkTarget(out);
    const key = await readKey(keyName);
    const signed = await withStore(context, flags, ({ engine, signal }) =>
      engine.signModel(ref, { key, keyName, signal }),
    );
    if (out !== undefined) await writeWhole(out, signed.signatures[0]!.bundle);
    const { signatures, ...model } = signed;
    const made = signatures.map(({ parent, isNew }) => ({ parent, isNew }));
    await print({ json: { ...model, signatures: made }, text: () => signedText(signed, out) }, flags);
  });
}

function signedText({ name, version, keyHint, signatures }: SignedModel, out: string | undefined): string {
  const label = nameText(`${name}@${version}`);
  const derivations = formatPlural(signatures.length - 1, "derivation");
  const news = signatures.some(({ isNew }) => isNew) ? "signed" : "was signed already:";
  const place = out === undefined ? "" : `\n${visibleText(out)} is the model's signature`;
  return `${news} ${label} and ${derivations} by key ${keyHint.slice(0, 12)}${place}`;
}
