#pragma once

#include <stddef.h>
#include <stdint.h>

/// A set of strings of three and four bytes, and the places of a text at which one of them begins.
///
/// In C for the vector instructions: a lookup at every byte of a text is most of the work on text that holds nothing, and sixteen
/// lookups at once take a third of the time. Bytes are folded: bit 5 of each counts as set, so that letters are the same in both
/// cases. The set answers yes for some strings that were never added.

enum {
    HX_SIEVE_BITS = 15,
    /// Places that hx_sieve_places() may write beyond those it counts.
    HX_SIEVE_SLACK = 16,
};

struct hx_sieve {
    /// By a hash of three bytes: a bit for each class of the fourth. One slot more, since a vector reads four bytes at each.
    uint16_t slots[(1 << HX_SIEVE_BITS) + 1];
};

/// Adds the first three or, with `fourth`, four bytes of `gram`, the first in the lowest bits.
void hx_sieve_add(struct hx_sieve *sieve, uint32_t gram, int fourth);

/// Writes, in order, the places below `count` at which a string of the set may begin, and returns how many they are. `length` bytes
/// can be read from `text`; places that have fewer than four bytes before that end are written in any case. `count` is at most
/// 65,536 and at most `length`; `places` has room for `count` + HX_SIEVE_SLACK.
size_t hx_sieve_places(const struct hx_sieve *sieve, const uint8_t *text, size_t length, size_t count, uint16_t *places);
