/*
 * gen_random.c - normally distributed numbers from a table of quantiles
 *
 * The table is computed with additions, multiplications and divisions of doubles only, which every
 * machine rounds alike, so that all of them make the same data.
 */
#include <pthread.h>
#include <stddef.h>

#include "gen_random.h"

#define HALF  32768        /* quantiles on each side of the middle */
#define STEP  (1.0 / 2048) /* of the integral */
#define STEPS (5 * 2048)   /* up to 5 deviations: beyond are 3 of 10 million values */

static int32_t quantiles[2 * HALF + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* e^-x for a small x: the series has converged after few terms. */
static double small_exponential(double x)
{
    double sum = 1, term = 1;

    for (int k = 1; k < 12; k++) {
        term *= -x / k;
        sum += term;
    }
    return sum;
}

/*
 * Integrate the density from the middle outwards and note where it passes each quantile.  The
 * density of the next step is that of the last times a ratio which shrinks by the same factor
 * each time: exp(-(x + s)^2 / 2) = exp(-x^2 / 2) * exp(-x s - s^2 / 2).
 */
static void fill_quantiles(void)
{
    const double shrink = small_exponential(STEP * STEP);
    double ratio = small_exponential(STEP * STEP / 2), density = 0.3989422804014327, mass = 0;
    int next = 1;

    for (int k = 0; k < STEPS; k++) {
        double after = density * ratio;
        double slice = (density + after) / 2 * STEP;
        for (; next < HALF && next / (2.0 * HALF) <= mass + slice; next++) {
            double x = STEP * (k + (next / (2.0 * HALF) - mass) / slice);
            quantiles[HALF + next] = (int32_t)(x * (double)GEN_NORMAL_ONE);
            quantiles[HALF - next] = -quantiles[HALF + next];
        }
        mass += slice;
        density = after;
        ratio *= shrink;
    }
    for (; next <= HALF; next++) {
        quantiles[HALF + next] = (int32_t)(5 * GEN_NORMAL_ONE - GEN_NORMAL_ONE / 4);
        quantiles[HALF - next] = -quantiles[HALF + next];
    }
}

int64_t gen_normal(uint64_t draw)
{
    pthread_once(&once, fill_quantiles);
    size_t place = draw >> 16 & 0xFFFF;
    int64_t low = quantiles[place], high = quantiles[place + 1];
    return low + ((high - low) * (int64_t)(draw & 0xFFFF) + 32768) / 65536;
}
