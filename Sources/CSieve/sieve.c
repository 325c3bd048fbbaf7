#include "CSieve.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define FOLDED 0x20202020u
// Knuth's multiplier for hashes, 2^32 over the golden ratio.
#define MULTIPLIER 0x9E3779B1u
#define SLOT_BITS 14
#define FOUR_BITS 13
#define THREE_BITS 11

/// What the strings of one hash have in common: a text's eight bytes pass if they have `value` in the bits of `mask`.
struct bucket {
    uint64_t mask, value;
};

struct hx_sieve {
    /// By a hash of three bytes: a bit for each class of the fourth.
    uint32_t slots[1 << SLOT_BITS];
    /// By a hash of four bytes, and then by a hash of three.
    struct bucket buckets[HX_SIEVE_BUCKETS];
};

struct hx_sieve *hx_sieve_make(void)
{
    struct hx_sieve *sieve = calloc(1, sizeof(struct hx_sieve));
    // No text has a bit outside the mask.
    for (size_t number = 0; sieve && number < HX_SIEVE_BUCKETS; number++) sieve->buckets[number].value = 1;
    return sieve;
}

void hx_sieve_free(struct hx_sieve *sieve) { free(sieve); }

static uint32_t hash_of_three(uint32_t word, int bits) { return ((word << 8) * MULTIPLIER) >> (32 - bits); }

/// Letters have a class each.
static uint32_t class_of_fourth(uint32_t word) { return (word >> 24) & 31; }

static uint32_t four_bucket(uint32_t word) { return (word * MULTIPLIER) >> (32 - FOUR_BITS); }

static uint32_t three_bucket(uint32_t word) { return (1u << FOUR_BITS) + hash_of_three(word, THREE_BITS); }

uint16_t hx_sieve_add(struct hx_sieve *sieve, uint64_t string, uint64_t mask, int fourth)
{
    uint32_t gram = (uint32_t)string | FOLDED;
    sieve->slots[hash_of_three(gram, SLOT_BITS)] |= fourth ? 1u << class_of_fourth(gram) : 0xFFFFFFFFu;
    uint32_t number = fourth ? four_bucket(gram) : three_bucket(gram);
    struct bucket *bucket = &sieve->buckets[number];
    int is_first = (bucket->value & ~bucket->mask) != 0;
    bucket->mask = is_first ? mask : bucket->mask & mask & ~(bucket->value ^ string);
    bucket->value = string & bucket->mask;
    return (uint16_t)number;
}

#if defined(__x86_64__)
#define VECTORS "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2"

/// As candidates(), for as many places as whole vectors reach; `*done` is where they end.
__attribute__((target(VECTORS))) static size_t candidates_by_vectors(
    const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint16_t *places, size_t *done)
{
    // Each lane takes the four bytes from its place on.
    const __m512i lanes = _mm512_set_epi32(
        0x1211100f, 0x11100f0e, 0x100f0e0d, 0x0f0e0d0c, 0x0e0d0c0b, 0x0d0c0b0a, 0x0c0b0a09, 0x0b0a0908,
        0x0a090807, 0x09080706, 0x08070605, 0x07060504, 0x06050403, 0x05040302, 0x04030201, 0x03020100);
    const __m512i folded = _mm512_set1_epi32((int)FOLDED), multiplier = _mm512_set1_epi32((int)MULTIPLIER);
    const __m512i last_class = _mm512_set1_epi32(31), one = _mm512_set1_epi32(1);
    const __m256i numbers = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t index = 0, found = 0;
    for (; index + 16 <= count && index + 32 <= length; index += 16) {
        __m512i bytes = _mm512_castsi256_si512(_mm256_loadu_si256((const void *)(text + index)));
        __m512i words = _mm512_or_si512(_mm512_permutexvar_epi8(lanes, bytes), folded);
        __m512i hashes = _mm512_mullo_epi32(_mm512_slli_epi32(words, 8), multiplier);
        __m512i slots = _mm512_i32gather_epi32(_mm512_srli_epi32(hashes, 32 - SLOT_BITS), sieve->slots, 4);
        __m512i classes = _mm512_and_si512(_mm512_srli_epi32(words, 24), last_class);
        __mmask16 hits = _mm512_test_epi32_mask(_mm512_srlv_epi32(slots, classes), one);
        __m256i here = _mm256_add_epi16(numbers, _mm256_set1_epi16((short)index));
        _mm256_storeu_si256((void *)(places + found), _mm256_maskz_compress_epi16(hits, here));
        found += (size_t)__builtin_popcount(hits);
    }
    *done = index;
    return found;
}

/// As hx_solid_place(), for whole vectors; `length` less than a vector before the end.
__attribute__((target(VECTORS))) static size_t solid_place_by_vectors(const uint8_t *text, size_t from, size_t length)
{
    // For each byte below 128, whether it is solid: the highest bit. Bytes from 128 on, which a permutation takes for those, are not.
    static const uint64_t is_solid[16] = {
        0, 0, 0, 0, 0, 0x0080800000000000, 0x8080808080808080, 0x8080,
        0x8080808080808000, 0x8080808080808080, 0x8080808080808080, 0x8000000000808080,
        0x8080808080808000, 0x8080808080808080, 0x8080808080808080, 0x0000000000808080,
    };
    const __m512i low = _mm512_loadu_si512(is_solid), high = _mm512_loadu_si512(is_solid + 8);
    size_t index = from;
    for (; index + 64 <= length; index += 64) {
        __m512i bytes = _mm512_loadu_si512(text + index);
        __m512i looked_up = _mm512_andnot_si512(bytes, _mm512_permutex2var_epi8(low, bytes, high));
        __m512i solid = _mm512_movm_epi8(_mm512_movepi8_mask(looked_up));
        uint32_t parts = _mm512_cmpeq_epi64_mask(solid, _mm512_set1_epi64(-1));
        // Both halves of a part.
        parts &= (parts >> 1) & 0x55;
        if (parts) return index + 8 * (size_t)__builtin_ctz(parts);
    }
    return index;
}

static int has_vectors(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
}
#endif

/// Writes, in order, the places at which the first three or four bytes may be a string's, and returns how many they are.
static size_t candidates(
    const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint16_t *places)
{
    size_t index = 0, found = 0;
#if defined(__x86_64__)
    if (has_vectors()) found = candidates_by_vectors(sieve, text, length, count, places, &index);
#endif
    for (; index < count && index + 4 <= length; index++) {
        uint32_t word;
        memcpy(&word, text + index, sizeof word);
        word |= FOLDED;
        places[found] = (uint16_t)index;
        found += (sieve->slots[hash_of_three(word, SLOT_BITS)] >> class_of_fourth(word)) & 1;
    }
    for (; index < count; index++) places[found++] = (uint16_t)index;
    return found;
}

/// The eight bytes at a place; what is beyond the text's end reads as zero.
static uint64_t eight_bytes(const uint8_t *text, size_t place, size_t length)
{
    uint64_t bytes = 0;
    if (place + sizeof bytes <= length) {
        memcpy(&bytes, text + place, sizeof bytes);
    } else {
        for (size_t offset = 0; place + offset < length; offset++) bytes |= (uint64_t)text[place + offset] << 8 * offset;
    }
    return bytes;
}

size_t hx_sieve_places(const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, struct hx_find *finds)
{
    // A vector of places is written at once.
    uint16_t places[HX_SIEVE_BLOCK + 16];
    size_t passed = candidates(sieve, text, length, count, places), found = 0;
    for (size_t number = 0; number < passed; number++) {
        uint64_t bytes = eight_bytes(text, places[number], length);
        uint32_t word = (uint32_t)bytes | FOLDED, four = four_bucket(word), three = three_bucket(word);
        finds[found] = (struct hx_find){places[number], (uint16_t)four};
        found += (bytes & sieve->buckets[four].mask) == sieve->buckets[four].value;
        finds[found] = (struct hx_find){places[number], (uint16_t)three};
        found += (bytes & sieve->buckets[three].mask) == sieve->buckets[three].value;
    }
    return found;
}

static int is_solid(uint8_t byte)
{
    return (uint8_t)((byte | 32) - 'a') < 26 || (uint8_t)(byte - '0') < 10 || byte == '_' || byte == '-' || byte == '.';
}

size_t hx_solid_place(const uint8_t *text, size_t from, size_t length)
{
    size_t index = (from + 15) / 16 * 16;
#if defined(__x86_64__)
    if (has_vectors()) index = solid_place_by_vectors(text, index, length);
#endif
    for (; index + 16 <= length; index += 16) {
        int solid = 1;
        for (size_t offset = 0; offset < 16; offset++) solid &= is_solid(text[index + offset]);
        if (solid) return index;
    }
    return length;
}
