/**
 * The layers of a model in the order of its depth, as far as its file tells. In ONNX tensors stand in the order in which the graph
 * uses them, and each matrix begins a layer that the vectors behind it (biases, norms) belong to. A safetensors file has names only:
 * tensors of one prefix are a layer, and numbers in names count as numbers (`layers.9` before `layers.10`).
 */
import type { ParameterFile, TensorEntry } from "./tensor-index.js";

/** Names of its tensors. */
export type Layer = readonly string[];

/** @param names  of the tensors that are to be parted; the others do not count as depth */
export function layersOf(file: ParameterFile, names: ReadonlySet<string>): Layer[] {
  const tensors = file.tensors.filter(({ name }) => names.has(name));
  return file.format === "onnx" ? byOrder(tensors) : byPrefix(tensors);
}

function byOrder(tensors: readonly TensorEntry[]): Layer[] {
  const placeOf = ({ order }: TensorEntry) => order ?? Number.MAX_SAFE_INTEGER;
  // Of one node the matrix comes first.
  const ordered = [...tensors].sort(
    (left, right) => placeOf(left) - placeOf(right) || right.shape.length - left.shape.length,
  );
  const layers: string[][] = [];
  for (const { name, shape } of ordered) {
    if (layers.length === 0 || shape.length >= 2) layers.push([]);
    layers.at(-1)!.push(name);
  }
  return mergedHead(layers, new Map(tensors.map((tensor) => [tensor.name, tensor])));
}

/** Vectors before the first matrix (the scaling of inputs) belong to it. */
function mergedHead(layers: string[][], tensors: ReadonlyMap<string, TensorEntry>): string[][] {
  const [head, next, ...rest] = layers;
  if (head === undefined || next === undefined) return layers;
  const hasMatrix = head.some((name) => tensors.get(name)!.shape.length >= 2);
  return hasMatrix ? layers : [[...head, ...next], ...rest];
}

function byPrefix(tensors: readonly TensorEntry[]): Layer[] {
  const layers = new Map<string, string[]>();
  for (const { name } of tensors) {
    const prefix = name.slice(0, Math.max(0, name.lastIndexOf(".")));
    const layer = layers.get(prefix);
    if (layer === undefined) layers.set(prefix, [name]);
    else layer.push(name);
  }
  const order = new Intl.Collator("en", { numeric: true });
  return [...layers].sort(([left], [right]) => order.compare(left, right)).map(([, layer]) => layer);
}

/** Neighbouring layers taken together, so that there are at most so many groups of as even a count of layers as can be. */
export function groupLayers(layers: readonly Layer[], groupsMax: number): Layer[] {
  const count = Math.min(groupsMax, layers.length);
  return Array.from({ length: count }, (_, group) => {
    const boundary = (index: number) => Math.round((index * layers.length) / count);
    return layers.slice(boundary(group), boundary(group + 1)).flat();
  });
}
