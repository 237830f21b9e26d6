/** What the store is told of a tensor, so that it can keep it small: how wide its elements are, and what it may have come from. */
import { type Dtype, dtypeBits, type ParameterFile } from "./tensor-index.js";

/** Tensors of a stored model (lineage-store/records.ts, TensorRecord). */
interface StoredTensors {
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly object: string | null;
  }[];
}

export interface TensorOrigin {
  readonly width: 1 | 2 | 4 | 8;
  /** Objects of the same tensor in the parents, in their order. */
  readonly bases: readonly string[];
}

/** @returns by a tensor's name */
export function tensorOrigins(
  file: ParameterFile,
  parents: readonly StoredTensors[],
): (name: string) => TensorOrigin {
  const known = parents.map(({ tensors }) => new Map(tensors.map((tensor) => [tensor.name, tensor])));
  const own = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  return (name) => {
    const { dtype, shape } = own.get(name)!;
    const bases = known.flatMap((tensors) => {
      const tensor = tensors.get(name);
      return tensor?.object != null && tensor.dtype === dtype && `${tensor.shape}` === `${shape}`
        ? [tensor.object]
        : [];
    });
    return { width: widthOf(dtype), bases: [...new Set(bases)] };
  };
}

/** Complex numbers are two reals; elements of less than a byte are taken as bytes. */
function widthOf(dtype: Dtype): TensorOrigin["width"] {
  const bits = dtype === "C64" || dtype === "C128" ? dtypeBits[dtype] / 2 : dtypeBits[dtype];
  return bits === 64 ? 8 : bits === 32 ? 4 : bits === 16 ? 2 : 1;
}
