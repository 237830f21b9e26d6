/**
 * Current data beside a reference whose columns are not quite the same. What has an answer gets it:
 *
 *     the current data have ...                    then
 *     a column more                                it is named in the report's schema, and not compared
 *     a column less                                refused; with `absent: "missing"` every row of it counts as missing
 *     text where the reference has numbers         refused
 *     numbers where the reference has categories   each number is a category, by its shortest decimal text
 *     numbers of another type                      compared by their values, exactly; beside f32 as f32
 *     dates or timestamps in another unit          refused
 */
import { MendlineError } from "../../errors.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { asFloat32 } from "../columns/as-float32.js";
import { asText } from "../columns/as-text.js";
import type { DataSource, Field } from "../columns/column.js";
import { withAbsent } from "../columns/with-absent.js";

/** How a feature is taken that the current data have no column for. */
export type AbsentColumns = "refuse" | "missing";

export interface AlignOptions {
  readonly absent?: AbsentColumns | undefined;
}

/** Where the columns of the current data are not the reference's. */
export interface SchemaChanges {
  /** Columns that the reference does not have; they were not compared. */
  readonly added: readonly string[];
  /** Features without a column; each of their rows counted as missing. */
  readonly gone: readonly string[];
  /** Features whose column means something else: integers that are floats now, numbers where there were categories. */
  readonly changed: readonly {
    readonly feature: string;
    readonly reference: string;
    readonly current: string;
  }[];
}

/**
 * @param known  all columns of the reference
 * @param fields  those of them that are compared
 */
export function schemaChanges(
  current: DataSource,
  known: Iterable<string>,
  fields: readonly Field[],
): SchemaChanges {
  const referenceNames = new Set(known);
  const byName = new Map(current.fields.map((field) => [field.name, field]));
  const changed = fields.flatMap(({ name, logical }) => {
    const found = byName.get(name);
    if (found === undefined || found.logical === logical) return [];
    return [{ feature: name, reference: logical, current: found.logical }];
  });
  return {
    added: [...byName.keys()].filter((name) => !referenceNames.has(name)),
    gone: fields.filter(({ name }) => !byName.has(name)).map(({ name }) => name),
    changed,
  };
}

/**
 * The current data as the reference has it.
 *
 * @throws MendlineError MENDLINE_DATA_SCHEMA  a column is gone, is text where the reference has numbers, or has another time unit
 */
export function alignKinds(
  runtime: Runtime,
  current: DataSource,
  fields: readonly Field[],
  { absent = "refuse" }: AlignOptions = {},
): DataSource {
  const { arena } = runtime;
  const byName = new Map(current.fields.map((field) => [field.name, field]));
  const gone = fields.filter(({ name }) => !byName.has(name));
  // Of data without any of the columns nothing was lost on the way: they are other data.
  if (gone.length > 0 && (absent === "refuse" || gone.length === fields.length)) {
    throw columnGone(current, gone, fields.length);
  }
  const turned: string[] = [];
  for (const field of fields) {
    const found = byName.get(field.name);
    if (found === undefined) continue;
    if (field.type === null && found.type !== null) turned.push(field.name);
    if (found.type !== null || current.rowCount > 0) assertComparable(current.label, found, field);
  }
  // A model that was trained on f32 is given f32: doubles beside it (CSV has no others) are what they become on the way in. Else 0.1
  // would lie below the edge at the f32 0.1.
  const narrowed = new Set(fields.filter(({ type }) => type === "f32").map(({ name }) => name));
  const aligned = asFloat32(asText(current, turned, arena), (name) => narrowed.has(name), arena);
  return withAbsent(aligned, gone, arena);
}

/** Features of doubles whose current values are f32: distances of values compare what f32 makes of the doubles. */
export function doublesBesideFloats(
  reference: DataSource,
  current: DataSource,
  fields: readonly Field[],
): Set<string> {
  const ofType = (source: DataSource, type: string) =>
    new Set(source.fields.filter((field) => field.type === type).map(({ name }) => name));
  const [doubles, floats] = [ofType(reference, "f64"), ofType(current, "f32")];
  return new Set(fields.map(({ name }) => name).filter((name) => doubles.has(name) && floats.has(name)));
}

function columnGone(current: DataSource, gone: readonly Field[], of: number): MendlineError {
  const [first] = gone;
  const others = gone.length === 1 ? "" : ` (${gone.length} of ${of} features are not there)`;
  const remedy =
    gone.length === of
      ? "are they the right data?"
      : "add it, leave it out with --features, or count it as missing with --absent missing";
  return new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `${current.label} has no column "${first!.name}", which the reference has${others}; ${remedy}`,
    { details: { column: first!.name } },
  );
}

/** @throws MendlineError MENDLINE_DATA_SCHEMA  a column is text where the reference has numbers, or has another time unit */
export function assertComparable(label: string, found: Field, reference: Field): void {
  if (reference.type !== null && found.type === null) {
    throw new MendlineError(
      "MENDLINE_DATA_SCHEMA",
      `${label}: column "${found.name}" holds text where the reference has numbers; correct it, or compare both as categories with --categorical ${found.name}`,
      { details: { column: found.name } },
    );
  }
  const [now, before] = [timeUnit(found), timeUnit(reference)];
  if (now !== null && before !== null && now !== before) {
    throw new MendlineError(
      "MENDLINE_DATA_SCHEMA",
      `${label}: column "${found.name}" is a ${now} where the reference has a ${before}; write both in the same unit`,
    );
  }
}

/** Arrow's Date is days in 32 bits and milliseconds in 64. Null for what is no time. */
function timeUnit({ logical, type }: Field): string | null {
  if (logical === "date") return type === "i32" ? "date in days" : "date in milliseconds";
  return logical.startsWith("timestamp") ? logical : null;
}
