/** What `mendline model verify` tells of damage: a line for each finding, what is lost by it, and what helps. */
import type { DamagedObject, DamagedRecord, ObjectUse, StoreDamage } from "../../index.js";
import { formatPlural } from "../pages/format.js";
import { visibleText } from "../pages/markup.js";
import { nameText } from "./table.js";

export function damageLines({ files, records, objects, unlisted }: StoreDamage): string[] {
  const rest = [
    ...(unlisted.records > 0 ? [formatPlural(unlisted.records, "record")] : []),
    ...(unlisted.objects > 0 ? [formatPlural(unlisted.objects, "object")] : []),
  ];
  return [
    ...files.map(({ path, problem }) => `damaged  ${nameText(path)}: ${visibleText(problem)}`),
    ...records.flatMap(recordLines),
    ...objects.flatMap(objectLines),
    ...(rest.length > 0 ? [`… and ${rest.join(" and ")} more`] : []),
  ];
}

function recordLines({ record, problem, isDamaged, lost, remedy }: DamagedRecord): string[] {
  return [
    `${isDamaged ? "damaged" : "lost"}  record ${visibleText(`${record}: ${problem}`)}`,
    ...(lost === null ? [] : [`  lost: ${visibleText(lost)}`]),
    ...(remedy === null ? [] : [`  ${visibleText(remedy)}`]),
  ];
}

function objectLines({ object, problem, uses, useCount, remedy }: DamagedObject): string[] {
  const more = useCount - uses.length;
  return [
    `damaged  object ${object}: ${visibleText(problem)}`,
    ...uses.map((use) => `  lost: ${useText(use)}`),
    ...(more > 0 ? [`  lost: the same of ${more} more`] : []),
    `  ${visibleText(remedy)}`,
  ];
}

/** Tensors that are named in a line. */
const namedMax = 5;

function useText({ name, version, part, tensors, tensorCount }: ObjectUse): string {
  const model = nameText(`${name}@${version}`);
  if (part !== "tensors") return `the ${part === "file" ? "file" : "reference profile"} of ${model}`;
  const named = tensors.slice(0, namedMax).map((tensor) => JSON.stringify(tensor));
  const more = tensorCount - named.length;
  const what = `${tensorCount === 1 ? "tensor" : "tensors"} ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return `the file of ${model}, ${visibleText(what)}`;
}
