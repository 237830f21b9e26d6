// Sorting f64 values.
//
//   sort radix|std f64 VALUES
//
// radix: least significant digit first, 11 bits each, on 64-bit keys whose order is the values' (Knuth 5.2.5; Herf 2001). Digits
// that all keys share are skipped.
#include "companion.h"

const int digitBits = 11, digits = 6, buckets = 1 << digitBits;

static inline uint64_t keyOf(double value) {
  uint64_t bits;
  memcpy(&bits, &value, 8);
  return bits ^ ((uint64_t)((int64_t)bits >> 63) | 0x8000000000000000u);
}

static inline double valueOf(uint64_t key) {
  const uint64_t bits = key ^ (((key >> 63) - 1) | 0x8000000000000000u);
  double value;
  memcpy(&value, &bits, 8);
  return value;
}

static void sortRadix(const vector<double>& values, vector<uint64_t>& keys, vector<uint64_t>& scratch, vector<double>& out) {
  const size_t n = values.size();
  static uint32_t counters[digits][buckets];
  memset(counters, 0, sizeof(counters));
  for (size_t i = 0; i < n; i++) {
    const uint64_t key = keyOf(values[i]);
    keys[i] = key;
    for (int digit = 0; digit < digits; digit++) counters[digit][key >> digit * digitBits & (buckets - 1)]++;
  }
  uint64_t* from = keys.data();
  uint64_t* to = scratch.data();
  for (int digit = 0; digit < digits; digit++) {
    uint32_t* at = counters[digit];
    const int shift = digit * digitBits;
    if (at[from[0] >> shift & (buckets - 1)] == n) continue;
    uint32_t below = 0;
    for (int bucket = 0; bucket < buckets; bucket++) {
      const uint32_t count = at[bucket];
      at[bucket] = below;
      below += count;
    }
    for (size_t i = 0; i < n; i++) to[at[from[i] >> shift & (buckets - 1)]++] = from[i];
    std::swap(from, to);
  }
  for (size_t i = 0; i < n; i++) out[i] = valueOf(from[i]);
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const bool radix = std::string(argv[1]) == "radix";
  const vector<double> values = readAll<double>(argv[3]);
  vector<double> out(values.size());
  vector<uint64_t> keys(values.size()), scratch(values.size());
  return serve([&] {
    if (radix) sortRadix(values, keys, scratch, out);
    else {
      out = values;
      std::sort(out.begin(), out.end());
    }
    keep(out.data());
  }, [&] { return picked(out); });
}
