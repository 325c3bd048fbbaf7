#pragma once

// The vector instructions that this module uses where the processor has them.

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTORS "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi2"

static inline int has_vectors(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2");
}
#endif
