/* lanes.c - which loops to run on this machine: see lanes.h and sheaf/kernels.h */
#include "kernel/lanes.h"
#include <sheaf/kernels.h>

#if defined(__x86_64__)
const struct sheaf_lanes *sheaf_lanes_for(enum sheaf_isa isa)
{
    static const struct sheaf_lanes *const lanes[] = {
        [SHEAF_ISA_SCALAR] = &sheaf_lanes_portable,
        [SHEAF_ISA_AVX2] = &sheaf_lanes_avx2,
        [SHEAF_ISA_AVX512] = &sheaf_lanes_avx512,
    };

    return lanes[isa];
}
#else
const struct sheaf_lanes *sheaf_lanes_for(enum sheaf_isa isa)
{
    (void)isa;
    return &sheaf_lanes_portable;
}
#endif

/* Threads that come here together find the same, so order does not matter. */
const struct sheaf_lanes *sheaf_lanes_here(void)
{
    static const struct sheaf_lanes *chosen;
    const struct sheaf_lanes *known = __atomic_load_n(&chosen, __ATOMIC_RELAXED);

    if (!known) {
        known = sheaf_lanes_for(sheaf_cpu_isa());
        __atomic_store_n(&chosen, known, __ATOMIC_RELAXED);
    }
    return known;
}

double sheaf_sum_f64(const double *x, size_t n)
{
    return sheaf_lanes_here()->sum_f64(x, n);
}

double sheaf_sum_squares_f64(const double *x, size_t n, double centre)
{
    return sheaf_lanes_here()->sum_squares_f64(x, n, centre);
}

double sheaf_dot_f64(const double *x, const double *y, size_t n)
{
    return sheaf_lanes_here()->dot_f64(x, y, n);
}

sheaf_int128 sheaf_sum_i64(const int64_t *x, size_t n)
{
    return sheaf_lanes_here()->sum_i64(x, n);
}

double sheaf_min_f64(const double *x, size_t n)
{
    return sheaf_lanes_here()->min_f64(x, n);
}

double sheaf_max_f64(const double *x, size_t n)
{
    return sheaf_lanes_here()->max_f64(x, n);
}

int64_t sheaf_min_i64(const int64_t *x, size_t n)
{
    return sheaf_lanes_here()->min_i64(x, n);
}

int64_t sheaf_max_i64(const int64_t *x, size_t n)
{
    return sheaf_lanes_here()->max_i64(x, n);
}
