#pragma once

#include <stddef.h>
#include <stdint.h>

/// A set of strings of three and four bytes, and the places of a text at which one of them begins.
///
/// In C for the vector instructions: a lookup at every byte of a text is most of the work on text that holds nothing, and sixteen
/// lookups at once take a third of the time. Bytes are folded: bit 5 of each counts as set, so that letters are the same in both
/// cases. The set answers yes for some strings that were never added.

struct hx_sieve;

enum {
    /// Places that hx_sieve_places() may write beyond those it counts.
    HX_SIEVE_SLACK = 16,
};

/// An empty set, or NULL for want of memory. hx_sieve_free() frees it.
struct hx_sieve *hx_sieve_make(void);
void hx_sieve_free(struct hx_sieve *sieve);

/// Adds the first three or, with `fourth`, four bytes of `gram`, the first in the lowest bits.
void hx_sieve_add(struct hx_sieve *sieve, uint32_t gram, int fourth);

/// Writes, in order, the places below `count` at which a string of the set may begin, and returns how many they are. `length` bytes
/// can be read from `text`; places that have fewer than four bytes before that end are written in any case. `count` is at most
/// 65,536 and at most `length`; `places` has room for `count` + HX_SIEVE_SLACK.
size_t hx_sieve_places(const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint16_t *places);
