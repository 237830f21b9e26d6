/** The columns that a reader of a source asked for. */
import { MendlineError } from "../../errors.js";
import type { Field } from "./column.js";

const namesTold = 8;

/**
 * @param wanted  names, any order, or undefined for all
 * @returns the fields in the order wanted, each once
 * @throws MendlineError MENDLINE_DATA_SCHEMA  a name that the source does not have
 */
export function pickFields(
  fields: readonly Field[],
  wanted: readonly string[] | undefined,
  label: string,
): readonly Field[] {
  if (wanted === undefined) return fields;
  const byName = new Map(fields.map((field) => [field.name, field]));
  return Array.from(new Set(wanted), (name) => {
    const field = byName.get(name);
    if (field === undefined) throw unknownColumn(fields, name, label);
    return field;
  });
}

function unknownColumn(fields: readonly Field[], name: string, label: string): MendlineError {
  const names = fields.slice(0, namesTold).map((field) => `"${field.name}"`);
  const more = fields.length > namesTold ? ` and ${fields.length - namesTold} more` : "";
  const known = fields.length === 0 ? "no columns that can be monitored" : `${names.join(", ")}${more}`;
  return new MendlineError("MENDLINE_DATA_SCHEMA", `${label} has no column "${name}"; it has ${known}`, {
    details: { column: name, columns: fields.length },
  });
}
