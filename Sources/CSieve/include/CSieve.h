#pragma once

#include <stddef.h>
#include <stdint.h>

/// What the detector does at every byte of a text: most of the work on text that holds nothing. In C for the vector instructions, which
/// look at many places at once; where the processor lacks them, the same is found one by one.

/// A set of short strings, and the places of a text at which one of them begins.
///
/// A place is looked up twice. First by the three or four bytes from it on, in tables that let some wrong places pass since they hold
/// hashes and unions; there, bit 5 of each byte may count as set, so that letters are the same in both cases. What passes is compared
/// with what all strings of the same hash have in common, up to eight bytes. Every place is written down and counted only if it
/// passes: a processor that had to guess which do would be wrong too often.
struct hx_sieve;

enum {
    /// Places that hx_sieve_places() looks at in one call, at most.
    HX_SIEVE_BLOCK = 4096,
    /// Finds that one call may write.
    HX_SIEVE_ROOM = 2 * HX_SIEVE_BLOCK,
    /// Buckets are numbered from 0 to below this.
    HX_SIEVE_BUCKETS = (1 << 13) + (1 << 11),
};

/// A place at which strings of one bucket may begin.
struct hx_find {
    /// Bytes from the start of the block.
    uint16_t offset;
    uint16_t bucket;
};

/// An empty set, or NULL for want of memory. hx_sieve_free() frees it.
struct hx_sieve *hx_sieve_make(void);
void hx_sieve_free(struct hx_sieve *sieve);

/// Adds a string, the first byte in the lowest bits, of which the bits in `mask` count: all bits of its first three or, with `fourth`,
/// four bytes but perhaps bit 5, and any of the bytes after them. Returns its bucket: strings that begin in the same way share one.
uint16_t hx_sieve_add(struct hx_sieve *sieve, uint64_t string, uint64_t mask, int fourth);

/// Writes, in order, the places below `count` at which a string of the set may begin, and returns how many they are; of one place,
/// the bucket of strings with a fourth byte comes first. `length` bytes can be read from `text`; beyond them zeros are read. `count` is
/// at most HX_SIEVE_BLOCK and at most `length`; `finds` has HX_SIEVE_ROOM elements.
size_t hx_sieve_places(const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, struct hx_find *finds);

/// Where the first 16 bytes begin, a multiple of 16 from the start of the text and at least `from`, that are all letters, digits, `_`,
/// `-` or `.`; `length` if there are none.
size_t hx_solid_place(const uint8_t *text, size_t from, size_t length);
