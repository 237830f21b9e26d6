/** What `mendline model verify --key` tells of signatures. */
import type { Engine, SignatureFinding, SignatureReport } from "../../index.js";
import { visibleText } from "../pages/markup.js";
import { readKey, readSignature } from "./files.js";
import { nameText } from "./table.js";

export interface SignatureFlags {
  /** File of a public key. */
  readonly key?: string;
  /** Files of bundles from elsewhere. */
  readonly signature?: readonly string[];
}

export type SignatureCheck = (engine: Engine, ref: string) => Promise<SignatureReport>;

/** Reads the files at once, so that a wrong key is told before the store is gone through; null without a key. */
export async function signatureCheck({
  key,
  signature = [],
}: SignatureFlags): Promise<SignatureCheck | null> {
  if (key === undefined) return null;
  const request = {
    key: await readKey(key),
    keyName: key,
    bundles: await Promise.all(signature.map(readSignature)),
  };
  return (engine, ref) => engine.verifySignatures(ref, request);
}

/** A line for the model, and one for each derivation. */
export function signatureLines({ model, derivations, otherKeys }: SignatureReport): string[] {
  const covers = model.covers === "file" ? ", the file's hash only" : "";
  const lines = [`signature: ${findingText(model)}${covers}`];
  for (const { parent, ...finding } of derivations)
    lines.push(`derivation from ${nameText(`${parent.name}@${parent.version}`)}: ${findingText(finding)}`);
  if (otherKeys > 0) lines.push(`signatures by other keys: ${otherKeys}, not checked`);
  return lines;
}

function findingText({ state, problem }: SignatureFinding): string {
  if (state === "valid") return "holds";
  return state === "unsigned" ? "none by this key" : `does not hold: ${visibleText(problem ?? "")}`;
}
