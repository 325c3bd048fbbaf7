#include "CSieve.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define FOLDED 0x20202020u
// Knuth's multiplier for hashes, 2^32 over the golden ratio.
#define MULTIPLIER 0x9E3779B1u
#define BITS 15
#define SHIFT (32 - BITS)

struct hx_sieve {
    /// By a hash of three bytes: a bit for each class of the fourth. One slot more, since a vector reads four bytes at each.
    uint16_t slots[(1 << BITS) + 1];
};

struct hx_sieve *hx_sieve_make(void) { return calloc(1, sizeof(struct hx_sieve)); }

void hx_sieve_free(struct hx_sieve *sieve) { free(sieve); }

static uint32_t slot(uint32_t word) { return ((word << 8) * MULTIPLIER) >> SHIFT; }

/// Letters sixteen apart share a class; what is common beside them in text does not.
static uint32_t class_of_fourth(uint32_t word) { return (word >> 24) & 15; }

void hx_sieve_add(struct hx_sieve *sieve, uint32_t gram, int fourth)
{
    gram |= FOLDED;
    sieve->slots[slot(gram)] |= fourth ? (uint16_t)(1u << class_of_fourth(gram)) : (uint16_t)0xFFFF;
}

#if defined(__x86_64__)
#define VECTORS "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2"

/// As hx_sieve_places(), for as many places as whole vectors reach; `*done` is where they end.
__attribute__((target(VECTORS))) static size_t places_by_vectors(
    const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint16_t *places, size_t *done)
{
    // Each lane takes the four bytes from its place on.
    const __m512i lanes = _mm512_set_epi32(
        0x1211100f, 0x11100f0e, 0x100f0e0d, 0x0f0e0d0c, 0x0e0d0c0b, 0x0d0c0b0a, 0x0c0b0a09, 0x0b0a0908,
        0x0a090807, 0x09080706, 0x08070605, 0x07060504, 0x06050403, 0x05040302, 0x04030201, 0x03020100);
    const __m512i folded = _mm512_set1_epi32((int)FOLDED), multiplier = _mm512_set1_epi32((int)MULTIPLIER);
    const __m512i fifteen = _mm512_set1_epi32(15), one = _mm512_set1_epi32(1);
    const __m256i numbers = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t index = 0, found = 0;
    for (; index + 16 <= count && index + 32 <= length; index += 16) {
        __m512i bytes = _mm512_castsi256_si512(_mm256_loadu_si256((const void *)(text + index)));
        __m512i words = _mm512_or_si512(_mm512_permutexvar_epi8(lanes, bytes), folded);
        __m512i hashes = _mm512_mullo_epi32(_mm512_slli_epi32(words, 8), multiplier);
        __m512i slots = _mm512_i32gather_epi32(_mm512_srli_epi32(hashes, SHIFT), sieve->slots, 2);
        __m512i classes = _mm512_and_si512(_mm512_srli_epi32(words, 24), fifteen);
        __mmask16 hits = _mm512_test_epi32_mask(_mm512_srlv_epi32(slots, classes), one);
        __m256i here = _mm256_add_epi16(numbers, _mm256_set1_epi16((short)index));
        _mm256_storeu_si256((void *)(places + found), _mm256_maskz_compress_epi16(hits, here));
        found += (size_t)__builtin_popcount(hits);
    }
    *done = index;
    return found;
}

static int has_vectors(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
}
#endif

size_t hx_sieve_places(const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint16_t *places)
{
    size_t index = 0, found = 0;
#if defined(__x86_64__)
    if (has_vectors()) found = places_by_vectors(sieve, text, length, count, places, &index);
#endif
    // Every place is written, and counted only if it passes: a processor that had to guess which do would be wrong too often.
    for (; index < count && index + 4 <= length; index++) {
        uint32_t word;
        memcpy(&word, text + index, sizeof word);
        word |= FOLDED;
        places[found] = (uint16_t)index;
        found += (sieve->slots[slot(word)] >> class_of_fourth(word)) & 1;
    }
    for (; index < count; index++) places[found++] = (uint16_t)index;
    return found;
}
