/** `mendline model verify`: whether the store still holds what was put into it, and what was signed; all that it does not, in one pass. */
import type { Command } from "commander";
import { MendlineError } from "../../errors.js";
import type { CheckedModel, SignatureReport, StoreCheck, StoreDamage } from "../../index.js";
import { checkedModelsMax } from "../../limits.js";
import { formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import { type CommandContext, exitCodes } from "./context.js";
import { damageLines } from "./damage-text.js";
import {
  addOutputOption,
  addStoreOption,
  type OutputOptions,
  refHelp,
  type StoreOptions,
} from "./options.js";
import { print } from "./output.js";
import {
  type SignatureCheck,
  type SignatureFlags,
  signatureCheck,
  signatureLines,
} from "./signature-check.js";
import { requireStore } from "./store-folder.js";
import { nameText } from "./table.js";
import { parseList, parseText } from "./values.js";
import { withStore } from "./workspace.js";

type VerifyFlags = OutputOptions & StoreOptions & SignatureFlags;

interface VerifiedModel extends CheckedModel {
  /** Where a key was given, and the records could be read. */
  readonly signatures?: SignatureReport;
}

interface Verification {
  /** Entries and records that were read, and the hash of the last entry; null where records are damaged. */
  readonly journal: StoreCheck["journal"];
  readonly models: readonly VerifiedModel[];
  /** Of all, also of those that are sound and beyond what is listed. */
  readonly modelCount: number;
  readonly damage: StoreDamage;
  readonly isValid: boolean;
}

export function addModelVerifyCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("verify")
    .description(
      "Check every record, and every byte of all models or one, and list all that is damaged; with a key, the signatures too.",
    )
    .argument("[ref]", refHelp, parseText)
    .option("--key <file>", "public key in PEM: who must have signed", parseText)
    .option("--signature <file>", "a Sigstore bundle from elsewhere; may be repeated", parseList);
  addOutputOption(addStoreOption(command)).action(async (ref: string | undefined, flags: VerifyFlags) => {
    if (flags.signature !== undefined && flags.key === undefined)
      throw new MendlineError("MENDLINE_ARGUMENT_INVALID", "--signature needs --key, the key that made it");
    const signatures = await signatureCheck(flags);
    await requireStore(flags.store);
    const verification = await verified(context, flags, ref, signatures);
    if (!verification.isValid) context.exitCode = exitCodes.failed;
    await print(
      { json: verification, text: () => verificationText(verification, signatures !== null) },
      flags,
    );
  });
}

async function verified(
  context: CommandContext,
  flags: VerifyFlags,
  ref: string | undefined,
  signatures: SignatureCheck | null,
): Promise<Verification> {
  const { checkStore } = await import("../../index.js");
  const models: CheckedModel[] = [];
  let modelCount = 0;
  let allHold = true;
  const check = await checkStore(flags.store, {
    ref,
    signal: context.signal,
    onModel: (model) => {
      modelCount++;
      allHold &&= model.problem === null;
      // Every one that somebody must have signed is asked for its signatures.
      if (signatures !== null || models.length < checkedModelsMax) models.push(model);
    },
  });
  const signed =
    signatures === null || check.journal === null
      ? null
      : await signedModels(context, flags, models, signatures);
  const isSigned = signed?.every((model) => model.signatures?.isValid !== false) ?? true;
  return {
    journal: check.journal,
    models: signed ?? models,
    modelCount,
    damage: check.damage,
    isValid: check.isSound && allHold && isSigned,
  };
}

function signedModels(
  context: CommandContext,
  flags: VerifyFlags,
  models: readonly CheckedModel[],
  check: SignatureCheck,
): Promise<VerifiedModel[]> {
  return withStore(context, flags, async ({ engine }) => {
    const verified: VerifiedModel[] = [];
    for (const model of models) verified.push({ ...model, signatures: await check(engine, model.id) });
    return verified;
  });
}

function verificationText(verification: Verification, asksSignatures: boolean): string {
  const { journal, models, modelCount, damage, isValid } = verification;
  const records = journal === null ? "the records" : formatPlural(journal.recordCount, "record");
  const lines = [
    `${records} and ${formatPlural(modelCount, "model")} checked: ${isValid ? "all hold" : "not all hold"}`,
    ...damageLines(damage),
  ];
  for (const { name, version, parameters, problem, signatures } of models) {
    const told = [
      ...(parameters === "dropped" ? ["parameters: dropped by retention"] : []),
      ...(problem === null ? [] : [visibleText(problem)]),
      ...(signatures === undefined ? [] : signatureLines(signatures)),
    ];
    if (told.length > 0) lines.push(nameText(`${name}@${version}`), ...told.map((line) => `  ${line}`));
  }
  if (asksSignatures && journal === null)
    lines.push("signatures were not checked: what they are about is damaged");
  return lines.join("\n");
}
