// What every program here is made of: raw files, deterministic data, and the protocol of bench/companion.ts.
#pragma once
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
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

// In [-0.5, 0.5), exact in f32; bench/data.ts has the same.
static inline float parameter(uint32_t index, uint32_t factor) {
  return (float)(((index + 1) * factor) >> 8) * (1.0f / 16777216.0f) - 0.5f;
}

// About 64 elements, evenly, at an odd distance: data that repeat by a power of two show all they have.
template <typename T> static vector<double> picked(const vector<T>& out) {
  vector<double> answer;
  const size_t every = out.size() / 64 | 1;
  for (size_t i = 0; i < out.size(); i += every) answer.push_back((double)out[i]);
  return answer;
}

static void printList(const char* name, const vector<double>& numbers) {
  printf("{\"%s\":[", name);
  for (size_t i = 0; i < numbers.size(); i++) printf("%s%.17g", i ? "," : "", numbers[i]);
  printf("]}\n");
  fflush(stdout);
}

// Keeps the compiler from seeing that nobody reads what was written.
static inline void keep(const void* written) { __asm__ volatile("" : : "r"(written) : "memory"); }

template <typename Work> static double sample(Work& work, size_t runs) {
  const auto began = std::chrono::steady_clock::now();
  for (size_t i = 0; i < runs; i++) work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

template <typename Work, typename Answer> static int serve(Work work, Answer answer) {
  work();
  printList("answer", answer());
  double fewest, seconds, cycle;
  while (scanf("%lf %lf %lf", &fewest, &seconds, &cycle) == 3) {
    const double once = std::max(sample(work, 1), 1e-9);
    const size_t runs = std::max(1.0, std::ceil(cycle / once));
    vector<double> samples;
    for (double spent = 0; samples.size() < fewest || spent < seconds;) {
      const double took = sample(work, runs);
      spent += took;
      samples.push_back(took / runs * 1e3);
    }
    printList("samplesMs", samples);
  }
  return 0;
}
