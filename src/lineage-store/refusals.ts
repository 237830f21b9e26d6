/** Why a commit is refused, in words: what stands against it, and what to do. */
import { MendlineError } from "../errors.js";
import type { ModelRecord } from "./records.js";
import { shown } from "./rules.js";

function conflict(message: string, details: Record<string, unknown>): MendlineError {
  return new MendlineError("MENDLINE_STORE_CONFLICT", message, { details });
}

export function labelTaken(name: string, version: string, holder: string, id: string): MendlineError {
  return conflict(
    `${shown(`${name}@${version}`)} is model ${holder} already and cannot become ${id}: choose another version`,
    { name, version, holder, id },
  );
}

export function edgeTaken(parent: ModelRecord, child: ModelRecord, transformation: string): MendlineError {
  return conflict(
    `${labelOf(child)} is derived from ${labelOf(parent)} already (${transformation}) with other parameters, and history is not rewritten`,
    { parent: parent.id, child: child.id },
  );
}

export function aliasMoved(alias: string, expected: string | null, found: string | null): MendlineError {
  return conflict(
    `alias ${shown(alias)} stands for ${found ?? "nothing"}, not for ${expected ?? "nothing"}: somebody changed it meanwhile; look and try again`,
    { alias, expected, found },
  );
}

export function requestMoved(requestId: string, expected: number, found: number): MendlineError {
  return conflict(
    `label request ${shown(requestId)} has ${found} events where ${expected} were seen: somebody else wrote to it; look again`,
    { requestId, expected, found },
  );
}

export function circle(parent: ModelRecord, child: ModelRecord): MendlineError {
  const why = parent.id === child.id ? "they are the same model" : "it is an ancestor of it";
  return new MendlineError(
    "MENDLINE_STORE_CYCLE",
    `${labelOf(child)} cannot be derived from ${labelOf(parent)}: ${why}`,
    { details: { parent: parent.id, child: child.id } },
  );
}

function labelOf({ name, version }: ModelRecord): string {
  return shown(`${name}@${version}`);
}
