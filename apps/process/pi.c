/*
 * pi.c - Monte-Carlo: how many of many random points lie in the circle?
 *
 * Each task has its own seed, so the answer is the same however many workers
 * there are, and whichever of them does what.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include <sheaf/pool.h>

enum { TASKS = 200, POINTS = 20000 };

static double next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static sheaf_status throw_points(const void *input, void *output, sheaf_error *error)
{
    uint64_t state = *(const uint64_t *)input;
    int64_t inside = 0;

    (void)error;
    for (int i = 0; i < POINTS; i++) {
        double x = next_random(&state), y = next_random(&state);
        inside += x * x + y * y < 1;
    }
    *(int64_t *)output = inside;
    return SHEAF_OK;
}

int main(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = NULL;
    uint64_t seeds[TASKS];
    int64_t inside[TASKS], sum = 0;

    for (uint64_t i = 0; i < TASKS; i++)
        seeds[i] = i * 1000003;
    sheaf_map map = {.struct_size = sizeof map,
                     .task = throw_points,
                     .inputs = seeds,
                     .input_size = sizeof *seeds,
                     .outputs = inside,
                     .output_size = sizeof *inside,
                     .count = TASKS};
    if (sheaf_pool_open(NULL, &pool, &error) != SHEAF_OK ||
        sheaf_pool_map(pool, &map, &error) != SHEAF_OK ||
        sheaf_pool_close(pool, &error) != SHEAF_OK) {
        fprintf(stderr, "pi: %s\n", error.message);
        return 1;
    }
    for (int i = 0; i < TASKS; i++)
        sum += inside[i];
    double pi = 4 * (double)sum / ((double)TASKS * POINTS);
    printf("pi is about %.6f\n", pi);
    return fabs(pi - 3.14159265) > 0.004; /* 5 standard deviations */
}
