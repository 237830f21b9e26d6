// Counting by edges and by codes.
//
//   counts lanes|cells|search f32|f64|i64 VALUES EDGES [VALIDITY]     bins of values x < edge[0] <= x < edge[1] ...
//   counts codes i32 CODES CATEGORIES
//
// lanes: a compare an edge, over tiles that stay in the first-level cache, eight edges a pass, for the vectoriser.
// cells: a table of uniform cells, told for a tile at once, then compares within the cell; a histogram for each of four neighbours.
// search: a branchless binary search, a level for a whole tile at once, for the vectoriser (gathers).
// NaN is counted in no bin, as ours; missing rows are made NaN, a tile at a time.
#include "companion.h"
#include <limits>

const size_t tileBytes = 16384;

template <typename T> struct Word { typedef uint32_t type; };
template <> struct Word<double> { typedef uint64_t type; };
template <> struct Word<int64_t> { typedef uint64_t type; };

template <typename T> struct Column {
  vector<T> values;
  vector<uint8_t> validity;
  size_t tile() const { return tileBytes / sizeof(T); }

  // The tile's values; missing ones replaced, in a copy.
  const T* at(size_t from, size_t n, T* copy) const {
    if (validity.empty()) return values.data() + from;
    const T absent = std::numeric_limits<T>::quiet_NaN();
    for (size_t block = 0; block < n; block += 8) {
      const uint8_t bits = validity[(from + block) / 8];
      const size_t end = std::min<size_t>(8, n - block);
      for (size_t i = 0; i < end; i++) copy[block + i] = bits >> i & 1 ? values[from + block + i] : absent;
    }
    return copy;
  }
};

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
static void countLanes(const Column<T>& column, const vector<T>& edges, vector<uint64_t>& counts) {
  typedef typename Word<T>::type W;
  vector<W> ge(edges.size(), 0);
  vector<T> copy(column.tile());
  W present = 0;
  for (size_t from = 0; from < column.values.size(); from += column.tile()) {
    const size_t n = std::min(column.tile(), column.values.size() - from);
    const T* x = column.at(from, n, copy.data());
    W here = 0;
    for (size_t i = 0; i < n; i++) here += x[i] == x[i];
    present += here;
    size_t j = 0;
    for (; j + 8 <= edges.size(); j += 8) countGroup<T, 8>(x, n, &edges[j], &ge[j]);
    for (; j + 4 <= edges.size(); j += 4) countGroup<T, 4>(x, n, &edges[j], &ge[j]);
    for (; j < edges.size(); j++) countGroup<T, 1>(x, n, &edges[j], &ge[j]);
  }
  W above = present;
  for (size_t j = 0; j < edges.size(); j++) { counts[j] = above - ge[j]; above = ge[j]; }
  counts[edges.size()] = above;
}

// A histogram each for four neighbours: equal bins in a row would wait for each other.
struct Histograms {
  vector<uint32_t> cells;
  uint32_t* h[4];
  explicit Histograms(size_t bins) : cells(bins * 4, 0) { for (int i = 0; i < 4; i++) h[i] = &cells[bins * i]; }
  void addTo(vector<uint64_t>& counts) const {
    for (size_t k = 0; k < counts.size(); k++) counts[k] = (uint64_t)h[0][k] + h[1][k] + h[2][k] + h[3][k];
  }
};

template <typename T> struct Cells {
  typedef decltype(T() * 1.0f) F;
  F rate;
  T low;
  int32_t cellMax;
  vector<uint16_t> start;
  int32_t cellOf(T x) const {
    F place = (F)(x - low) * rate;
    place = place > 0 ? place : 0;
    place = place < (F)cellMax ? place : (F)cellMax;
    return (int32_t)place;
  }
  explicit Cells(const vector<T>& edges) {
    size_t cells = 1024;
    while (cells < edges.size() * 16 && cells < 8192) cells *= 2;
    cellMax = (int32_t)cells - 1;
    low = edges.front();
    rate = edges.size() > 1 ? (F)cellMax / (F)(edges.back() - low) : 1;
    start.assign(cells + 1, (uint16_t)edges.size());
    size_t cell = 0;
    for (size_t j = 0; j < edges.size(); j++)
      for (; cell <= (size_t)cellOf(edges[j]); cell++) start[cell] = (uint16_t)j;
  }
};

template <typename T>
static void countCells(const Column<T>& column, const vector<T>& edges, const Cells<T>& table, vector<uint64_t>& counts) {
  Histograms bins(counts.size());
  const T* e = edges.data();
  const uint16_t* start = table.start.data();
  uint64_t missing = 0;
  const size_t tile = 1024;
  T copy[tile];
  int32_t cell[tile];
  for (size_t from = 0; from < column.values.size(); from += tile) {
    const size_t n = std::min(tile, column.values.size() - from);
    const T* x = column.at(from, n, copy);
    typename Word<T>::type absent = 0;
    for (size_t i = 0; i < n; i++) {
      cell[i] = table.cellOf(x[i]);
      absent += x[i] != x[i];
    }
    missing += absent;
    for (size_t i = 0; i < n; i++) {
      uint32_t k = start[cell[i]];
      const uint32_t end = start[cell[i] + 1];
      while (k < end && e[k] <= x[i]) k++;
      bins.h[i & 3][k]++;
    }
  }
  bins.addTo(counts);
  counts[0] -= missing;
}

template <typename T>
static void countSearch(const Column<T>& column, const vector<T>& edges, vector<uint64_t>& counts) {
  size_t steps = 1;
  while (steps <= edges.size()) steps *= 2;
  vector<T> padded(edges);
  padded.resize(steps, std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max());
  const T* e = padded.data();
  Histograms bins(steps + 1);
  uint64_t missing = 0;
  const size_t tile = 1024;
  T copy[tile];
  uint32_t place[tile];
  for (size_t from = 0; from < column.values.size(); from += tile) {
    const size_t n = std::min(tile, column.values.size() - from);
    const T* x = column.at(from, n, copy);
    typename Word<T>::type absent = 0;
    for (size_t i = 0; i < n; i++) { place[i] = 0; absent += x[i] != x[i]; }
    for (uint32_t step = steps / 2; step > 0; step /= 2)
      for (size_t i = 0; i < n; i++) place[i] += e[place[i] + step - 1] <= x[i] ? step : 0;
    missing += absent;
    for (size_t i = 0; i < n; i++) bins.h[i & 3][place[i]]++;
  }
  vector<uint64_t> all(steps + 1);
  bins.addTo(all);
  // Infinite values pass the padding.
  for (size_t k = edges.size() + 1; k < all.size(); k++) all[edges.size()] += all[k];
  std::copy(all.begin(), all.begin() + counts.size(), counts.begin());
  counts[0] -= missing;
}

template <typename T> static int count(const std::string& method, int argc, char** argv) {
  Column<T> column{readAll<T>(argv[3]), argc > 5 ? readAll<uint8_t>(argv[5]) : vector<uint8_t>()};
  const vector<T> edges = readAll<T>(argv[4]);
  const Cells<T> table(edges);
  vector<uint64_t> counts(edges.size() + 1);
  return serve([&] {
    if (method == "lanes") countLanes(column, edges, counts);
    else if (method == "cells") countCells(column, edges, table, counts);
    else countSearch(column, edges, counts);
    keep(counts.data());
  }, [&] { return vector<double>(counts.begin(), counts.end()); });
}

static int countCodes(char** argv) {
  const vector<int32_t> codes = readAll<int32_t>(argv[3]);
  vector<uint64_t> counts(strtoull(argv[4], 0, 10));
  return serve([&] {
    Histograms bins(counts.size());
    for (size_t i = 0; i < codes.size(); i++) bins.h[i & 3][codes[i]]++;
    bins.addTo(counts);
    keep(counts.data());
  }, [&] { return vector<double>(counts.begin(), counts.end()); });
}

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const std::string method = argv[1], type = argv[2];
  if (method == "codes") return countCodes(argv);
  if (type == "f32") return count<float>(method, argc, argv);
  if (type == "f64") return count<double>(method, argc, argv);
  if (type == "i64") return count<int64_t>(method, argc, argv);
  return 2;
}
