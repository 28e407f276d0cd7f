/* numbers.c - what is read is what was written: numbers from text, and back */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column/columns.h"
#include "column/format.h"
#include "column/parse.h"
#include "column/powers.h"
#include "column/shortest.h"
#include "column/value.h"
#include "unit.h"

enum { GUARD = 64, FIELDS = 4096 };

/* Fields one behind the other, with a separator between them, as a lexer would leave them. */
struct fields {
    char *bytes;
    size_t size, capacity, count;
    uint32_t begin[FIELDS], end[FIELDS];
};

static void fields_open(struct fields *fields)
{
    fields->capacity = 1 << 20;
    fields->bytes = calloc(1, fields->capacity + 2 * GUARD);
    memset(fields->bytes, ',', fields->capacity + 2 * GUARD);
    fields->size = GUARD;
    fields->count = 0;
}

static void fields_add(struct fields *fields, const char *text, size_t size)
{
    fields->begin[fields->count] = (uint32_t)fields->size;
    memcpy(fields->bytes + fields->size, text, size);
    fields->size += size;
    fields->end[fields->count++] = (uint32_t)fields->size;
    fields->bytes[fields->size++] = fields->count % 3 ? ',' : '\n';
}

static double from_bits(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t to_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool parse_f64(const char *text, double *value)
{
    return sheaf_parse_value((sheaf_kind){SHEAF_F64, 0}, text, strlen(text), value);
}

/* Says what differs, so that a failure among millions can be repeated. */
static bool agrees_with_strtod(const char *text)
{
    double expected = strtod(text, NULL), value = 42;
    bool good = parse_f64(text, &value);

    if (isinf(expected) ? !good : good && to_bits(value) == to_bits(expected))
        return true;
    printf("\n%s: strtod %a, here %a (%s)\n", text, expected, value, good ? "read" : "refused");
    return false;
}

static void doubles_are_rounded_as_strtod_does(void)
{
    static const char *const hard[] = {
        "0",
        "-0",
        "0.0",
        "-0.0",
        "1",
        "-1",
        ".5",
        "1.",
        "-.5",
        "0.1",
        "0.2",
        "0.3",
        "1e0",
        "1E5",
        "1e+5",
        "1e-5",
        "00012.5",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9007199254740994",
        "9007199254740993.0000000000000000000000000000000000000001",
        "9007199254740995",
        "18014398509481985",
        "18014398509481986",
        "18014398509481987",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "179769313486231580793e288",
        "2e308",
        "1e309",
        "1e400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "0e99999999999999999999",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.47032822920623272e-324",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "2.225073858507201e-308",
        "2.2250738585072013e-308",
        "1e-323",
        "3e-324",
        "2e-324",
        "1e22",
        "1e23",
        "8.5e22",
        "9.5e22",
        "123456789012345678",
        "1234567890123456789",
        "12345678901234567890",
        "123456789012345678901",
        "5e-20",
        "67e14",
        "985e15",
        "7693e-42",
        "55895e-16",
        "996622e-44",
        "7038531e-32",
        "60419369e-46",
        "702990899e-20",
        "6930161142e-48",
        "25933168707e-13",
        "596428896559e20",
        "3571e263",
        "9e-265",
        "6.631236846766476e-316",
        "3."
        "237883913302901289588352412501532174863037669423108059901297049552301970670676565786835742"
        "587799557860615776559838283435514391084153169252689190564396459577394618038928365305143463"
        "955100356696665629202017331344031730044369360205258345803431471660032699580731300954848363"
        "975548690010751530018881758184174569652173110473696022749934638425380623369774736560008997"
        "404060967498028389191878963968575439222206416981462690113342524002724385941651051293552601"
        "421155333430225237291523843322331326138431477823591142408800030775170625915670728657003151"
        "953664260769822494937951845801530895238439819708403389937873241463484205608000027270531106"
        "827387907791444918534771598750162812548862768493201518991668028251730299953143924168545708"
        "663913273994694463908672332763671875e-319",
        "6250000000000000000000000000000000000000e-12",
        "0.000000000000000000000000000000000000000000000000000000000001",
        "179769313486231570814527423731704356798070567525844996598917476803157260780028538760589558"
        "632766878171540458953514382464234321326889464182768467546703537516986049910576551282076245"
        "490090389328944075868508455133942304583236903222948165808559332123347747979999999999999999"
        "999e0",
        "3.14159265358979323846264338327950288419716939937510582097494459",
    };

    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++)
        CU_ASSERT(agrees_with_strtod(hard[i]));
}

static void random_doubles_agree_with_strtod_in_any_notation(void)
{
    struct unit_random random = {1};
    char text[1600];
    int wrong = 0;

    for (int i = 0; i < 150000 && wrong < 10; i++) {
        double value = from_bits(unit_random_next(&random) & ~((uint64_t)1 << 63));
        if (!isfinite(value))
            continue;
        snprintf(text, sizeof text, "%.*e", (int)unit_random_below(&random, 25), value);
        wrong += !agrees_with_strtod(text);
        uint64_t mantissa = unit_random_next(&random) >> unit_random_below(&random, 64);
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)mantissa,
                 (int)unit_random_below(&random, 700) - 350);
        wrong += !agrees_with_strtod(text);
        snprintf(text, sizeof text, "%.*f", (int)unit_random_below(&random, 20),
                 (double)(mantissa >> 11) / 1048576.0);
        wrong += !agrees_with_strtod(text);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* The middle of two doubles, exactly, one digit less and one digit more. */
static void middles_of_doubles_round_to_even_and_their_neighbours_do_not(void)
{
    struct unit_random random = {2};
    char text[1600];
    int wrong = 0;

    for (int i = 0; i < 4000 && wrong < 10; i++) {
        uint64_t bits = unit_random_next(&random) & ~((uint64_t)1 << 63);
        if (i % 4 == 0)
            bits &= 0x001FFFFFFFFFFFFFu; /* subnormal or nearly so */
        if (bits >> 52 >= 0x7FE)
            continue;
        /* Twice the precision holds the middle; long double has 64 bits. */
        long double middle = ((long double)from_bits(bits) + (long double)from_bits(bits + 1)) / 2;
        int size = snprintf(text, sizeof text - 8, "%.1100Le", middle);
        wrong += !agrees_with_strtod(text);
        char *last = strchr(text, 'e') - 1;
        while (*last == '0')
            last--;
        char digit = *last;
        *last = (char)(digit - 1);
        wrong += !agrees_with_strtod(text);
        *last = digit;
        strchr(text, 'e')[-1] = '1';
        wrong += !agrees_with_strtod(text);
        CU_ASSERT_FATAL(size > 0);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void words_for_doubles_are_read_and_what_is_none_is_refused(void)
{
    static const char *const refused[] = {
        "",      "-",    "+1",    " 1",    "1 ",     ".",   "-.",   "e5",    "1e",       "1e+",
        "1e5.5", "1..2", "1.2.3", "0x1p3", "0x10",   "--1", "1,5",  "1_000", "nano",     "infin",
        "in",    "na",   "1d5",   "1e309", "-1e309", "1f",  "inf1", "\0001", "1\xC2\xA0"};
    double value = 7;

    CU_ASSERT(parse_f64("NaN", &value) && isnan(value));
    CU_ASSERT(parse_f64("-nan", &value) && isnan(value));
    CU_ASSERT(parse_f64("inf", &value) && isinf(value) && value > 0);
    CU_ASSERT(parse_f64("-Infinity", &value) && isinf(value) && value < 0);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        value = 7;
        CU_ASSERT(!parse_f64(refused[i], &value));
        CU_ASSERT_EQUAL(value, 7);
    }
}

static void powers_of_ten_are_exact_to_their_last_bit(void)
{
    /* 10^k by repeated multiplication of 25 limbs; reciprocals by the rule that power(k) times
     * power(-k) is just below a power of two. */
    for (int k = 0; k <= SHEAF_POWER_MAX; k++) {
        uint32_t limbs[40] = {1};
        int top = 0;
        for (int i = 0; i < k; i++) {
            uint64_t carry = 0;
            for (int j = 0; j < 40; j++) {
                carry += (uint64_t)limbs[j] * 10;
                limbs[j] = (uint32_t)carry;
                carry >>= 32;
            }
        }
        for (int bit = 0; bit < 1280; bit++)
            if (limbs[bit / 32] >> (bit % 32) & 1)
                top = bit;
        struct sheaf_power power = {0, 0};
        for (int bit = 0; bit < 128; bit++) {
            int from = top - bit;
            uint64_t set = from >= 0 ? limbs[from / 32] >> (from % 32) & 1 : 0;
            if (bit < 64)
                power.high |= set << (63 - bit);
            else
                power.low |= set << (127 - bit);
        }
        struct sheaf_power listed = sheaf_powers[k - SHEAF_POWER_MIN];
        CU_ASSERT_EQUAL(listed.high, power.high);
        CU_ASSERT_EQUAL(listed.low, power.low);
        CU_ASSERT_EQUAL(sheaf_power_exponent(k), top);
    }
}

/* -- the loops over columns -------------------------------------------------------------------- */

static size_t random_number(struct unit_random *random, char *text)
{
    static const char odd[] = "-.eE+ x,\"0959";
    size_t size = 0;
    unsigned before = unit_random_below(random, unit_random_below(random, 8) ? 9 : 22);
    unsigned after =
        unit_random_below(random, 3) ? unit_random_below(random, 7) : unit_random_below(random, 22);

    if (unit_random_below(random, 10) == 0)
        return 0;
    if (unit_random_below(random, 3) == 0)
        text[size++] = '-';
    for (unsigned i = 0; i < before; i++)
        text[size++] = (char)('0' + unit_random_below(random, 10));
    if (unit_random_below(random, 2)) {
        text[size++] = '.';
        for (unsigned i = 0; i < after; i++)
            text[size++] = (char)('0' + unit_random_below(random, 10));
    }
    if (unit_random_below(random, 8) == 0)
        size += (size_t)sprintf(text + size, "e%d", (int)unit_random_below(random, 40) - 20);
    if (size > 0 && unit_random_below(random, 8) == 0)
        text[unit_random_below(random, (unsigned)size)] =
            odd[unit_random_below(random, sizeof odd - 1)];
    return size;
}

static void check_marks(const struct fields *fields, size_t row, bool good, const uint64_t *present,
                        const uint64_t *odd, size_t *odds)
{
    bool empty = fields->begin[row] == fields->end[row];

    CU_ASSERT_EQUAL(present[row / 64] >> (row % 64) & 1, good && !empty);
    CU_ASSERT_EQUAL(odd[row / 64] >> (row % 64) & 1, !good && !empty);
    *odds += !good && !empty;
}

static void check_columns(const struct fields *fields, const struct sheaf_column_parsers *parsers)
{
    static int64_t integers[FIELDS];
    static double doubles[FIELDS];
    static uint64_t present[FIELDS / 64], odd[FIELDS / 64];
    size_t n = fields->count, odds = 0, found;

    found = parsers->i64(fields->bytes, fields->begin, fields->end, n, integers, present, odd);
    for (size_t row = 0; row < n; row++) {
        int64_t value = 0;
        bool good = sheaf_value_i64(fields->bytes + fields->begin[row],
                                    fields->end[row] - fields->begin[row], &value);
        check_marks(fields, row, good, present, odd, &odds);
        CU_ASSERT_EQUAL(integers[row], value);
    }
    CU_ASSERT_EQUAL(found, odds);

    for (size_t first = 0; first < n; first += 64) {
        struct sheaf_shapes shapes = {0}, expected = {0};
        size_t rows = n - first < 64 ? n - first : 64;
        uint64_t others = parsers->shapes(fields->bytes, fields->begin + first, fields->end + first,
                                          rows, &shapes);
        uint64_t all = sheaf_column_parsers_portable.shapes(fields->bytes, fields->begin + first,
                                                            fields->end + first, rows, &expected);
        CU_ASSERT_EQUAL(others, all);
        CU_ASSERT_EQUAL(memcmp(&shapes, &expected, sizeof shapes), 0);
    }

    for (int32_t scale = 0; scale <= 18; scale += 3) {
        odds = 0;
        found = parsers->decimal(fields->bytes, fields->begin, fields->end, n, scale, integers,
                                 present, odd);
        for (size_t row = 0; row < n; row++) {
            int64_t value = 0;
            bool good = sheaf_value_decimal(fields->bytes + fields->begin[row],
                                            fields->end[row] - fields->begin[row], scale, &value);
            check_marks(fields, row, good, present, odd, &odds);
            CU_ASSERT_EQUAL(integers[row], value);
        }
        CU_ASSERT_EQUAL(found, odds);
    }

    odds = 0;
    found = parsers->f64(fields->bytes, fields->begin, fields->end, n, doubles, present, odd);
    for (size_t row = 0; row < n; row++) {
        double value = 0;
        bool good = sheaf_value_f64(fields->bytes + fields->begin[row],
                                    fields->end[row] - fields->begin[row], &value);
        check_marks(fields, row, good, present, odd, &odds);
        CU_ASSERT_EQUAL(to_bits(doubles[row]), to_bits(value));
    }
    CU_ASSERT_EQUAL(found, odds);
}

static void columns_are_read_as_their_values_are_on_every_machine(void)
{
    static struct fields fields;
    struct unit_random random = {3};
    char text[128];

    for (int round = 0; round < 6; round++) {
        fields_open(&fields);
        for (int i = 0; i < FIELDS - round; i++)
            fields_add(&fields, text, random_number(&random, text));
        for (int isa = SHEAF_ISA_SCALAR; isa <= SHEAF_ISA_AVX512; isa++)
            if (sheaf_cpu_isa_runs((enum sheaf_isa)isa))
                check_columns(&fields, sheaf_column_parsers_for((enum sheaf_isa)isa));
        free(fields.bytes);
    }
}

/* -- and back ---------------------------------------------------------------------------------- */

static const char *format_f64(double value)
{
    static char text[SHEAF_FORMAT_MAX + 1];

    text[sheaf_format_value((sheaf_kind){SHEAF_F64, 0}, &value, text)] = '\0';
    return text;
}

static void doubles_are_printed_for_people(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},
                 {-0.0, "-0"},
                 {1, "1"},
                 {-1, "-1"},
                 {0.1, "0.1"},
                 {100, "100"},
                 {1e16, "10000000000000000"},
                 {1e17, "1e17"},
                 {1.5e17, "1.5e17"},
                 {123456789012345680, "1.2345678901234568e17"},
                 {0.00001, "0.00001"},
                 {0.0000123, "0.0000123"},
                 {0.000001, "1e-6"},
                 {1.25e-7, "1.25e-7"},
                 {5e-324, "5e-324"},
                 {DBL_MAX, "1.7976931348623157e308"},
                 {DBL_MIN, "2.2250738585072014e-308"},
                 {9007199254740993.0, "9007199254740992"},
                 {0.3, "0.3"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1.0 / 3, "0.3333333333333333"},
                 {12345.678, "12345.678"},
                 {INFINITY, "inf"},
                 {-INFINITY, "-inf"},
                 {NAN, ""},
                 {2e-323, "2e-323"},
                 {9.5e-322, "9.5e-322"},
                 {1e23, "1e23"},
                 {2251799813685248.5, "2251799813685248.5"},
                 {-25.5, "-25.5"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(format_f64(cases[i].value), cases[i].text) != 0) {
            printf("\n%a: expected %s, got %s\n", cases[i].value, cases[i].text,
                   format_f64(cases[i].value));
            CU_FAIL("a double is printed otherwise");
        }
}

/* Significant digits of a printed number. */
static int digits_of(const char *text)
{
    char digits[64];
    int count = 0, first = 0;

    for (; *text && *text != 'e'; text++)
        if (*text >= '0' && *text <= '9')
            digits[count++] = *text;
    while (first < count && digits[first] == '0')
        first++;
    while (count > first && digits[count - 1] == '0')
        count--;
    return count - first;
}

static void doubles_read_back_as_themselves_and_no_shorter_text_does(void)
{
    struct unit_random random = {4};
    char shorter[64];

    for (int i = 0; i < 200000; i++) {
        double value = from_bits(unit_random_next(&random));
        double again;
        if (i % 2)
            value = (double)(int64_t)(unit_random_next(&random) >> unit_random_below(&random, 64)) /
                    sheaf_power_f64[unit_random_below(&random, 18)];
        if (i % 7 == 0) /* powers of two have a nearer neighbour below */
            value = ldexp(1, (int)unit_random_below(&random, 2098) - 1074);
        if (!isfinite(value) || value == 0)
            continue;
        const char *text = format_f64(value);
        int digits = digits_of(text);
        if (!parse_f64(text, &again) || to_bits(again) != to_bits(value)) {
            printf("\n%a prints as %s\n", value, text);
            CU_FAIL_FATAL("a double did not read back");
        }
        if (i % 8 == 0 && digits > 1) {
            snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
            CU_ASSERT(strtod(shorter, NULL) != value);
            snprintf(shorter, sizeof shorter, "%.*e", digits - 1, value);
            /* The nearest of that length reads back too, unless the interval's end is nearer: */
            CU_ASSERT(digits >= 17 || strtod(shorter, NULL) != value ||
                      strtod(shorter, NULL) == strtod(text, NULL));
        }
    }
}

static void floats_read_back_as_themselves(void)
{
    struct unit_random random = {5};
    char text[SHEAF_FORMAT_MAX + 1];

    for (int i = 0; i < 200000; i++) {
        uint32_t bits = (uint32_t)unit_random_next(&random);
        float value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        text[sheaf_format_value((sheaf_kind){SHEAF_F32, 0}, &value, text)] = '\0';
        float again = strtof(text, NULL);
        CU_ASSERT_EQUAL(memcmp(&again, &value, sizeof value), 0);
        CU_ASSERT(digits_of(text) <= 9);
    }
}

static void integers_and_decimals_read_back_as_themselves(void)
{
    struct unit_random random = {6};
    char text[SHEAF_FORMAT_MAX];

    for (int i = 0; i < 100000; i++) {
        int64_t value = (int64_t)unit_random_next(&random) >> unit_random_below(&random, 64), again;
        size_t size = sheaf_format_value((sheaf_kind){SHEAF_I64, 0}, &value, text);
        CU_ASSERT(sheaf_parse_value((sheaf_kind){SHEAF_I64, 0}, text, size, &again));
        CU_ASSERT_EQUAL(again, value);
        sheaf_kind kind = {SHEAF_DECIMAL, (int32_t)unit_random_below(&random, 19)};
        value %= (int64_t)SHEAF_DECIMAL_LIMIT;
        size = sheaf_format_value(kind, &value, text);
        CU_ASSERT(sheaf_parse_value(kind, text, size, &again));
        CU_ASSERT_EQUAL(again, value);
    }
}

static void wide_decimals_show_all_their_digits(void)
{
    static const struct {
        int64_t high;
        uint64_t low;
        int32_t scale;
        const char *text;
    } cases[] = {
        {INT64_MIN, 0, 0, "-170141183460469231731687303715884105728"},
        {INT64_MAX, UINT64_MAX, 0, "170141183460469231731687303715884105727"},
        {INT64_MAX, UINT64_MAX, 18, "170141183460469231731.687303715884105727"},
        {0, 0, 0, "0"},
        {0, 0, 2, "0.00"},
        {0, 5, 2, "0.05"},
        {-1, UINT64_MAX - 4, 2, "-0.05"},
        {1, 0, 0, "18446744073709551616"},
        {0, UINT64_MAX, 3, "18446744073709551.615"},
        {0, 10000000000000000000u, 0, "10000000000000000000"},
        {1, 1553255926290448384u, 0, "20000000000000000000"},
        {542101086242752217, 68739955140067328u, 0, "10000000000000000000000000000000000000"},
        {0, 100, 2, "1.00"},
        {0, 1, 18, "0.000000000000000001"}};
    char text[SHEAF_FORMAT_MAX + 1];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sheaf_int128 value = (sheaf_int128)cases[i].high * ((sheaf_int128)1 << 64) + cases[i].low;
        text[sheaf_format_value((sheaf_kind){SHEAF_WIDE, cases[i].scale}, &value, text)] = '\0';
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
    }
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(doubles_are_rounded_as_strtod_does),
        UNIT(random_doubles_agree_with_strtod_in_any_notation),
        UNIT(middles_of_doubles_round_to_even_and_their_neighbours_do_not),
        UNIT(words_for_doubles_are_read_and_what_is_none_is_refused),
        UNIT(powers_of_ten_are_exact_to_their_last_bit),
        UNIT(columns_are_read_as_their_values_are_on_every_machine),
        UNIT(doubles_are_printed_for_people),
        UNIT(doubles_read_back_as_themselves_and_no_shorter_text_does),
        UNIT(floats_read_back_as_themselves),
        UNIT(integers_and_decimals_read_back_as_themselves),
        UNIT(wide_decimals_show_all_their_digits),
        {0},
    };

    return unit_run("numbers", tests);
}
