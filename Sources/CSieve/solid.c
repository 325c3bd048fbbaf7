#include "CSieve.h"
#include "vectors.h"

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
