/* gen_text.c - datasets whose text is the point of them: taxi and nasty */
#include <string.h>

#include "gen_put.h"
#include "gen_random.h"
#include "gen_tables.h"

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof(array)[0]))

/* -- taxi ---------------------------------------------------------------------------------- */

#define TAXI_ROW_MAX 400 /* bytes */
#define YEAR_SECONDS (366 * 86400)

/* As they stand in the file: plain ones, with a comma, with quotes. */
static const char *const plain_zones[] = {
    "\"Harbour East\"", "\"Old Market\"", "\"Gasworks\"",     "\"University\"", "\"Mill Hill\"",
    "\"Parkside\"",     "\"Airport\"",    "\"Canal Street\"", "\"Northfields\""};
static const char *const comma_zones[] = {"\"Bridges, South\"", "\"Bridges, North\"",
                                          "\"Docks, Pier 9\"", "\"Hill, Upper\""};
static const char *const quote_zones[] = {"\"The \"\"Circus\"\"\"", "\"\"\"Little\"\" Quay\""};
static const char *const plain_comments[] = {"ok", "cash only", "late", "no receipt", "two stops"};
static const char *const comma_comments[] = {"\"late, traffic\"", "\"bags, two\""};
static const char *const quote_comments[] = {"\"said \"\"thanks\"\"\"", "\"\"\"no tip\"\"\""};
static const char *const line_comments[] = {"\"wrong door\nwaited\"", "\"left a bag\r\nreturned\""};

static char *put_one_of(char *to, const char *const *words, uint32_t count, uint64_t draw)
{
    const char *word = words[(draw & 0xFFFFFF) % count];

    return put_bytes(to, word, strlen(word));
}

static char *put_zone(char *to, uint64_t draw)
{
    uint32_t share = gen_below(draw, 100);

    if (share < 30)
        return put_one_of(to, comma_zones, COUNT(comma_zones), draw);
    if (share < 35)
        return put_one_of(to, quote_zones, COUNT(quote_zones), draw);
    return put_one_of(to, plain_zones, COUNT(plain_zones), draw);
}

static char *put_comment(char *to, uint64_t draw)
{
    uint32_t share = gen_below(draw, 100);

    if (share < 70)
        return to;
    if (share < 92)
        return put_one_of(to, plain_comments, COUNT(plain_comments), draw);
    if (share < 96)
        return put_one_of(to, comma_comments, COUNT(comma_comments), draw);
    if (share < 98)
        return put_one_of(to, quote_comments, COUNT(quote_comments), draw);
    return put_one_of(to, line_comments, COUNT(line_comments), draw);
}

/* Seconds since 2024-01-01, up to a few days into the next year. */
static char *put_time(char *to, uint32_t second)
{
    static const uint8_t lengths[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t day = second / 86400, month = 0, year = 2024;

    if (day >= 366) {
        day -= 366;
        year++;
    }
    while (day >= lengths[month])
        day -= lengths[month++];
    to = put_number(to, year);
    *to++ = '-';
    to = put_padded(to, month + 1, 2);
    *to++ = '-';
    to = put_padded(to, day + 1, 2);
    *to++ = ' ';
    to = put_padded(to, second / 3600 % 24, 2);
    *to++ = ':';
    to = put_padded(to, second / 60 % 60, 2);
    *to++ = ':';
    return put_padded(to, second % 60, 2);
}

static char *put_cents(char *to, int64_t cents)
{
    to = put_fixed(to, cents, 100, 2);
    *to++ = ',';
    return to;
}

static char *put_taxi_trip(char *to, struct gen_draws *draws, uint32_t *hundredths)
{
    uint32_t begin = gen_below(gen_draw(draws), YEAR_SECONDS);
    uint32_t minutes = 2 + gen_below(gen_draw(draws), 60);
    uint64_t draw = gen_draw(draws);

    *hundredths = 30 + minutes * (10 + gen_below(gen_draw(draws), 50));
    *to++ = (char)('1' + (draw & 1));
    *to++ = ',';
    to = put_time(to, begin);
    *to++ = ',';
    to = put_time(to, begin + minutes * 60 + gen_below(draw, 60));
    *to++ = ',';
    if (gen_below(gen_draw(draws), 100) >= 4) /* 4 % are missing */
        *to++ = (char)('1' + (draw >> 8) % 6);
    *to++ = ',';
    to = put_cents(to, *hundredths);
    *to++ = (char)('1' + ((draw >> 16) % 20 == 0));
    *to++ = ',';
    *to++ = (draw >> 24) % 50 == 0 ? 'Y' : 'N';
    *to++ = ',';
    to = put_zone(to, gen_draw(draws));
    *to++ = ',';
    to = put_zone(to, gen_draw(draws));
    *to++ = ',';
    return to;
}

/* Payment to congestion; the total is the sum of its parts, to the cent. */
static char *put_taxi_money(char *to, struct gen_draws *draws, uint32_t hundredths)
{
    static const uint8_t extras[] = {0, 50, 100};
    uint64_t draw = gen_draw(draws);
    int64_t fare = 300 + (int64_t)hundredths * 5 / 2, extra = extras[draw % 3], tax = 50;
    int64_t tip = (draw >> 8 & 1) ? fare * (int64_t)(gen_below(draw, 30)) / 100 : 0;
    int64_t tolls = (draw >> 16) % 20 == 0 ? 655 : 0, improvement = 30;
    bool missing = gen_below(gen_draw(draws), 100) < 4;
    int64_t congestion = (draw >> 32 & 3) ? 250 : 0;

    if ((draw >> 40) % 200 == 0) /* a refund */
        fare = -fare;
    *to++ = (char)('1' + (draw >> 48) % 4);
    *to++ = ',';
    to = put_cents(to, fare);
    to = put_cents(to, extra);
    to = put_cents(to, tax);
    to = put_cents(to, tip);
    to = put_cents(to, tolls);
    to = put_cents(to, improvement);
    to = put_cents(to, fare + extra + tax + tip + tolls + improvement + (missing ? 0 : congestion));
    if (missing)
        *to++ = ',';
    else
        to = put_cents(to, congestion);
    return to;
}

void gen_taxi(uint64_t seed, uint64_t first_row, size_t rows, struct gen_buffer *out)
{
    if (!gen_buffer_reserve(out, rows * TAXI_ROW_MAX))
        return;
    char *to = out->bytes + out->size;
    for (uint64_t row = first_row; row < first_row + rows; row++) {
        struct gen_draws draws = gen_draws_of(seed, row);
        uint32_t hundredths;
        to = put_taxi_trip(to, &draws, &hundredths);
        to = put_taxi_money(to, &draws, hundredths);
        to = put_comment(to, gen_draw(&draws));
        *to++ = '\n';
    }
    out->size = (size_t)(to - out->bytes);
}

/* -- nasty --------------------------------------------------------------------------------- */

#define ODDITY(literal)              \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static const struct {
    const char *bytes;
    size_t size;
} oddities[] = {
    ODDITY("plain"),
    ODDITY("\"comma, inside\""),
    ODDITY("\"she said \"\"no\"\"\""),
    ODDITY("\"two\nlines\""),
    ODDITY("\"two\r\nlines\""),
    ODDITY("\"carriage\rreturn\""),
    ODDITY("\"\""),
    ODDITY("  blanks around\t"),
    ODDITY("\" blanks \""),
    ODDITY("5\" pipe"),             /* a quote in an unquoted field: read as it stands */
    ODDITY("\"closed\" too early"), /* text behind a closing quote: joined to the field */
    ODDITY("\"zero\0byte\""),
    ODDITY("na\xC3\xAFve \xE6\x9D\xB1\xE4\xBA\xAC \xF0\x9F\x8E\xB2 e\xCC\x81"),
    ODDITY("\"\"\"\"\"\""),
    ODDITY("\"\n\""),
    ODDITY("\",\""),
    ODDITY("007"),
    ODDITY("1e5"),
    ODDITY("NaN"),
    ODDITY("2024-02-30"),
    ODDITY("#hash"),
    ODDITY("=1+1"),
    ODDITY("\\n \\\" \\"),
    ODDITY("'single'"),
    ODDITY(""),
};

/* A field that is longer than many a buffer. */
static void append_long(struct gen_buffer *out, uint64_t draw)
{
    static const char part[] = "long \"\"field\"\", with\nlines; ";
    uint32_t repeats = 50 + gen_below(draw, 700);

    gen_buffer_char(out, '"');
    for (uint32_t i = 0; i < repeats; i++)
        gen_buffer_bytes(out, part, sizeof part - 1);
    gen_buffer_char(out, '"');
}

static void append_odd(struct gen_buffer *out, uint64_t draw)
{
    uint32_t which = gen_below(draw, COUNT(oddities));

    if ((draw & 0xFFF) == 0)
        append_long(out, draw);
    else
        gen_buffer_bytes(out, oddities[which].bytes, oddities[which].size);
}

static void append_line_end(struct gen_buffer *out, uint64_t draw)
{
    uint32_t share = gen_below(draw, 100);

    gen_buffer_text(out, share < 55 ? "\n" : share < 95 ? "\r\n" : "\r");
    if ((draw & 0xFF) < 4) /* an empty line, which is no record */
        gen_buffer_text(out, "\n");
}

void gen_nasty(uint64_t seed, uint64_t first_row, size_t rows, struct gen_buffer *out)
{
    static const char *const lasts[] = {"true", "false", "\"true\"", ""};

    for (uint64_t row = first_row; row < first_row + rows && !out->failed; row++) {
        struct gen_draws draws = gen_draws_of(seed, row);
        char number[32], *to = number;
        uint64_t draw = gen_draw(&draws);
        /* Numbers, some in quotes, some missing. */
        if (draw & 1)
            *to++ = '"';
        if (draw & 15)
            to = put_fixed(to, (int64_t)gen_below(draw, 2000000) - 1000000, 100, 2);
        else if (draw & 1)
            to = put_bytes(to, "0", 1);
        if (draw & 1)
            *to++ = '"';
        to = put_bytes(to, ",", 1);
        char id[24];
        char *id_end = put_number(id, row + 1);
        gen_buffer_bytes(out, id, (size_t)(id_end - id));
        gen_buffer_char(out, ',');
        append_odd(out, gen_draw(&draws));
        gen_buffer_char(out, ',');
        gen_buffer_bytes(out, number, (size_t)(to - number));
        append_odd(out, gen_draw(&draws));
        gen_buffer_char(out, ',');
        draw = gen_draw(&draws);
        gen_buffer_text(out, lasts[draw >> 60 & 3]);
        append_line_end(out, gen_draw(&draws));
    }
}
