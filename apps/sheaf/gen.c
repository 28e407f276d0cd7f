/* gen.c - the datasets that can be made, and the ones that are mostly numbers: see gen.h */
#include <pthread.h>
#include <string.h>

#include "gen.h"
#include "gen_put.h"
#include "gen_random.h"
#include "gen_tables.h"

const struct gen_dataset sheaf_gen_datasets[] = {
    {"1brc", "station;t: 413 stations, temperatures of one decimal (One Billion Row Challenge)",
     "station;t\n", true, 262144, gen_1brc},
    {"h2o", "nine columns to group by: three texts, three integers, three values (db-benchmark)",
     "id1,id2,id3,id4,id5,id6,v1,v2,v3\n", false, 65536, gen_h2o},
    {"taxi", "19 columns: times, money, quoted text with commas, quotes, newlines; missing values",
     GEN_TAXI_HEADER, false, 32768, gen_taxi},
    {"numbers", "20 columns of normally distributed numbers with six decimals",
     "x1,x2,x3,x4,x5,x6,x7,x8,x9,x10,x11,x12,x13,x14,x15,x16,x17,x18,x19,x20\n", false, 16384,
     gen_numbers},
    {"nasty", "everything odd that csv allows, and two things it does not but everyone reads",
     GEN_NASTY_HEADER, false, 16384, gen_nasty},
    {NULL, NULL, NULL, false, 0, NULL},
};

const struct gen_dataset *sheaf_gen_find(const char *name)
{
    for (const struct gen_dataset *dataset = sheaf_gen_datasets; dataset->name; dataset++)
        if (strcmp(dataset->name, name) == 0)
            return dataset;
    return NULL;
}

/* -- 1brc ---------------------------------------------------------------------------------- */

#define STATIONS 413

/* Names of places that are not: 20 beginnings times 20 endings, and 13 that are longer, shorter or
 * of several words. */
static const char *const beginnings[20] = {"Alder",      "Brox",
                                           "Cald",       "Dun",
                                           "Esk",        "Fair",
                                           "Gold",       "Hazel",
                                           "Iver",       "Kings",
                                           "Lang",       "Mar",
                                           "N\xC3\xB8r", "Oak",
                                           "Pen",        "Queens",
                                           "Rav",        "S\xC3\xBC\xC3\x9F",
                                           "Thorn",      "\xC5\x81\xC4\x99"};
static const char *const endings[20] = {
    "by",          "dale", "den",  "feld", "ford", "gate", "ham",     "holm", "ley", "low",
    "m\xC3\xA5la", "ness", "over", "port", "rup",  "stad", "thwaite", "ton",  "vik", "wick"};
static const char *const others[13] = {"Ayr",
                                       "Uig",
                                       "\xC3\x85re",
                                       "Saint Brendan on the Moor",
                                       "Port-aux-Bouleaux",
                                       "Upper Thistle Crossing",
                                       "\xE6\x9D\xB1\xE6\xA3\xAE",
                                       "\xCE\x91\xCE\xBA\xCF\x84\xCE\xAE",
                                       "\xD0\xAF\xD1\x80\xD1\x81\xD0\xBA",
                                       "Ciudad del Viento",
                                       "Nueva Pe\xC3\xB1"
                                       "a Blanca",
                                       "Two Rivers",
                                       "Qal\xCA\xBB"
                                       "at al-Bahr"};

static struct station {
    char name[27]; /* with its semicolon */
    uint8_t size;
    int32_t mean; /* tenths of a degree */
} stations[STATIONS];
static pthread_once_t named = PTHREAD_ONCE_INIT;

static void name_stations(void)
{
    for (uint32_t i = 0; i < STATIONS; i++) {
        char *to = stations[i].name;
        if (i < 400) {
            to = put_bytes(to, beginnings[i % 20], strlen(beginnings[i % 20]));
            to = put_bytes(to, endings[i / 20], strlen(endings[i / 20]));
        } else {
            to = put_bytes(to, others[i - 400], strlen(others[i - 400]));
        }
        *to++ = ';';
        stations[i].size = (uint8_t)(to - stations[i].name);
        stations[i].mean = (int32_t)gen_below(gen_mix(i + 1), 450) - 120; /* -12.0 to 32.9 */
    }
}

/* mean + 10 degrees times a normal number, rounded to a tenth. */
static int64_t temperature(int32_t mean, uint64_t draw)
{
    int64_t shift = gen_normal(draw) * 100; /* tenths, times GEN_NORMAL_ONE */
    int64_t half = GEN_NORMAL_ONE / 2;
    int64_t tenths = mean + (shift + (shift < 0 ? -half : half)) / GEN_NORMAL_ONE;

    return tenths > 999 ? 999 : tenths < -999 ? -999 : tenths;
}

void gen_1brc(uint64_t seed, uint64_t first_row, size_t rows, struct gen_buffer *out)
{
    pthread_once(&named, name_stations);
    if (!gen_buffer_reserve(out, rows * (sizeof stations[0].name + 8)))
        return;
    char *to = out->bytes + out->size;
    for (uint64_t row = first_row; row < first_row + rows; row++) {
        struct gen_draws draws = gen_draws_of(seed, row);
        uint64_t draw = gen_draw(&draws);
        const struct station *station = stations + gen_below(draw, STATIONS);
        memcpy(to, station->name, sizeof station->name); /* all of it: one copy of a fixed size */
        to = put_fixed(to + station->size, temperature(station->mean, draw), 10, 1);
        *to++ = '\n';
    }
    out->size = (size_t)(to - out->bytes);
}

/* -- h2o ----------------------------------------------------------------------------------- */

static char *put_id(char *to, uint64_t value, int width)
{
    to = put_bytes(to, "id", 2);
    to = put_padded(to, value, width);
    *to++ = ',';
    return to;
}

static char *put_value(char *to, uint64_t value)
{
    to = put_number(to, value);
    *to++ = ',';
    return to;
}

void gen_h2o(uint64_t seed, uint64_t first_row, size_t rows, struct gen_buffer *out)
{
    if (!gen_buffer_reserve(out, rows * 80))
        return;
    char *to = out->bytes + out->size;
    for (uint64_t row = first_row; row < first_row + rows; row++) {
        struct gen_draws draws = gen_draws_of(seed, row);
        to = put_id(to, 1 + gen_below(gen_draw(&draws), 100), 3);
        to = put_id(to, 1 + gen_below(gen_draw(&draws), 100), 3);
        to = put_id(to, 1 + gen_below(gen_draw(&draws), 100000), 10);
        to = put_value(to, 1 + gen_below(gen_draw(&draws), 100));
        to = put_value(to, 1 + gen_below(gen_draw(&draws), 100));
        to = put_value(to, 1 + gen_below(gen_draw(&draws), 100000));
        to = put_value(to, 1 + gen_below(gen_draw(&draws), 5));
        to = put_value(to, 1 + gen_below(gen_draw(&draws), 15));
        to = put_fixed(to, gen_below(gen_draw(&draws), 100000001), 1000000, 6);
        *to++ = '\n';
    }
    out->size = (size_t)(to - out->bytes);
}

/* -- numbers ------------------------------------------------------------------------------- */

void gen_numbers(uint64_t seed, uint64_t first_row, size_t rows, struct gen_buffer *out)
{
    if (!gen_buffer_reserve(out, rows * 20 * 16))
        return;
    char *to = out->bytes + out->size;
    for (uint64_t row = first_row; row < first_row + rows; row++) {
        struct gen_draws draws = gen_draws_of(seed, row);
        for (int column = 0; column < 20; column++) {
            int64_t micro = gen_normal(gen_draw(&draws)) * 1000000000 / GEN_NORMAL_ONE;
            to = put_fixed(to, micro, 1000000, 6);
            *to++ = column < 19 ? ',' : '\n';
        }
    }
    out->size = (size_t)(to - out->bytes);
}
