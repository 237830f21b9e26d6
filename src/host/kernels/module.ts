/** Loads the compiled kernels. One module, compiled once; one instance a thread, all over the same shared memory. */
import { readFile } from "node:fs/promises";
import { instantiateSync } from "@assemblyscript/loader";
import { MendlineError, messageOf } from "../../errors.js";
import type { KernelExports } from "./exports.js";

/** From dist/src/host/kernels/ to dist/. */
const binaryUrl = new URL("../../../kernels.wasm", import.meta.url);

export async function compileKernels(): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(await readFile(binaryUrl));
  } catch (cause) {
    throw new MendlineError(
      "MENDLINE_KERNEL_LOAD",
      `cannot load the kernels from ${binaryUrl.pathname}: ${messageOf(cause)}; run \`npm run build\`, and on an old runtime check that WebAssembly SIMD and threads are on`,
      { cause },
    );
  }
}

export function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  return instantiateSync(module, { env: { memory } }).exports as unknown as KernelExports;
}
