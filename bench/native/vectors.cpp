// Parameter vectors, and the memory's own speed.
//
//   vectors blend f32|f16|bf16 COUNT SCALE
//   vectors encode|decode 2|4 COUNT           the stored-history transform (assembly/delta.ts)
//   vectors memcpy bytes BYTES
#include "companion.h"
#if defined(__F16C__)
#include <immintrin.h>
#endif

struct F32 {
  typedef float stored;
  static float widen(float x) { return x; }
  static float narrow(float x) { return x; }
};

// The upper half of an f32; rounded to nearest, ties to even, NaN kept.
struct BF16 {
  typedef uint16_t stored;
  static float widen(uint16_t x) {
    const uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
  }
  static uint16_t narrow(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return x == x ? rounded : bits >> 16 | 0x40;
  }
};

template <typename Format>
static void blend(const typename Format::stored* __restrict source, const typename Format::stored* __restrict target, size_t n,
                  float scale, typename Format::stored* __restrict out) {
  for (size_t i = 0; i < n; i++) {
    const float s = Format::widen(source[i]);
    out[i] = Format::narrow(s + scale * (Format::widen(target[i]) - s));
  }
}

#if defined(__F16C__)
// g++ 12 does not vectorise the conversions: they are written out, as wide as the build's vectors.
struct F16 {
  typedef uint16_t stored;
  static float widen(uint16_t x) { return _cvtsh_ss(x); }
  static uint16_t narrow(float x) { return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT); }
};
template <> void blend<F16>(const uint16_t* __restrict source, const uint16_t* __restrict target, size_t n, float scale,
                            uint16_t* __restrict out) {
  size_t i = 0;
#if defined(__AVX512F__)
  const __m512 factor = _mm512_set1_ps(scale);
  for (; i + 16 <= n; i += 16) {
    const __m512 s = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)(source + i)));
    const __m512 t = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)(target + i)));
    const __m512 r = _mm512_add_ps(s, _mm512_mul_ps(factor, _mm512_sub_ps(t, s)));
    _mm256_storeu_si256((__m256i*)(out + i), _mm512_cvtps_ph(r, _MM_FROUND_TO_NEAREST_INT));
  }
#else
  const __m128 factor = _mm_set1_ps(scale);
  for (; i + 4 <= n; i += 4) {
    const __m128 s = _mm_cvtph_ps(_mm_loadl_epi64((const __m128i*)(source + i)));
    const __m128 t = _mm_cvtph_ps(_mm_loadl_epi64((const __m128i*)(target + i)));
    const __m128 r = _mm_add_ps(s, _mm_mul_ps(factor, _mm_sub_ps(t, s)));
    _mm_storel_epi64((__m128i*)(out + i), _mm_cvtps_ph(r, _MM_FROUND_TO_NEAREST_INT));
  }
#endif
  for (; i < n; i++) {
    const float s = F16::widen(source[i]);
    out[i] = F16::narrow(s + scale * (F16::widen(target[i]) - s));
  }
}
#elif defined(__FLT16_MAX__)
struct F16 {
  typedef uint16_t stored;
  static float widen(uint16_t x) { _Float16 half; memcpy(&half, &x, 2); return half; }
  static uint16_t narrow(float x) { const _Float16 half = x; uint16_t bits; memcpy(&bits, &half, 2); return bits; }
};
#endif

template <typename Format> static int blendVectors(size_t n, float scale) {
  typedef typename Format::stored S;
  vector<S> source(n), target(n), out(n);
  for (size_t i = 0; i < n; i++) {
    source[i] = Format::narrow(parameter(i, 2654435761u));
    target[i] = Format::narrow(parameter(i, 2246822519u));
  }
  return serve([&] { blend<Format>(source.data(), target.data(), n, scale, out.data()); keep(out.data()); },
               [&] { return picked(out); });
}

const size_t tile = 4096;

// Floats in rising order are signed integers in rising order, 1 a step.
template <typename I> static inline I keyOf(I x) { return x < 0 ? x ^ (I)~((I)1 << (sizeof(I) * 8 - 1)) : x; }

// Where the zero of the source's sign stands among the zigzags; 0 where it has no such place.
template <typename I, typename U> static inline U zeroPlace(I key) {
  const I most = (I)~((I)1 << (sizeof(I) * 8 - 1));
  const I magnitude = key < 0 ? ~key : key;
  const U place = (U)((U)magnitude << 1) - (U)(key >= 0);
  return magnitude == 0 || magnitude == most ? 0 : place;
}

// Without branches, for the vectoriser.
template <typename U> static inline U codeOf(U zigzag, U place) {
  U code = zigzag;
  code += (U)(zigzag - 1) < (U)(place - 1) ? 2 : 0;
  code += zigzag == (U)(place + 1) ? 1 : 0;
  code = zigzag == place ? 1 : code;
  code = zigzag == (U)(place + 2) ? 2 : code;
  return place == 0 ? zigzag : code;
}

template <typename U> static inline U zigzagOf(U code, U place) {
  U zigzag = code;
  zigzag -= (U)(code - 3) < (U)(place - 1) ? 2 : 0;
  zigzag -= code == (U)(place + 2) ? 1 : 0;
  zigzag = code == 1 ? place : zigzag;
  zigzag = code == 2 ? (U)(place + 2) : zigzag;
  return place == 0 ? code : zigzag;
}

template <typename I, typename U>
static void encode(const I* __restrict source, const I* __restrict target, size_t n, uint8_t* __restrict planes) {
  U codes[tile];
  for (size_t from = 0; from < n; from += tile) {
    const size_t count = std::min(tile, n - from);
    for (size_t i = 0; i < count; i++) {
      const I key = keyOf(source[from + i]);
      const I delta = (I)((U)keyOf(target[from + i]) - (U)key);
      const U zigzag = (U)((U)delta << 1) ^ (U)(delta >> (sizeof(I) * 8 - 1));
      codes[i] = codeOf<U>(zigzag, zeroPlace<I, U>(key));
    }
    for (size_t plane = 0; plane < sizeof(I); plane++) {
      uint8_t* out = planes + plane * n + from;
      for (size_t i = 0; i < count; i++) out[i] = (uint8_t)(codes[i] >> plane * 8);
    }
  }
}

template <typename I, typename U>
static void decode(const I* __restrict source, const uint8_t* __restrict planes, size_t n, I* __restrict target) {
  U codes[tile];
  for (size_t from = 0; from < n; from += tile) {
    const size_t count = std::min(tile, n - from);
    for (size_t i = 0; i < count; i++) codes[i] = planes[from + i];
    for (size_t plane = 1; plane < sizeof(I); plane++) {
      const uint8_t* in = planes + plane * n + from;
      for (size_t i = 0; i < count; i++) codes[i] |= (U)((U)in[i] << plane * 8);
    }
    for (size_t i = 0; i < count; i++) {
      const I key = keyOf(source[from + i]);
      const U zigzag = zigzagOf<U>(codes[i], zeroPlace<I, U>(key));
      const U delta = (U)(zigzag >> 1) ^ (U)(0 - (zigzag & 1));
      target[from + i] = keyOf((I)((U)key + delta));
    }
  }
}

template <typename Format, typename I, typename U> static int deltas(bool encoding, size_t n) {
  vector<I> source(n), target(n), back(n);
  vector<uint8_t> planes(n * sizeof(I));
  for (size_t i = 0; i < n; i++) {
    const float from = parameter(i, 2654435761u);
    const float to = i % 8 == 0 ? 0.0f : from + parameter(i, 2246822519u) * 0.0009765625f;
    const typename Format::stored s = Format::narrow(from), t = Format::narrow(to);
    memcpy(&source[i], &s, sizeof(I));
    memcpy(&target[i], &t, sizeof(I));
  }
  encode<I, U>(source.data(), target.data(), n, planes.data());
  if (encoding)
    return serve([&] { encode<I, U>(source.data(), target.data(), n, planes.data()); keep(planes.data()); },
                 [&] { return picked(planes); });
  return serve([&] { decode<I, U>(source.data(), planes.data(), n, back.data()); keep(back.data()); },
               [&] { return picked(back); });
}

static int copyBytes(size_t bytes) {
  vector<char> source(bytes, 1), target(bytes, 0);
  return serve([&] { memcpy(target.data(), source.data(), bytes); keep(target.data()); },
               [&] { return vector<double>{(double)target[bytes / 2]}; });
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string command = argv[1], type = argv[2];
  const size_t n = strtoull(argv[3], 0, 10);
  if (command == "memcpy") return copyBytes(n);
  if (command == "blend" && argc > 4) {
    const float scale = strtof(argv[4], 0);
    if (type == "f32") return blendVectors<F32>(n, scale);
    if (type == "bf16") return blendVectors<BF16>(n, scale);
#if defined(__F16C__) || defined(__FLT16_MAX__)
    if (type == "f16") return blendVectors<F16>(n, scale);
#endif
  }
  if (command == "encode" || command == "decode") {
    if (type == "4") return deltas<F32, int32_t, uint32_t>(command == "encode", n);
    if (type == "2") return deltas<BF16, int16_t, uint16_t>(command == "encode", n);
  }
  fprintf(stderr, "%s of %s is not in this build\n", command.c_str(), type.c_str());
  return 2;
}
