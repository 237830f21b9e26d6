/** Files that people mistake for a model mendline can read, told by their first bytes, with what to do about each. */

const toSafetensors =
  "load it where it was made and save its weights with safetensors.torch.save_file, or export it to ONNX";
const pickleReason = "it can run code when it is loaded, so mendline never loads it";

interface Signature {
  readonly bytes: readonly number[] | string;
  readonly at?: number;
  readonly advice: string;
}

const signatures: readonly Signature[] = [
  {
    bytes: "PK\x03\x04",
    advice: `is a zip archive, as PyTorch (.pt, .pth), Keras (.keras) and numpy (.npz) write; inside it are pickles or arrays, which mendline does not load; ${toSafetensors}`,
  },
  { bytes: "PK\x05\x06", advice: "is an empty zip archive; give a .safetensors or .onnx file" },
  { bytes: "ustar", at: 257, advice: `is a tar archive, as old PyTorch wrote; ${toSafetensors}` },
  {
    bytes: "\x89HDF\r\n\x1a\n",
    advice: "is HDF5, as Keras (.h5) writes; export it to ONNX, with tf2onnx for example",
  },
  { bytes: "TFL3", at: 4, advice: "is TensorFlow Lite; convert it to ONNX, with tf2onnx for example" },
  {
    bytes: "ORTM",
    at: 4,
    advice: "is ONNX Runtime's own ORT format; give the .onnx file that it was made from",
  },
  {
    bytes: "GGUF",
    advice: "is GGUF, quantised weights for llama.cpp; give the safetensors it was converted from",
  },
  { bytes: "\x93NUMPY", advice: "is one numpy array; save the weights with safetensors.numpy.save_file" },
  {
    bytes: "version https://git-lfs",
    advice: "is a Git LFS pointer, not the model itself; run git lfs pull",
  },
  { bytes: "PAR1", advice: "is Parquet, which is data and no model" },
  { bytes: "ARROW1", advice: "is Arrow, which is data and no model" },
  { bytes: [0x1f, 0x8b], advice: "is compressed with gzip; decompress it first" },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], advice: "is compressed with zstd; decompress it first" },
];

/** Bytes of a file's beginning that `foreignAdvice` looks at. */
export const signatureBytes = 512;

/** What the file is and what to do, or null where its first bytes are none of these. */
export function foreignAdvice(head: Uint8Array): string | null {
  if (isPickle(head))
    return `is a Python pickle, as torch.save and joblib write; ${pickleReason}; ${toSafetensors}`;
  const found = signatures.find((signature) => matches(head, signature));
  if (found !== undefined) return found.advice;
  return isText(head) ? "is a text file and no model; give a .safetensors or .onnx file" : null;
}

/** PROTO opcode and a protocol from 2 to 5. Protocols 0 and 1 are text without a mark, and refused as text. */
function isPickle(head: Uint8Array): boolean {
  return head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5;
}

function matches(head: Uint8Array, { bytes, at = 0 }: Signature): boolean {
  const wanted = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
  return wanted.every((byte: number, index: number) => head[at + index] === byte);
}

/** No control byte but white space: ONNX has several among its first tags and lengths. */
function isText(head: Uint8Array): boolean {
  return head.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
}
