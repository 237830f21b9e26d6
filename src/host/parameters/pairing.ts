/**
 * Which tensor of the ancestor goes with which of the drifted model. By name; where exporters renamed tensors of an ONNX graph, by node
 * and input slot, which survive that. Patterns leave tensors out: those stay as the drifted model has them.
 */
import { MendlineError } from "../../errors.js";
import { haveSameForm } from "./comparison.js";
import { globToRegExp } from "./globs.js";
import { type ParameterFile, quoted, type TensorEntry } from "./tensor-index.js";

/** Names of the drifted model's tensors. */
export interface TensorFilter {
  /** Patterns (globs.ts) of those that take part; none = all. */
  readonly include: readonly string[];
  /** Patterns of those that do not, whatever `include` says: a new head, the embeddings. */
  readonly exclude: readonly string[];
}

export const everyTensor: TensorFilter = { include: [], exclude: [] };

export interface TensorPair {
  readonly drifted: TensorEntry;
  readonly ancestor: TensorEntry;
}

export interface Pairing {
  /** Of one type and shape. */
  readonly pairs: readonly TensorPair[];
  /** Names: only one of the two has them, or both have, in another type or shape. */
  readonly onlyDrifted: readonly string[];
  readonly onlyAncestor: readonly string[];
  readonly reshaped: readonly string[];
  /** The drifted model's tensors that the filter leaves out. */
  readonly frozen: readonly string[];
  /** Pairs whose names differ. */
  readonly renamedCount: number;
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID  a pattern that no tensor matches, or patterns that leave none */
export function pairTensors(
  drifted: ParameterFile,
  ancestor: ParameterFile,
  filter: TensorFilter = everyTensor,
): Pairing {
  const takesPart = predicateOf(drifted, filter);
  const chosen = drifted.tensors.filter(({ name }) => takesPart(name));
  const counterpart = counterpartsOf(drifted, ancestor);
  const pairs: TensorPair[] = [];
  const onlyDrifted: string[] = [];
  const reshaped: string[] = [];
  for (const tensor of chosen) {
    const other = counterpart(tensor);
    if (other === undefined) onlyDrifted.push(tensor.name);
    else if (haveSameForm(tensor, other)) pairs.push({ drifted: tensor, ancestor: other });
    else reshaped.push(tensor.name);
  }
  const met = new Set(drifted.tensors.map((tensor) => counterpart(tensor)?.name));
  const isFiltered = filter.include.length + filter.exclude.length > 0;
  return {
    pairs,
    onlyDrifted,
    // Where tensors are left out, the ancestor may have its own in their place.
    onlyAncestor: isFiltered ? [] : ancestor.tensors.map(({ name }) => name).filter((name) => !met.has(name)),
    reshaped,
    frozen: drifted.tensors.map(({ name }) => name).filter((name) => !takesPart(name)),
    renamedCount: pairs.filter((pair) => pair.drifted.name !== pair.ancestor.name).length,
  };
}

function counterpartsOf(
  drifted: ParameterFile,
  ancestor: ParameterFile,
): (tensor: TensorEntry) => TensorEntry | undefined {
  const byName = new Map(ancestor.tensors.map((tensor) => [tensor.name, tensor]));
  const isRenamed = drifted.tensors.some(({ name }) => !byName.has(name));
  const bySlot = bySlotOf(ancestor);
  if (!isRenamed || bySlot === null) return (tensor) => byName.get(tensor.name);
  const slotOf = (tensor: TensorEntry) => (tensor.slot === null ? undefined : bySlot.get(tensor.slot));
  // Numbered names may be the same and stand for other tensors: where all slots agree, they are believed before any name.
  const agrees = drifted.tensors.every((tensor) => {
    const other = slotOf(tensor);
    return other !== undefined && haveSameForm(tensor, other);
  });
  if (agrees && drifted.tensors.length === bySlot.size) return slotOf;
  // Else names first; what has none of its own name goes by its slot, unless that tensor is another's namesake.
  const names = new Set(drifted.tensors.map(({ name }) => name));
  return (tensor) => {
    const named = byName.get(tensor.name);
    if (named !== undefined) return named;
    const other = slotOf(tensor);
    return other !== undefined && !names.has(other.name) ? other : undefined;
  };
}

/** Null where a slot is not known, or is two tensors' first consumer. */
function bySlotOf({ tensors }: ParameterFile): Map<string, TensorEntry> | null {
  const bySlot = new Map<string, TensorEntry>();
  for (const tensor of tensors) {
    if (tensor.slot === null) continue;
    if (bySlot.has(tensor.slot)) return null;
    bySlot.set(tensor.slot, tensor);
  }
  return bySlot.size === 0 ? null : bySlot;
}

/** Names of the tensors that a filter leaves as they are. */
export function frozenBy(file: ParameterFile, filter: TensorFilter): Set<string> {
  const takesPart = predicateOf(file, filter);
  return new Set(file.tensors.map(({ name }) => name).filter((name) => !takesPart(name)));
}

function predicateOf({ path, tensors }: ParameterFile, filter: TensorFilter): (name: string) => boolean {
  const matchers = (patterns: readonly string[]) => patterns.map((pattern) => globToRegExp(pattern));
  for (const pattern of [...filter.include, ...filter.exclude]) {
    const matcher = globToRegExp(pattern);
    if (!tensors.some(({ name }) => matcher.test(name))) throw unmatched(path, pattern, tensors);
  }
  const included = matchers(filter.include);
  const excluded = matchers(filter.exclude);
  const takesPart = (name: string) =>
    (included.length === 0 || included.some((matcher) => matcher.test(name))) &&
    !excluded.some((matcher) => matcher.test(name));
  if (tensors.length > 0 && !tensors.some(({ name }) => takesPart(name))) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      "the patterns of tensors leave none: nothing would be repaired; exclude less",
      { details: { ...filter } },
    );
  }
  return takesPart;
}

const namesTold = 6;

function unmatched(path: string, pattern: string, tensors: readonly TensorEntry[]): MendlineError {
  const names = tensors.slice(0, namesTold).map(({ name }) => quoted(name));
  const more = tensors.length > namesTold ? ` and ${tensors.length - namesTold} more` : "";
  return new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `no tensor matches ${quoted(pattern)}; there are ${names.join(", ")}${more}`,
    { details: { pattern, path } },
  );
}
