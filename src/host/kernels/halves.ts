/** Half-width floats to f32 and back, round to nearest even: what blending stores them with (DESIGN section 4: f32 at least). */

const word = new DataView(new ArrayBuffer(4));

/** Reads `out.length` little-endian values. */
export function widen(dtype: "F16" | "BF16", bytes: Uint8Array, out: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = dtype === "BF16" ? bf16ToNumber : f16ToNumber;
  for (let i = 0; i < out.length; i++) out[i] = read(view.getUint16(i * 2, true));
}

/** Writes `values.length` little-endian values. */
export function narrow(dtype: "F16" | "BF16", values: Float32Array, out: Uint8Array): void {
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  const write = dtype === "BF16" ? numberToBf16 : numberToF16;
  for (let i = 0; i < values.length; i++) view.setUint16(i * 2, write(values[i]!), true);
}

function bf16ToNumber(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

/** The upper half of the f32, rounded on the lower: a tie goes to the even one; NaN keeps a set fraction bit. */
function numberToBf16(value: number): number {
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
function f16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function numberToF16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  // 65520 is half way between the largest half and what would follow it.
  if (size >= 65_520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const unit = 2 ** (exponent - 10);
  const steps = roundHalfToEven(size / unit);
  // Steps carry into the exponent by themselves: 2048 steps of one exponent are 1024 of the next.
  return sign | (exponent === -14 ? steps : ((exponent + 14) << 10) + steps);
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
