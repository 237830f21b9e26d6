/** The same loops in C++, compiled here by g++ -O3 -march=native: what the machine can do, memcpy included. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Case, Role } from "./measure.js";
import { runTimed } from "./python.js";
import { scratchDir } from "./scratch.js";

/**
 * `program COMMAND TYPE RUNS ...` prints {"answer": [...], "samplesMs": [...]} after one run that is not timed.
 *
 * lanes: a compare an edge, over tiles that stay in the first-level cache, eight edges a pass, for the vectoriser.
 * cells: a table of uniform cells, told for a tile at once, then compares within the cell; a histogram for each of four neighbours.
 * Both count NaN apart, as ours do.
 */
const source = String.raw`
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

using std::size_t;
using std::vector;

template <typename T> static vector<T> readAll(const char* path) {
  FILE* file = fopen(path, "rb");
  if (!file) { fprintf(stderr, "cannot read %s\n", path); exit(1); }
  fseek(file, 0, SEEK_END);
  vector<T> values(ftell(file) / sizeof(T));
  rewind(file);
  if (fread(values.data(), sizeof(T), values.size(), file) != values.size()) exit(1);
  fclose(file);
  return values;
}

static void measure(int runs, const std::function<void()>& work, const std::function<vector<double>()>& answer) {
  work();
  vector<double> samples;
  for (int i = 0; i < runs; i++) {
    auto began = std::chrono::steady_clock::now();
    work();
    samples.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
  }
  printf("{\"answer\":[");
  vector<double> numbers = answer();
  for (size_t i = 0; i < numbers.size(); i++) printf("%s%.17g", i ? "," : "", numbers[i]);
  printf("],\"samplesMs\":[");
  for (size_t i = 0; i < samples.size(); i++) printf("%s%.9g", i ? "," : "", samples[i]);
  printf("]}\n");
}

template <typename T> struct Word { typedef uint32_t type; };
template <> struct Word<double> { typedef uint64_t type; };

// Counters as wide as the values, so that lanes match lanes.
template <typename T, int E>
static void countGroup(const T* __restrict x, size_t n, const T* edges, typename Word<T>::type* ge) {
  typedef typename Word<T>::type W;
  W c[E] = {};
  T e[E];
  for (int j = 0; j < E; j++) e[j] = edges[j];
  for (size_t i = 0; i < n; i++) {
    #pragma GCC unroll 16
    for (int j = 0; j < E; j++) c[j] += x[i] >= e[j];
  }
  for (int j = 0; j < E; j++) ge[j] += c[j];
}

template <typename T>
static void countLanes(const vector<T>& x, const vector<T>& edges, vector<uint64_t>& counts) {
  typedef typename Word<T>::type W;
  const size_t tile = 16384 / sizeof(T);
  vector<W> ge(edges.size(), 0);
  W present = 0;
  for (size_t from = 0; from < x.size(); from += tile) {
    const size_t n = std::min(tile, x.size() - from);
    const T* at = x.data() + from;
    W here = 0;
    for (size_t i = 0; i < n; i++) here += at[i] == at[i];
    present += here;
    size_t j = 0;
    for (; j + 8 <= edges.size(); j += 8) countGroup<T, 8>(at, n, &edges[j], &ge[j]);
    for (; j + 4 <= edges.size(); j += 4) countGroup<T, 4>(at, n, &edges[j], &ge[j]);
    for (; j < edges.size(); j++) countGroup<T, 1>(at, n, &edges[j], &ge[j]);
  }
  W above = present;
  for (size_t j = 0; j < edges.size(); j++) { counts[j] = above - ge[j]; above = ge[j]; }
  counts[edges.size()] = above;
}

template <typename T> struct Cells {
  T low, rate;
  int32_t cellMax;
  vector<uint16_t> start;
  int32_t cellOf(T x) const {
    T place = (x - low) * rate;
    place = place > 0 ? place : 0;
    place = place < (T)cellMax ? place : (T)cellMax;
    return (int32_t)place;
  }
  explicit Cells(const vector<T>& edges) {
    size_t cells = 1024;
    while (cells < edges.size() * 16 && cells < 8192) cells *= 2;
    cellMax = (int32_t)cells - 1;
    low = edges.front();
    rate = edges.size() > 1 ? (T)cellMax / (edges.back() - low) : 1;
    start.assign(cells + 1, (uint16_t)edges.size());
    size_t cell = 0;
    for (size_t j = 0; j < edges.size(); j++)
      for (; cell <= (size_t)cellOf(edges[j]); cell++) start[cell] = (uint16_t)j;
  }
};

template <typename T>
static void countCells(const vector<T>& x, const vector<T>& edges, const Cells<T>& table, vector<uint64_t>& counts) {
  const size_t bins = edges.size() + 1;
  vector<uint32_t> histogram(bins * 4, 0);
  uint64_t missing = 0;
  const T* e = edges.data();
  const uint16_t* start = table.start.data();
  uint32_t* h[4] = {&histogram[0], &histogram[bins], &histogram[bins * 2], &histogram[bins * 3]};
  const size_t tile = 1024;
  int32_t cell[tile];
  for (size_t from = 0; from < x.size(); from += tile) {
    const size_t n = std::min(tile, x.size() - from);
    const T* at = x.data() + from;
    typename Word<T>::type absent = 0;
    for (size_t i = 0; i < n; i++) {
      cell[i] = table.cellOf(at[i]);
      absent += at[i] != at[i];
    }
    missing += absent;
    for (size_t i = 0; i < n; i++) {
      uint32_t k = start[cell[i]];
      const uint32_t end = start[cell[i] + 1];
      while (k < end && e[k] <= at[i]) k++;
      h[i & 3][k]++;
    }
  }
  for (size_t k = 0; k < bins; k++) counts[k] = (uint64_t)h[0][k] + h[1][k] + h[2][k] + h[3][k];
  counts[0] -= missing;
}

template <typename T> static void count(bool cells, int runs, const char* valuesPath, const char* edgesPath) {
  const vector<T> values = readAll<T>(valuesPath);
  const vector<T> edges = readAll<T>(edgesPath);
  const Cells<T> table(edges);
  vector<uint64_t> counts(edges.size() + 1);
  measure(runs, [&] { cells ? countCells(values, edges, table, counts) : countLanes(values, edges, counts); },
          [&] { return vector<double>(counts.begin(), counts.end()); });
}

static float parameter(uint32_t i, uint32_t factor) {
  return (float)(((i + 1) * factor) >> 8) * (1.0f / 16777216.0f) - 0.5f;
}

static void blend(int runs, size_t n, float scale) {
  vector<float> source(n), target(n), out(n);
  for (size_t i = 0; i < n; i++) { source[i] = parameter(i, 2654435761u); target[i] = parameter(i, 2246822519u); }
  measure(runs, [&] {
    const float* __restrict s = source.data(); const float* __restrict t = target.data(); float* __restrict o = out.data();
    for (size_t i = 0; i < n; i++) o[i] = s[i] + scale * (t[i] - s[i]);
  }, [&] {
    vector<double> picked;
    for (size_t i = 0; i < n; i += n / 64) picked.push_back(out[i]);
    return picked;
  });
}

static void copy(int runs, size_t bytes) {
  vector<char> source(bytes, 1), target(bytes, 0);
  measure(runs, [&] { memcpy(target.data(), source.data(), bytes); __asm__ volatile("" : : "r"(target.data()) : "memory"); },
          [&] { return vector<double>{(double)target[bytes / 2]}; });
}

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const std::string command = argv[1];
  const bool f64 = std::string(argv[2]) == "f64";
  const int runs = atoi(argv[3]);
  if (command == "blend") blend(runs, strtoull(argv[4], 0, 10), strtof(argv[5], 0));
  else if (command == "memcpy") copy(runs, strtoull(argv[4], 0, 10));
  else if (command == "lanes" || command == "cells") {
    if (f64) count<double>(command == "cells", runs, argv[4], argv[5]);
    else count<float>(command == "cells", runs, argv[4], argv[5]);
  } else return 2;
  return 0;
}
`;

export type NativeCommand = "lanes" | "cells" | "blend" | "memcpy";

let program: { readonly path: string } | { readonly missing: string } | undefined;

function compiled(): { readonly path: string } | { readonly missing: string } {
  if (program !== undefined) return program;
  const sourcePath = join(scratchDir(), "loops.cpp");
  const path = join(scratchDir(), "loops");
  writeFileSync(sourcePath, source);
  const flags = ["-O3", "-march=native", "-std=c++17", "-o", path, sourcePath];
  try {
    execFileSync("g++", flags, { stdio: ["ignore", "ignore", "pipe"] });
    program = { path };
  } catch (thrown) {
    // A compiler that is there but fails is our mistake, not the machine's.
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
    program = { missing: "no g++ on the path" };
  }
  return program;
}

export function nativeCase(
  name: string,
  role: Role,
  command: NativeCommand,
  type: "f32" | "f64",
  args: readonly string[],
): Case {
  const native = compiled();
  if ("missing" in native) return { name, role, missing: native.missing };
  const run = (runs: number) => runTimed(native.path, [command, type, String(runs), ...args]);
  const time = async (runs: number) => (await run(runs)).samplesMs;
  if (command === "memcpy") return { name, role, time };
  return { name, role, answer: async () => (await run(0)).answer, time };
}

/** Reading and writing as many bytes as a loop reads. */
export function memcpyCase(bytes: number): Case {
  return nativeCase("memcpy of as many bytes (C++)", "limit", "memcpy", "f32", [String(bytes)]);
}
