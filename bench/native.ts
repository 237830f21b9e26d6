/**
 * The same loops in C++ (bench/native), compiled here by g++: what the machine can do, memcpy included.
 *
 * Each is built twice. -march=native has all vectors of the machine, up to 512 bits wide; WebAssembly has 128 bits and no more, so a
 * second build has the same instruction set with vectors of that width. It tells how much of a distance is the width's.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { arch } from "node:process";
import { fileURLToPath } from "node:url";
import { companionCase } from "./companion.js";
import type { Case, Role } from "./measure.js";
import { scratchDir } from "./scratch.js";

export type NativeProgram = "counts" | "vectors" | "sort";
export type NativeBuild = "native" | "128-bit";

const flags: Readonly<Record<NativeBuild, readonly string[]>> = {
  native: ["-march=native"],
  "128-bit": ["-march=native", "-mprefer-vector-width=128", "-mno-avx512f"],
};

type Compiled = { readonly path: string } | { readonly missing: string };

const compiled = new Map<string, Compiled>();

export function compileNative(program: NativeProgram, build: NativeBuild): Compiled {
  const name = `${program}-${build}`;
  let found = compiled.get(name);
  if (found === undefined) compiled.set(name, (found = compile(program, build, join(scratchDir(), name))));
  return found;
}

function compile(program: NativeProgram, build: NativeBuild, path: string): Compiled {
  if (build === "128-bit" && arch !== "x64")
    return { missing: `not on ${arch}, where g++ has no wider vectors to leave out` };
  // From dist/bench/ to bench/native/.
  const source = fileURLToPath(new URL(`../../bench/native/${program}.cpp`, import.meta.url));
  try {
    execFileSync("g++", ["-O3", ...flags[build], "-std=c++17", "-o", path, source], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return { path };
  } catch (thrown) {
    // A compiler that is there but fails is our mistake, not the machine's.
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
    return { missing: "no g++ on the path" };
  }
}

/** Null where there is no g++. */
export function compilerVersion(): string | null {
  try {
    return execFileSync("g++", ["-dumpfullversion"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return null;
  }
}

export interface NativeCase {
  /** What it does, behind "C++, ". */
  readonly name: string;
  readonly program: NativeProgram;
  readonly args: readonly string[];
  readonly role?: Role;
  /** False where there is no answer to compare: a copy of memory. */
  readonly hasAnswer?: boolean;
}

export function nativeCase(
  { name, program, args, role = "limit", hasAnswer }: NativeCase,
  build: NativeBuild = "native",
): Case {
  const label = build === "native" ? `C++, ${name}` : `C++, ${name}, 128-bit vectors`;
  const native = compileNative(program, build);
  if ("missing" in native) return { name: label, role, missing: native.missing };
  return companionCase(label, role, { path: native.path, args }, hasAnswer);
}

/** As wide as the machine's vectors are, and as wide as WebAssembly's. */
export function nativeCases(one: NativeCase): Case[] {
  return [nativeCase(one), nativeCase(one, "128-bit")];
}

/** Reads so many bytes and writes as many. */
export function memcpyCase(bytes: number, name = "memcpy of as many bytes"): Case {
  const args = ["memcpy", "bytes", String(bytes)];
  return nativeCase({ name, program: "vectors", args, hasAnswer: false });
}
