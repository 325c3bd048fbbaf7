#pragma once

#include <stddef.h>

/// A file of this target's `data` folder, compiled into the program. `bytes` has `size` bytes and no terminator.
struct hx_embedded_file {
    const char *name;
    const unsigned char *bytes;
    size_t size;
};

/// The file of that name (its path below `data`), or NULL.
const struct hx_embedded_file *hx_embedded_file(const char *name);
