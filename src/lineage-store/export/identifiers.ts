/** Identifiers, times and numbers as the formats want them, the same for the same lineage. */
import { createHash } from "node:crypto";
import type { Json } from "../codec.js";

/** The namespace of mendline's identifiers: UUID version 5 of "mendline" in the URL namespace of RFC 9562. */
const mendlineNamespace = "39608c9d-60eb-5fd8-b9b1-83eec1f55a9d";

/** Name-based UUID, version 5: the same name is the same UUID everywhere. RFC 9562, section 5.5. */
export function nameUuid(name: string, namespace = mendlineNamespace): string {
  const digest = createHash("sha1")
    .update(Buffer.from(namespace.replaceAll("-", ""), "hex"))
    .update(name, "utf8")
    .digest();
  digest[6] = (digest[6]! & 0x0f) | 0x50;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  return digest.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The last millisecond of the year 9999: RFC 3339 has four digits for a year. */
const timeMsMax = 253_402_300_799_999;

export function timeText(ms: number): string {
  return new Date(Math.min(ms, timeMsMax)).toISOString();
}

/** JSON has no word for NaN and infinite; they become text instead of null. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === "number" && !Number.isFinite(member) ? String(member) : member,
  );
}

/** A value as the text of a property. */
export function valueText(value: Json): string {
  return typeof value === "string" ? value : jsonText(value);
}
