#include "set.h"
#include "vectors.h"

#include <string.h>

#if defined(__x86_64__)
/// As hx_four_places(), for whole vectors; returns where they end.
__attribute__((target(VECTORS))) static size_t four_places_by_vectors(
    const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint32_t *sets)
{
    // Each lane is for two places: it takes the byte at the first and, apart from it, the four after that.
    const __m512i first_lanes = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i word_lanes = _mm512_set_epi32(
        0x2221201f, 0x201f1e1d, 0x1e1d1c1b, 0x1c1b1a19, 0x1a191817, 0x18171615, 0x16151413, 0x14131211,
        0x1211100f, 0x100f0e0d, 0x0e0d0c0b, 0x0c0b0a09, 0x0a090807, 0x08070605, 0x06050403, 0x04030201);
    const __m512i folded = _mm512_set1_epi32((int)FOLDED), multiplier = _mm512_set1_epi32((int)MULTIPLIER);
    const __m512i last_class = _mm512_set1_epi32(15), one = _mm512_set1_epi32(1), high = _mm512_set1_epi32(1 << 16);
    // Hidden from the compiler, which would make a full mask out of a register that holds the result of the test before, and so let
    // each look-up wait for the last.
    __mmask16 all = 0xFFFF;
    __asm__("" : "+Yk"(all));
    size_t index = 0;
    for (; index + 32 <= count && index + 64 <= length; index += 32) {
        __m512i bytes = _mm512_loadu_si512(text + index);
        __m512i words = _mm512_or_si512(_mm512_permutexvar_epi8(word_lanes, bytes), folded);
        __m512i hashes = _mm512_mullo_epi32(_mm512_slli_epi32(words, 8), multiplier);
        __m512i slots = _mm512_mask_i32gather_epi32(
            folded, all, _mm512_srli_epi32(hashes, 32 - SLOT_BITS), sieve->slots, 4);
        __m512i before = _mm512_and_si512(_mm512_permutexvar_epi8(first_lanes, bytes), last_class);
        __m512i after = _mm512_and_si512(_mm512_srli_epi32(words, 24), last_class);
        uint32_t even = _mm512_test_epi32_mask(slots, _mm512_sllv_epi32(one, before));
        uint32_t odd = _mm512_test_epi32_mask(slots, _mm512_sllv_epi32(high, after));
        sets[index / 32] = _pdep_u32(even, 0x55555555) | _pdep_u32(odd, 0xAAAAAAAA);
    }
    return index;
}

/// As hx_three_places(), for whole vectors; returns where they end.
__attribute__((target(VECTORS))) static size_t three_places_by_vectors(
    const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint32_t *sets)
{
    // For each of three bytes: the first eight groups and the others, by the lower and the upper half of the bytes.
    __m512i groups[3][2][2];
    for (int place = 0; place < 3; place++) {
        for (int half = 0; half < 2; half++) {
            const __m512i *from = (const __m512i *)(sieve->groups[place] + 64 * half);
            __m512i one = _mm512_loadu_si512(from), other = _mm512_loadu_si512(from + 1);
            groups[place][0][half] = _mm512_inserti64x4(
                _mm512_castsi256_si512(_mm512_cvtepi16_epi8(one)), _mm512_cvtepi16_epi8(other), 1);
            groups[place][1][half] = _mm512_inserti64x4(
                _mm512_castsi256_si512(_mm512_cvtepi16_epi8(_mm512_srli_epi16(one, 8))),
                _mm512_cvtepi16_epi8(_mm512_srli_epi16(other, 8)), 1);
        }
    }
    size_t index = 0;
    for (; index + 64 <= count && index + 66 <= length; index += 64) {
        __m512i first = _mm512_loadu_si512(text + index), second = _mm512_loadu_si512(text + index + 1),
                third = _mm512_loadu_si512(text + index + 2);
        uint64_t set = 0;
        for (int part = 0; part < 2; part++) {
            __m512i one = _mm512_permutex2var_epi8(groups[0][part][0], first, groups[0][part][1]);
            __m512i two = _mm512_permutex2var_epi8(groups[1][part][0], second, groups[1][part][1]);
            __m512i three = _mm512_permutex2var_epi8(groups[2][part][0], third, groups[2][part][1]);
            set |= _mm512_test_epi8_mask(_mm512_and_si512(one, two), three);
        }
        sets[index / 32] = (uint32_t)set;
        sets[index / 32 + 1] = (uint32_t)(set >> 32);
    }
    return index;
}

/// As hx_members().
__attribute__((target(VECTORS))) static size_t members_by_vectors(const uint32_t *sets, size_t count, uint16_t *numbers)
{
    const __m512i first = _mm512_set_epi16(
        31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    size_t found = 0;
    for (size_t index = 0; index < count; index += 32) {
        uint32_t set = sets[index / 32];
        __m512i here = _mm512_add_epi16(first, _mm512_set1_epi16((short)index));
        _mm512_storeu_si512(numbers + found, _mm512_maskz_compress_epi16(set, here));
        found += (size_t)__builtin_popcount(set);
    }
    return found;
}
#endif

/// The four bytes at a place, folded; what is beyond the text's end reads as zero.
static uint32_t folded_word(const uint8_t *text, size_t place, size_t length)
{
    uint32_t word = 0;
    if (place + sizeof word <= length) {
        memcpy(&word, text + place, sizeof word);
    } else {
        for (size_t offset = 0; place + offset < length; offset++) word |= (uint32_t)text[place + offset] << 8 * offset;
    }
    return word | FOLDED;
}

/// The lowest bit for the place of `first`, the next one for that of `word`, which follows it.
static uint32_t pair_of_fours(const struct hx_sieve *sieve, uint8_t first, uint32_t word)
{
    uint32_t slot = sieve->slots[hash_of_three(word, SLOT_BITS)];
    return (slot >> class_of(first) & 1) | (slot >> (16 + class_of(word >> 24)) & 1) << 1;
}

void hx_four_places(const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint32_t *sets)
{
    size_t index = 0;
#if defined(__x86_64__)
    if (has_vectors()) index = four_places_by_vectors(sieve, text, length, count, sets);
#endif
    // A whole set in a register, and no end of the text within.
    for (; index + 32 <= count && index + 35 <= length; index += 32) {
        uint32_t set = 0;
        for (size_t place = 0; place < 32; place += 2) {
            uint32_t word;
            memcpy(&word, text + index + place + 1, sizeof word);
            set |= pair_of_fours(sieve, text[index + place], word | FOLDED) << place;
        }
        sets[index / 32] = set;
    }
    for (; index < count; index += 2) {
        uint32_t pair = pair_of_fours(sieve, text[index], folded_word(text, index + 1, length));
        sets[index / 32] |= (index + 1 < count ? pair : pair & 1) << index % 32;
    }
}

/// The lowest bit for the place of three bytes.
static uint32_t one_of_threes(const struct hx_sieve *sieve, uint8_t first, uint8_t second, uint8_t third)
{
    return (sieve->groups[0][first] & sieve->groups[1][second] & sieve->groups[2][third]) != 0;
}

void hx_three_places(const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint32_t *sets)
{
    size_t index = 0;
#if defined(__x86_64__)
    if (has_vectors()) index = three_places_by_vectors(sieve, text, length, count, sets);
#endif
    for (; index + 32 <= count && index + 34 <= length; index += 32) {
        uint32_t set = 0;
        for (size_t place = 0; place < 32; place++) {
            const uint8_t *bytes = text + index + place;
            set |= one_of_threes(sieve, bytes[0], bytes[1], bytes[2]) << place;
        }
        sets[index / 32] = set;
    }
    for (; index < count; index++) {
        uint8_t second = index + 1 < length ? text[index + 1] : 0, third = index + 2 < length ? text[index + 2] : 0;
        sets[index / 32] |= one_of_threes(sieve, text[index], second, third) << index % 32;
    }
}

size_t hx_members(const uint32_t *sets, size_t count, uint16_t *numbers)
{
#if defined(__x86_64__)
    if (has_vectors()) return members_by_vectors(sets, count, numbers);
#endif
    size_t found = 0;
    for (size_t index = 0; index < count; index += 32) {
        for (uint32_t set = sets[index / 32]; set; set &= set - 1) numbers[found++] = (uint16_t)(index + (size_t)__builtin_ctz(set));
    }
    return found;
}
