/*
 * gen_random.h - random numbers that are a function of where they are used
 *
 * A draw is a hash of seed, row and a counter inside the row: there is no state to
 * carry from row to row, so a block can begin anywhere.
 */
#ifndef SHEAF_APP_GEN_RANDOM_H
#define SHEAF_APP_GEN_RANDOM_H

#include <stdint.h>

/* The draws of one row. */
struct gen_draws {
    uint64_t at;
};

static inline uint64_t gen_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* 64 draws at most, or rows would share them. */
static inline struct gen_draws gen_draws_of(uint64_t seed, uint64_t row)
{
    return (struct gen_draws){gen_mix(seed + 0x9E3779B97F4A7C15u) + row * 64 * 0x9E3779B97F4A7C15u};
}

static inline uint64_t gen_draw(struct gen_draws *draws)
{
    return gen_mix(draws->at += 0x9E3779B97F4A7C15u);
}

/* 0 to limit - 1, from the upper half of a draw. */
static inline uint32_t gen_below(uint64_t draw, uint32_t limit)
{
    return (uint32_t)((draw >> 32) * limit >> 32);
}

#define GEN_NORMAL_ONE ((int64_t)1 << 26)

/* From the lower half of a draw: N(0, 1) times GEN_NORMAL_ONE. */
int64_t gen_normal(uint64_t draw);

#endif
