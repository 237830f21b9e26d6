/**
 * How a model came from its parent, and what a derivation says of it. The parameters named here are checked when they are given;
 * any other may stand beside them and is kept as the JSON that it is.
 */
import { isPlainObject } from "./plain-object.js";
import { checkObject, invalid, isText, shown } from "./rules.js";

export const transformations = [
  "fine-tuning",
  "pruning",
  "quantization",
  "distillation",
  "merge",
  "repair",
  "other",
] as const;
export type Transformation = (typeof transformations)[number];

interface Rule {
  readonly accepts: (value: unknown) => boolean;
  /** What it must be, for the message, with an example. */
  readonly says: string;
}

const isNumber = (value: unknown): value is number => Number.isFinite(value);

const share: Rule = {
  accepts: (value) => isNumber(value) && value >= 0 && value <= 1,
  says: "must be a number from 0 to 1; 0.9 is nine weights of ten set to zero",
};
const amount: Rule = {
  accepts: (value) => isNumber(value) && value >= 0,
  says: "must be a number of 0 or more",
};
const model: Rule = {
  accepts: (value) => typeof value === "string" && value !== "" && isText(value),
  says: "must be text that names a model: its id, name@version or an alias",
};
const modelId: Rule = {
  accepts: (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value),
  says: "must be a model's id, 64 lower-case hex digits",
};
/** A family and its bits, as safetensors (I8, F8_E4M3), numpy (int8, float16) and GGUF (Q4_K_M) write them. */
const numberType: Rule = {
  accepts: (value) =>
    typeof value === "string" &&
    /^(?:u?int|[iu]|float|fp|f|bfloat|bf|nf|mxfp|i?q)\d{1,2}(?:[_-]?[a-z0-9]{1,8}){0,4}$/i.test(value),
  says: "must name a number type with its bits, such as int8, uint4, float16 or f8_e4m3",
};
const numberList: Rule = {
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every(isNumber),
  says: "must be a list of finite numbers, one a parent in the order of the parents, such as [0.5, 0.5]",
};
const document: Rule = {
  accepts: isPlainObject,
  says: "must be an object: what was measured, by name",
};

const rules: Readonly<Record<Transformation, Readonly<Record<string, Rule>>>> = {
  "fine-tuning": { epochs: amount },
  pruning: { sparsity: share },
  quantization: { dtype: numberType },
  distillation: { teacher: model, temperature: amount },
  merge: { weights: numberList },
  repair: { scale: amount, ancestor: modelId, gate: document },
  other: {},
};

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID  naming the parameter, what it is and what it must be */
export function checkParameters(transformation: Transformation, parameters: unknown): void {
  checkObject("parameters", parameters);
  for (const [name, { accepts, says }] of Object.entries(rules[transformation])) {
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (value === undefined || accepts(value)) continue;
    throw invalid(`the parameter ${name} of ${transformation} is ${brief(value)} and`, says, {
      transformation,
      parameter: name,
    });
  }
}

function brief(value: unknown): string {
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return shown(value);
  return Array.isArray(value) ? `a list of ${value.length}` : shown(value);
}
