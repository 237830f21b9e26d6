/** `mendline model verify`: whether the store still holds what was put into it, and what was signed. */
import type { Command } from "commander";
import { type ErrorCode, MendlineError } from "../../errors.js";
import type { Engine, ModelRecord, SignatureReport } from "../../index.js";
import { formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import { type CommandContext, exitCodes } from "./context.js";
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
import { nameText } from "./table.js";
import { parseList, parseText } from "./values.js";
import { type Workspace, withStore } from "./workspace.js";

const damageCodes: readonly ErrorCode[] = ["MENDLINE_STORE_CORRUPT", "MENDLINE_STORE_DROPPED"];

type VerifyFlags = OutputOptions & StoreOptions & SignatureFlags;

interface VerifiedModel extends Pick<ModelRecord, "id" | "name" | "version"> {
  /** `dropped` by retention is no damage. */
  readonly parameters: "kept" | "dropped" | "lost";
  /** What is wrong with its parameters; null: every byte is as it was added. */
  readonly problem: string | null;
  /** Where a key was given. */
  readonly signatures?: SignatureReport;
}

interface Verification {
  /** Entries and records that were read, and the hash of the last entry. */
  readonly journal: { readonly entryCount: number; readonly recordCount: number; readonly head: string };
  readonly models: readonly VerifiedModel[];
  readonly isValid: boolean;
}

export function addModelVerifyCommand(parent: Command, context: CommandContext): void {
  const command = parent
    .command("verify")
    .description("Check every record, and every byte of all models or one; with a key, the signatures too.")
    .argument("[ref]", refHelp, parseText)
    .option("--key <file>", "public key in PEM: who must have signed", parseText)
    .option("--signature <file>", "a Sigstore bundle from elsewhere; may be repeated", parseList);
  addOutputOption(addStoreOption(command)).action(async (ref: string | undefined, flags: VerifyFlags) => {
    if (flags.signature !== undefined && flags.key === undefined)
      throw new MendlineError("MENDLINE_ARGUMENT_INVALID", "--signature needs --key, the key that made it");
    const check = await signatureCheck(flags);
    const verification = await withStore(context, flags, (workspace) => verified(workspace, ref, check));
    if (!verification.isValid) context.exitCode = exitCodes.failed;
    await print({ json: verification, text: () => verificationText(verification) }, flags);
  });
}

async function verified(
  { engine, signal }: Workspace,
  ref: string | undefined,
  check: SignatureCheck | null,
): Promise<Verification> {
  const journal = await engine.store.verifyJournal();
  const models: VerifiedModel[] = [];
  for await (const model of ref === undefined ? engine.models() : [await engine.model(ref)]) {
    const { id, name, version } = model;
    const { state: parameters } = await engine.store.presence(id);
    const problem = parameters === "dropped" ? null : await problemOf(engine, id, signal);
    const signatures = check === null ? undefined : await check(engine, id);
    models.push({
      id,
      name,
      version,
      parameters,
      problem,
      ...(signatures === undefined ? {} : { signatures }),
    });
  }
  const isValid = models.every(
    ({ problem, signatures }) => problem === null && signatures?.isValid !== false,
  );
  return { journal, models, isValid };
}

/** What is wrong with one model is told with the others; what stops the check is thrown. */
async function problemOf(engine: Engine, id: string, signal: AbortSignal): Promise<string | null> {
  try {
    await engine.verifyParameters(id, { signal });
    return null;
  } catch (thrown) {
    if (thrown instanceof MendlineError && damageCodes.includes(thrown.code)) return thrown.message;
    throw thrown;
  }
}

function verificationText({ journal, models, isValid }: Verification): string {
  const lines = [
    `${formatPlural(journal.recordCount, "record")} and ${formatPlural(models.length, "model")} checked: ${isValid ? "all hold" : "not all hold"}`,
  ];
  for (const { name, version, parameters, problem, signatures } of models) {
    const told = [
      ...(parameters === "dropped" ? ["parameters: dropped by retention"] : []),
      ...(problem === null ? [] : [visibleText(problem)]),
      ...(signatures === undefined ? [] : signatureLines(signatures)),
    ];
    if (told.length > 0) lines.push(nameText(`${name}@${version}`), ...told.map((line) => `  ${line}`));
  }
  return lines.join("\n");
}
