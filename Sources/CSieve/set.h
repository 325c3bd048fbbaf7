#pragma once

#include "CSieve.h"

#define FOLDED 0x20202020u
// Knuth's multiplier for hashes, 2^32 over the golden ratio.
#define MULTIPLIER 0x9E3779B1u
#define SLOT_BITS 14
#define GROUPS 16

/// What the strings of one hash have in common: a text's eight bytes pass if they have `value` in the bits of `mask`.
struct bucket {
    uint64_t mask, value;
};

struct hx_sieve {
    /// For strings with a fourth byte, by a hash of three bytes that they begin or end with: a bit for each class of the byte before
    /// those, and from the sixteenth on for each class of the byte after. One look tells of two places.
    uint32_t slots[1 << SLOT_BITS];
    /// Strings without one are in groups. By a text's byte: the groups that have it as the first, second or third byte of a string. A
    /// place passes if one group has all three. Bytes 128 apart are the same, since vectors look up the lower seven bits.
    uint16_t groups[3][256];
    /// For each byte of each group, how often a text has one of those there, in no unit.
    uint32_t weights[GROUPS][3];
    /// By a hash of four bytes, and then by a hash of three.
    struct bucket buckets[HX_SIEVE_BUCKETS];
};

/// The three lowest bytes of a word, hashed.
static inline uint32_t hash_of_three(uint32_t word, int bits) { return ((word << 8) * MULTIPLIER) >> (32 - bits); }

static inline uint32_t class_of(uint32_t byte) { return byte & 15; }

/// Sets the bits of the places below `count` at which the first four bytes may be a string's, or the first three those of a string
/// that has no fourth. The sets, a bit for each place, are empty before.
void hx_four_places(const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint32_t *sets);
void hx_three_places(const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint32_t *sets);

/// Writes the numbers below `count` whose bits are set, in order, and returns how many they are. Up to 32 numbers more are written.
size_t hx_members(const uint32_t *sets, size_t count, uint16_t *numbers);
