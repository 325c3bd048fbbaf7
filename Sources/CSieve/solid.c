#include "CSieve.h"
#include "vectors.h"

#include <string.h>

#if defined(__x86_64__)
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
#endif

#define ONES 0x0101010101010101u
#define HIGHEST (0x80u * ONES)

/// The highest bit of each byte that is in a range, of bytes below 128.
static uint64_t lie(uint64_t bytes, uint64_t first, uint64_t last)
{
    return (bytes + (0x80 - first) * ONES) & ~(bytes + (0x7F - last) * ONES);
}

/// Whether eight bytes are letters, digits, `_`, `-` or `.`.
static int are_solid(const uint8_t *text)
{
    uint64_t bytes;
    memcpy(&bytes, text, sizeof bytes);
    uint64_t low = bytes & ~HIGHEST;
    uint64_t solid = lie(low | 0x20 * ONES, 'a', 'z') | lie(low, '0', '9') | lie(low, '-', '.') | lie(low, '_', '_');
    return (solid & ~bytes & HIGHEST) == HIGHEST;
}

size_t hx_solid_place(const uint8_t *text, size_t from, size_t length)
{
    size_t index = (from + 15) / 16 * 16;
#if defined(__x86_64__)
    if (has_vectors()) index = solid_place_by_vectors(text, index, length);
#endif
    for (; index + 16 <= length; index += 16) {
        if (are_solid(text + index) && are_solid(text + index + 8)) return index;
    }
    return length;
}
