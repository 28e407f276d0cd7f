/* sniff.c - the delimiter of a file and whether it has a header: see sniff.h */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "input/sniff.h"

enum { RECORDS = 1000, CELLS = 100 }; /* so many are looked at */

static const char candidates[] = {',', '\t', ';', '|'};
enum { CANDIDATES = sizeof candidates };

/* What the sample looks like when it is read with one of the candidates. */
struct reading {
    size_t records;
    uint32_t width; /* of most records */
    double share;   /* of the records that have it */
    double quality; /* how much the fields look like values, 0 to 1 */
    bool first;     /* the first record has it too */
    double score;   /* 0: not a delimiter here */
};

/* -- fields ---------------------------------------------------------------------------------- */

static bool is_typed(const char *bytes, size_t size)
{
    struct sheaf_evidence evidence = {0};

    sheaf_evidence_add(&evidence, bytes, size, false);
    return sheaf_evidence_kind(&evidence).type != SHEAF_TEXT;
}

/* "1,5" is a number where people write so: then the comma is no delimiter. */
static bool is_comma_number(const char *bytes, size_t size)
{
    char copy[32];
    const char *comma = size > 0 && size < sizeof copy ? memchr(bytes, ',', size) : NULL;

    if (!comma)
        return false;
    memcpy(copy, bytes, size);
    copy[comma - bytes] = '.';
    return is_typed(copy, size);
}

static bool holds_candidate(const char *bytes, size_t size)
{
    for (size_t i = 0; i < CANDIDATES; i++)
        if (memchr(bytes, candidates[i], size))
            return true;
    return false;
}

/* A field in which another delimiter stands was probably cut in the wrong places. */
static double field_quality(const struct sheaf_dialect *dialect, const char *bytes, size_t size)
{
    if (size == 0 || is_typed(bytes, size) || is_comma_number(bytes, size))
        return 1;
    if (dialect->has_quote && (unsigned char)bytes[0] == dialect->quote)
        return 1;
    return holds_candidate(bytes, size) ? 0.5 : 0.95;
}

static double record_quality(const struct sheaf_dialect *dialect,
                             const struct sheaf_records *records, size_t r)
{
    uint32_t fields = records->fields[r] < CELLS ? records->fields[r] : CELLS;
    double sum = 0;

    for (uint32_t c = 0; c < fields; c++) {
        uint32_t begin = sheaf_field_begin(records, r, c);
        sum +=
            field_quality(dialect, records->bytes + begin, sheaf_field_end(records, r, c) - begin);
    }
    return sum / fields;
}

/* -- records --------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* The width that most records have; of several the largest. */
static uint32_t common_width(const uint32_t *widths, size_t count, size_t *times)
{
    uint32_t sorted[RECORDS], width = 0;

    memcpy(sorted, widths, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_value);
    *times = 0;
    for (size_t i = 0, run = 0; i < count; i++) {
        run = i > 0 && sorted[i] == sorted[i - 1] ? run + 1 : 1;
        if (run >= *times) {
            *times = run;
            width = sorted[i];
        }
    }
    return width;
}

static void judge(const struct sheaf_dialect *dialect, const struct sheaf_records *records,
                  struct reading *reading)
{
    size_t times, good = 0;
    double quality = 0;

    reading->records = records->count;
    reading->width = common_width(records->fields, records->count, &times);
    reading->share = (double)times / (double)records->count;
    reading->first = records->fields[0] == reading->width;
    for (size_t r = 0; r < records->count; r++)
        if (records->fields[r] == reading->width) {
            quality += record_quality(dialect, records, r);
            good++;
        }
    reading->quality = quality / (double)good;
    reading->score = reading->share * reading->quality * (reading->first ? 1 : 0.8);
}

/* Read the sample with this delimiter.  That it ends inside a record or a quote is no matter. */
static sheaf_status try_delimiter(const struct sheaf_dialect *dialect, const char *bytes,
                                  size_t size, bool whole, struct reading *reading,
                                  sheaf_error *error)
{
    struct sheaf_lexer lexer;
    struct sheaf_records records;
    size_t most = RECORDS;

    *reading = (struct reading){0};
    SHEAF_TRY(sheaf_lexer_init(&lexer, dialect, error));
    /* A last record that is cut short makes the lexer ask for more: then ask for fewer records. */
    for (; most > 0; most /= 2) {
        sheaf_lexer_start(&lexer, bytes, size, size, whole);
        sheaf_status status = sheaf_lexer_next(&lexer, most, &records, NULL);
        if (status != SHEAF_OK || lexer.needs_more)
            continue;
        if (records.count > 0)
            judge(dialect, &records, reading);
        break;
    }
    sheaf_lexer_destroy(&lexer);
    return SHEAF_OK;
}

/* -- the choice ------------------------------------------------------------------------------ */

static sheaf_status not_found(const char *path, const char *why, sheaf_error *error)
{
    sheaf_error_set(error, SHEAF_BAD_DATA, "%s: cannot tell the delimiter: %s (E410)", path, why);
    sheaf_error_help(error, "Say it: -d ',' or -d ';' or -d '|' or -d tab");
    if (error)
        error->code = 410;
    return SHEAF_BAD_DATA;
}

/* No candidate makes columns: every line is one field, if there is a delimiter that cuts none. */
static sheaf_status one_column(const char *path, const char *bytes, size_t size,
                               struct sheaf_dialect *dialect, sheaf_error *error)
{
    for (size_t i = 0; i < CANDIDATES; i++)
        if (!memchr(bytes, candidates[i], size)) {
            dialect->delimiter = (unsigned char)candidates[i];
            return SHEAF_OK;
        }
    return not_found(path, "all of , ; | and tab occur, none makes columns of equal number", error);
}

static const char *delimiter_name(char delimiter)
{
    switch (delimiter) {
    case ',':
        return "','";
    case ';':
        return "';'";
    case '|':
        return "'|'";
    default:
        return "tab";
    }
}

static sheaf_status choose(const char *path, const char *bytes, size_t size,
                           const struct reading *readings, struct sheaf_dialect *dialect,
                           sheaf_error *error)
{
    int best = -1, second = -1;
    char why[64] = "";

    for (int i = 0; i < CANDIDATES; i++) {
        if (readings[i].width < 2)
            continue;
        if (best < 0 || readings[i].score > readings[best].score) {
            second = best;
            best = i;
        } else if (second < 0 || readings[i].score > readings[second].score) {
            second = i;
        }
    }
    if (best < 0)
        return one_column(path, bytes, size, dialect, error);
    if (readings[best].share < 0.5)
        return not_found(path, "no candidate makes columns of equal number", error);
    if (second >= 0 && readings[second].score > 0.98 * readings[best].score) {
        strcat(strcat(strcat(why, delimiter_name(candidates[best])), " and "),
               delimiter_name(candidates[second]));
        return not_found(path, strcat(why, " fit equally well"), error);
    }
    dialect->delimiter = (unsigned char)candidates[best];
    return SHEAF_OK;
}

/* A byte that the options gave another meaning is no candidate. */
static bool is_taken(const struct sheaf_dialect *dialect, char candidate)
{
    unsigned char byte = (unsigned char)candidate;

    return (dialect->has_quote && dialect->quote == byte) ||
           (dialect->has_escape && dialect->escape == byte) ||
           (dialect->has_comment && dialect->comment == byte);
}

sheaf_status sheaf_sniff_delimiter(const char *path, const char *bytes, size_t size, bool whole,
                                   struct sheaf_dialect *dialect, sheaf_error *error)
{
    struct reading readings[CANDIDATES];
    struct sheaf_dialect trial = *dialect;

    trial.reading = SHEAF_LENIENT;
    for (size_t i = 0; i < CANDIDATES; i++) {
        readings[i] = (struct reading){0};
        trial.delimiter = (unsigned char)candidates[i];
        if (!is_taken(dialect, candidates[i]))
            SHEAF_TRY(try_delimiter(&trial, bytes, size, whole, &readings[i], error));
    }
    return choose(path, bytes, size, readings, dialect, error);
}

/* -- the header ------------------------------------------------------------------------------ */

static bool is_plausible_name(const char *cell)
{
    return *cell && strlen(cell) <= 64 && !strpbrk(cell, "\r\n");
}

bool sheaf_sniff_header(const char *const *cells, size_t count, const struct sheaf_evidence *below,
                        bool repeated)
{
    bool typed_below = false, any = false, plausible = true, rows = false;

    for (size_t c = 0; c < count; c++) {
        bool typed = below[c].values > 0 && sheaf_evidence_kind(&below[c]).type != SHEAF_TEXT;
        rows |= below[c].values + below[c].missing > 0;
        if (*cells[c] && is_typed(cells[c], strlen(cells[c])))
            return false; /* a number or a date is a value */
        any |= *cells[c] != '\0';
        typed_below |= typed && *cells[c];
        plausible &= is_plausible_name(cells[c]);
    }
    if (!any)
        return false;
    if (!rows || typed_below)
        return true;
    return count > 1 && plausible && !repeated;
}
