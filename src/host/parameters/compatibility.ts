/** Whether two models' parameters can be blended: names, types, shapes, finiteness, and whether the weights are related at all. */
import { MendlineError } from "../../errors.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { isBlendable } from "./blend.js";
import { areUnrelated, compareParameters, type ParameterComparison } from "./comparison.js";
import { everyTensor, type Pairing, pairTensors, type TensorFilter } from "./pairing.js";
import { areStrangers, Requantizer } from "./requantize.js";
import { type ParameterFile, quoted } from "./tensor-index.js";

export interface BlendableComparison extends ParameterComparison {
  readonly pairing: Pairing;
  /** Of quantised weights, where they are to be quantised again. */
  readonly requantizer: Requantizer | null;
}

export interface BlendableOptions {
  /** Whether quantised weights are blended as the reals that they stand for, and quantised again. */
  readonly requantize?: boolean | undefined;
}

/**
 * @throws MendlineError MENDLINE_REPAIR_INCOMPATIBLE  names, types or shapes differ, values are not finite, weights are quantised;
 * MENDLINE_REPAIR_UNRELATED  the weights have nothing in common
 */
export async function assertBlendable(
  runtime: Runtime,
  drifted: ParameterFile,
  ancestor: ParameterFile,
  filter: TensorFilter = everyTensor,
  { requantize = false }: BlendableOptions = {},
): Promise<BlendableComparison> {
  const refuse = (why: string, details = {}) =>
    new MendlineError("MENDLINE_REPAIR_INCOMPATIBLE", why, { details });
  if (drifted.format !== ancestor.format) {
    throw refuse(
      `the drifted model is ${drifted.format}, the ancestor ${ancestor.format}: both must be of one format`,
    );
  }
  const isQuantized = drifted.quantized || ancestor.quantized;
  if (isQuantized && !requantize) {
    throw refuse(
      "the weights are quantised, and quantised values do not blend: repair the float model and quantise it again, or have them dequantised, blended and quantised again (--requantize of `mendline model blend`, requantize: true in code)",
    );
  }
  const pairing = pairTensors(drifted, ancestor, filter);
  const comparison = await compareParameters(runtime, drifted, ancestor, {
    pairs: pairing.pairs.map((pair) => [pair.drifted, pair.ancestor] as const),
    added: pairing.onlyAncestor,
    removed: pairing.onlyDrifted,
    reshaped: pairing.reshaped,
  });
  const first = (names: readonly string[]) => names.slice(0, 3).map(quoted).join(", ");
  if (comparison.added.length + comparison.removed.length > 0) {
    throw refuse(
      `tensors differ: ${comparison.removed.length} are only in the drifted model (${first(comparison.removed)}), ${comparison.added.length} only in the ancestor (${first(comparison.added)})`,
    );
  }
  if (comparison.reshaped.length > 0) throw refuse(`types or shapes differ in ${first(comparison.reshaped)}`);
  const changed = new Set(comparison.tensors.filter((one) => one.changedShare > 0).map((one) => one.name));
  const involved = pairing.pairs.map((pair) => pair.drifted);
  const inline = involved.find(
    (tensor) => isBlendable(tensor.dtype) && tensor.inline !== null && changed.has(tensor.name),
  );
  if (inline !== undefined) {
    throw refuse(
      `tensor ${quoted(inline.name)} is stored value by value and cannot be patched: export it as raw_data`,
    );
  }
  const narrowFloat = involved.find((tensor) => /^(F[468]|C)/.test(tensor.dtype) && tensor.dtype !== "F64");
  if (narrowFloat !== undefined)
    throw refuse(`tensor ${quoted(narrowFloat.name)} is ${narrowFloat.dtype}, which does not blend`);
  if (!comparison.isFinite) throw refuse("weights hold NaN or Inf");
  if (areUnrelated(comparison)) {
    throw new MendlineError(
      "MENDLINE_REPAIR_UNRELATED",
      `the weights are unrelated: cosine ${comparison.cosine.toFixed(3)} over ${comparison.comparedElements} elements; is the recorded parent right?`,
      { details: { cosine: comparison.cosine, comparedElements: comparison.comparedElements } },
    );
  }
  const requantizer = isQuantized ? await Requantizer.open(drifted, ancestor, pairing.pairs) : null;
  if (requantizer !== null && areStrangers(await requantizer.compare(drifted, ancestor)))
    throw new MendlineError(
      "MENDLINE_REPAIR_UNRELATED",
      "the quantised weights are unrelated as the reals that they stand for; is the recorded parent right?",
    );
  return { ...comparison, pairing, requantizer };
}
