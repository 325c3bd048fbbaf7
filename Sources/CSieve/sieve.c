#include "set.h"

#include <stdlib.h>
#include <string.h>

#define FOUR_BITS 13
#define THREE_BITS 11

struct hx_sieve *hx_sieve_make(void)
{
    struct hx_sieve *sieve = calloc(1, sizeof(struct hx_sieve));
    // No text has a bit outside the mask.
    for (size_t number = 0; sieve && number < HX_SIEVE_BUCKETS; number++) sieve->buckets[number].value = 1;
    return sieve;
}

void hx_sieve_free(struct hx_sieve *sieve) { free(sieve); }

static uint32_t four_bucket(uint32_t word) { return (word * MULTIPLIER) >> (32 - FOUR_BITS); }

static uint32_t three_bucket(uint32_t word) { return (1u << FOUR_BITS) + hash_of_three(word, THREE_BITS); }

static void add_four(struct hx_sieve *sieve, uint32_t gram)
{
    sieve->slots[hash_of_three(gram >> 8, SLOT_BITS)] |= 1u << class_of(gram);
    sieve->slots[hash_of_three(gram, SLOT_BITS)] |= 1u << (16 + class_of(gram >> 24));
}

/// How much more a group has at one place with a string's byte there; letters stand in texts more often than other bytes.
static uint32_t added_weight(const struct hx_sieve *sieve, unsigned byte, int place, int group)
{
    if (sieve->groups[place][byte] >> group & 1) return 0;
    return (uint8_t)((byte | 32) - 'a') < 26 || byte == ' ' ? 8 : 1;
}

/// Adds the first three bytes of a string to the group that then lets the least more pass.
static void add_three(struct hx_sieve *sieve, uint64_t string, uint64_t mask)
{
    // Each byte as it is, and with the bit that does not count.
    unsigned bytes[3][2];
    for (int place = 0; place < 3; place++) {
        bytes[place][0] = string >> 8 * place & 127;
        bytes[place][1] = bytes[place][0] | (~mask >> 8 * place & 127);
    }
    int best = 0;
    uint64_t least = UINT64_MAX;
    for (int group = 0; group < GROUPS; group++) {
        uint64_t before = 1, after = 1;
        for (int place = 0; place < 3; place++) {
            uint32_t added = added_weight(sieve, bytes[place][0], place, group);
            if (bytes[place][1] != bytes[place][0]) added += added_weight(sieve, bytes[place][1], place, group);
            before *= sieve->weights[group][place];
            after *= sieve->weights[group][place] + added;
        }
        if (after - before < least) {
            least = after - before;
            best = group;
        }
    }
    for (int place = 0; place < 3; place++) {
        for (int form = 0; form < 2; form++) {
            sieve->weights[best][place] += added_weight(sieve, bytes[place][form], place, best);
            sieve->groups[place][bytes[place][form]] |= (uint16_t)(1u << best);
            sieve->groups[place][bytes[place][form] + 128] |= (uint16_t)(1u << best);
        }
    }
}

uint16_t hx_sieve_add(struct hx_sieve *sieve, uint64_t string, uint64_t mask, int fourth)
{
    uint32_t gram = (uint32_t)string | FOLDED;
    if (fourth) {
        add_four(sieve, gram);
    } else {
        add_three(sieve, string, mask);
    }
    uint32_t number = fourth ? four_bucket(gram) : three_bucket(gram);
    struct bucket *bucket = &sieve->buckets[number];
    int is_first = (bucket->value & ~bucket->mask) != 0;
    bucket->mask = is_first ? mask : bucket->mask & mask & ~(bucket->value ^ string);
    bucket->value = string & bucket->mask;
    return (uint16_t)number;
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

/// Writes the finds among the places whose bits are set, and returns how many they are.
static size_t confirmed(
    const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, const uint32_t *sets,
    uint32_t (*bucket_of)(uint32_t), struct hx_find *finds)
{
    // A vector of places is written at once.
    uint16_t places[HX_SIEVE_BLOCK + 32];
    size_t passed = hx_members(sets, count, places), found = 0;
    for (size_t number = 0; number < passed; number++) {
        uint64_t bytes = eight_bytes(text, places[number], length);
        uint32_t bucket = bucket_of((uint32_t)bytes | FOLDED);
        finds[found] = (struct hx_find){places[number], (uint16_t)bucket};
        found += (bytes & sieve->buckets[bucket].mask) == sieve->buckets[bucket].value;
    }
    return found;
}

size_t hx_sieve_places(const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, struct hx_find *finds)
{
    uint32_t sets[2][HX_SIEVE_BLOCK / 32] = {{0}};
    hx_four_places(sieve, text, length, count, sets[0]);
    hx_three_places(sieve, text, length, count, sets[1]);
    // Past the last come those that end the merging.
    struct hx_find fours[HX_SIEVE_BLOCK + 1], threes[HX_SIEVE_BLOCK + 1];
    size_t four_count = confirmed(sieve, text, length, count, sets[0], four_bucket, fours);
    size_t three_count = confirmed(sieve, text, length, count, sets[1], three_bucket, threes);
    fours[four_count].offset = threes[three_count].offset = UINT16_MAX;
    const struct hx_find *four = fours, *three = threes;
    for (size_t number = 0; number < four_count + three_count; number++) {
        int is_four = four->offset <= three->offset;
        finds[number] = is_four ? *four : *three;
        four += is_four;
        three += !is_four;
    }
    return four_count + three_count;
}

