/* expression.c - docs/expressions.md line by line, and random expressions against a naive reading
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/string.h"
#include "column/format.h"
#include "column/schema.h"
#include "job/expression.h"
#include "unit.h"

#define TEXT(literal)                   \
    {                                   \
        literal, sizeof(literal) - 1, 0 \
    }
#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define BIG          9223372036854775807

/* -- a table of four rows, the last of them empty ---------------------------------------------- */

static const int64_t n_values[] = {7, -7, BIG, 0};
static const int32_t small_values[] = {1, -2, 3, 0};
static const uint64_t u_values[] = {18446744073709551615u, 1, 0, 0};
static const int64_t price_values[] = {300, 150, -1, 0};
static const int64_t tiny_values[] = {5, 10, 999999999999999999, 0};
static const double x_values[] = {2.5, -0.125, INFINITY, 0};
static const double y_values[] = {NAN, 0, 4, 0};
static const float f_values[] = {0.5f, 1.5f, NAN, 0};
static const sheaf_text name_values[] = {TEXT("Oslo"), TEXT(""), TEXT("M\xC3\xBCnchen"), TEXT("")};
static const sheaf_text other_values[] = {TEXT("Os"), TEXT("x"), TEXT("chen"), TEXT("z")};
static const uint8_t flag_values[] = {1, 0, 1, 0};
static const int32_t day_values[] = {19753, -1, 0, 0}; /* 2024-01-31, 1969-12-31, 1970-01-01 */
static const int64_t t_values[] = {1706695445000000, -1, 0, 0}; /* 2024-01-31T10:04:05 */
static const uint64_t three[] = {7};
static sheaf_int128 sum_values[4];

static const char words[] =
    "n:i64,small:i32,u:u64,price:decimal(2),tiny:decimal(3),x:f64,y:f64,f:f32,"
    "name:text,other:text,flag:bool,day:date,t:time,utc:time(utc),"
    "\"mean(x)\":f64,\"odd `name`\":i64,\"and\":i64,a.b:i64,gr\xC3\xB6\xC3\x9F"
    "e:i64,sum:i64";
static sheaf_column table[] = {
    {.type = SHEAF_I64, .i64 = n_values, .present = three},
    {.type = SHEAF_I32, .i32 = small_values, .present = three},
    {.type = SHEAF_U64, .u64 = u_values, .present = three},
    {.type = SHEAF_DECIMAL, .scale = 2, .i64 = price_values, .present = three},
    {.type = SHEAF_DECIMAL, .scale = 3, .i64 = tiny_values, .present = three},
    {.type = SHEAF_F64, .f64 = x_values, .present = three},
    {.type = SHEAF_F64, .f64 = y_values, .present = three},
    {.type = SHEAF_F32, .f32 = f_values, .present = three},
    {.type = SHEAF_TEXT, .text = name_values, .present = three},
    {.type = SHEAF_TEXT, .text = other_values},
    {.type = SHEAF_BOOL, .boolean = flag_values, .present = three},
    {.type = SHEAF_DATE, .i32 = day_values, .present = three},
    {.type = SHEAF_TIME, .i64 = t_values, .present = three},
    {.type = SHEAF_TIME, .scale = 1, .i64 = t_values, .present = three},
    {.type = SHEAF_F64, .f64 = x_values, .present = three},
    {.type = SHEAF_I64, .i64 = n_values},
    {.type = SHEAF_I64, .i64 = n_values},
    {.type = SHEAF_I64, .i64 = n_values},
    {.type = SHEAF_I64, .i64 = n_values},
    {.type = SHEAF_WIDE, .scale = 1, .wide = sum_values, .present = three},
};
static struct sheaf_schema schema;

static void open_table(void)
{
    sheaf_error error;

    if (sheaf_schema_parse(words, &schema, &error) != SHEAF_OK) {
        puts(error.message);
        exit(2);
    }
    schema.fields[19].kind =
        (sheaf_kind){SHEAF_WIDE, 1}; /* of answers only, so not said in words */
    sum_values[0] = (sheaf_int128)BIG * 1000;
    sum_values[1] = 25;
    sum_values[2] = -25;
}

/* The values of the rows with bars between; missing is ?. */
static void describe(const sheaf_column *column, size_t rows, struct sheaf_string *out)
{
    for (size_t row = 0; row < rows; row++) {
        if (row > 0)
            sheaf_string_append(out, "|");
        if (sheaf_present(column, row))
            sheaf_format_append(out, column, row);
        else
            sheaf_string_append(out, "?");
    }
}

static sheaf_status evaluate(const char *text, struct sheaf_string *out, sheaf_error *error,
                             size_t *bad_row)
{
    struct sheaf_expression *expression = NULL;
    struct sheaf_evaluator *evaluator = NULL;
    sheaf_column needed[COUNT(table)], result;
    const uint32_t *needs;

    SHEAF_TRY(sheaf_expression_parse(text, &schema, &expression, error));
    UNIT_OK(sheaf_evaluator_open(expression, &evaluator, error), error);
    for (size_t i = sheaf_expression_needs(expression, &needs); i-- > 0;)
        needed[i] = table[needs[i]];
    sheaf_status status = sheaf_evaluator_values(evaluator, needed, 4, &result, bad_row, error);
    if (status == SHEAF_OK) {
        sheaf_kind kind = sheaf_expression_kind(expression);
        CU_ASSERT_EQUAL(result.type, kind.type);
        CU_ASSERT_EQUAL(result.scale, kind.scale);
        describe(&result, 4, out);
        /* Zero where nothing is. */
        static const char zeros[16];
        size_t size = sheaf_type_size(kind.type);
        for (size_t row = 0; row < 4 && kind.type != SHEAF_TEXT; row++)
            if (!sheaf_present(&result, row))
                CU_ASSERT_EQUAL(memcmp((const char *)result.values + row * size, zeros, size), 0);
    }
    sheaf_evaluator_close(evaluator);
    sheaf_expression_close(expression);
    return status;
}

static void is(const char *text, const char *wanted)
{
    struct sheaf_string out = {0};
    sheaf_error error;

    UNIT_OK(evaluate(text, &out, &error, NULL), &error);
    if (!out.bytes || strcmp(out.bytes, wanted) != 0)
        printf("\n%s is %s, not %s\n", text, out.bytes ? out.bytes : "nothing", wanted);
    CU_ASSERT(out.bytes && strcmp(out.bytes, wanted) == 0);
    sheaf_string_free(&out);
}

static void overflows(const char *text, size_t row)
{
    struct sheaf_string out = {0};
    sheaf_error error = {0};
    size_t bad_row = 0;

    CU_ASSERT_EQUAL(evaluate(text, &out, &error, &bad_row), SHEAF_BAD_DATA);
    if (bad_row != row || error.code != 411)
        printf("\n%s: row %zu, %s %s\n", text, bad_row, error.message, out.bytes ? out.bytes : "");
    CU_ASSERT_EQUAL(bad_row, row);
    CU_ASSERT_EQUAL(error.code, 411);
    sheaf_string_free(&out);
}

static void refused(const char *text, int code, int place, const char *message)
{
    struct sheaf_expression *expression = NULL;
    char wanted[600];
    sheaf_error error = {0};

    CU_ASSERT_EQUAL(sheaf_expression_parse(text, &schema, &expression, &error), SHEAF_BAD_ARGUMENT);
    snprintf(wanted, sizeof wanted, "expression:%d: %s (E%d)", place, message, code);
    if (strcmp(error.message, wanted) != 0)
        printf("\n%s\n gives  %s\n wanted %s\n%s\n", text, error.message, wanted, error.help);
    CU_ASSERT_STRING_EQUAL(error.message, wanted);
    CU_ASSERT_EQUAL(error.code, code);
    sheaf_expression_close(expression);
}

static void helps(const char *text, const char *wanted)
{
    struct sheaf_expression *expression = NULL;
    sheaf_error error = {0};

    CU_ASSERT_EQUAL(sheaf_expression_parse(text, &schema, &expression, &error), SHEAF_BAD_ARGUMENT);
    if (strcmp(error.help, wanted) != 0)
        printf("\n%s\n%s\n%s\n", text, error.message, error.help);
    CU_ASSERT_STRING_EQUAL(error.help, wanted);
}

/* -- words --------------------------------------------------------------------------------- */

static void columns_are_found_by_name_and_place(void)
{
    is("n", "7|-7|9223372036854775807|?");
    is("small", "1|-2|3|?");
    is("`n`", "7|-7|9223372036854775807|?");
    is("#1", "7|-7|9223372036854775807|?");
    is("`odd ``name```", "7|-7|9223372036854775807|0");
    is("`and` % 10", "7|-7|7|0");
    is("a.b % 10", "7|-7|7|0");
    is("gr\xC3\xB6\xC3\x9F"
       "e % 10",
       "7|-7|7|0");
    is("mean(x)", "2.5|-0.125|inf|?");
    is("mean(x) > 1", "true|false|true|?");
}

static void literals_are_what_they_look_like(void)
{
    is("42", "42|42|42|42");
    is("0.10", "0.10|0.10|0.10|0.10");
    is(".5", "0.5|0.5|0.5|0.5");
    is("5.", "5|5|5|5");
    is("1e3", "1000|1000|1000|1000");
    is("-1.5E-1", "-0.15|-0.15|-0.15|-0.15");
    is("'it''s'", "it's|it's|it's|it's");
    is("\"say \"\"a\"\"\"", "say \"a\"|say \"a\"|say \"a\"|say \"a\"");
    is("'\\n'", "\\n|\\n|\\n|\\n");
    is("''", "|||");
    is("TRUE", "true|true|true|true");
    is("not False", "true|true|true|true");
    is("-9223372036854775808", "-9223372036854775808|-9223372036854775808|-9223372036854775808|"
                               "-9223372036854775808");
    is("99999999999999999999 > n", "true|true|true|?");
    is("9223372036854775808 == n", "false|false|false|?");
}

static void operators_bind_as_documented(void)
{
    is("1 + 2 * 3", "7|7|7|7");
    is("(1 + 2) * 3", "9|9|9|9");
    is("10 - 3 - 2", "5|5|5|5");
    is("-2 * -3", "6|6|6|6");
    is("- -2", "2|2|2|2");
    is("7 % 4 * 2", "6|6|6|6");
    is("true or true and false", "true|true|true|true");
    is("not true or true", "true|true|true|true");
    is("not 1 == 2", "true|true|true|true");
    is("1 + 1 == 2 and 3 > 2", "true|true|true|true");
    is("not not true", "true|true|true|true");
    is("n = 7 OR n <> 7", "true|true|true|?");
    is("1<2", "true|true|true|true");
}

/* -- numbers ------------------------------------------------------------------------------- */

static void exact_numbers_stay_exact(void)
{
    is("price + 1", "4.00|2.50|0.99|?");
    is("price * price", "9.0000|2.2500|0.0001|?");
    is("price + 0.001", "3.001|1.501|-0.009|?");
    is("price - 0.125", "2.875|1.375|-0.135|?");
    is("0.1 + 0.2 == 0.3", "true|true|true|true");
    is("small * 1.5", "1.5|-3.0|4.5|?");
    is("sum * 10 + 1", "9223372036854775807001.0|26.0|-24.0|?");
    is("u + 1", "18446744073709551616|2|1|?");
    is("-u", "-18446744073709551615|-1|0|?");
    is("-price", "-3.00|-1.50|0.01|?");
    is("n - n", "0|0|0|?");
}

static void what_does_not_fit_is_an_error_of_its_row(void)
{
    overflows("n + 1", 2);
    overflows("n * 2", 2);
    overflows("-2 - n", 2);
    overflows("-(-n - 1)", 2);
    overflows("abs(-n - 1)", 2);
    overflows("n * 1.5", 2);
    overflows("tiny + tiny", 2);
    overflows("n + price", 2);
    overflows("9223372036854775807 + 1", 0);
    overflows("tiny * 10", 2);
    overflows("coalesce(n, price)", 2);
    overflows("sum * sum * sum", 0);
    overflows("sum * 1000000000000000000 * 1000000000000000000", 0);
}

static void division_is_that_of_doubles(void)
{
    is("7 / 2", "3.5|3.5|3.5|3.5");
    is("small / 4", "0.25|-0.5|0.75|?");
    is("price / 2", "1.5|0.75|-0.005|?");
    is("x + 1", "3.5|0.875|inf|?");
    is("x * 2 - small", "4|1.75|inf|?");
    is("1 / 3", "0.3333333333333333|0.3333333333333333|0.3333333333333333|0.3333333333333333");
    is("0.3 == 0.1 * 3e0", "false|false|false|false");
    is("float(price)", "3|1.5|-0.01|?");
    is("float(123456789012345678.9)", "1.2345678901234568e17|1.2345678901234568e17|"
                                      "1.2345678901234568e17|1.2345678901234568e17");
    is("float(n)", "7|-7|9.223372036854776e18|?");
}

static void no_value_is_missing(void)
{
    is("small / 0", "?|?|?|?");
    is("small % 0", "?|?|?|?");
    is("price % (price - 3)", "?|0.00|-0.01|?");
    is("x / 0", "?|?|?|?");
    is("x - x", "0|0|?|?");
    is("y + 0", "?|0|4|?");
    is("y + 1", "?|1|5|?");
    is("y == y", "?|true|true|?");
    is("y is missing", "true|false|false|true");
    is("not (y > 1)", "?|true|false|?");
    is("f > 1", "false|true|?|?");
    is("x % 2", "0.5|-0.125|?|?");
    is("x == x", "true|true|true|?");
    is("1e308 * 10", "inf|inf|inf|inf");
}

static void remainder_has_the_sign_of_the_left(void)
{
    is("n % 3", "1|-1|1|?");
    is("n % -3", "1|-1|1|?");
    is("price % 1", "0.00|0.50|-0.01|?");
    is("1.5 % 0.4", "0.3|0.3|0.3|0.3");
    is("(-9223372036854775807 - 1) % -1", "0|0|0|0");
    is("sum % 2", "0.0|0.5|-0.5|?");
    is("5e0 % 3", "2|2|2|2");
}

static void exact_numbers_compare_exactly(void)
{
    is("0.5 < 1", "true|true|true|true");
    is("1.0 == 1", "true|true|true|true");
    is("price > 1", "true|true|false|?");
    is("price >= 1.500", "true|true|false|?");
    is("price == 1.5", "false|true|false|?");
    is("price > 1.499", "true|true|false|?");
    is("price < 1.501", "false|true|true|?");
    is("price <= 1.499", "false|false|true|?");
    is("price >= -0.011", "true|true|true|?");
    is("price < -0.009", "false|false|true|?");
    is("price == 1.501", "false|false|false|?");
    is("price != 1.501", "true|true|true|?");
    is("1.499 < price", "true|true|false|?");
    is("n > 9223372036854775806.5", "false|false|true|?");
    is("n == 9223372036854775807.0", "false|false|true|?");
    is("n > price", "true|false|true|?");
    is("tiny < price", "true|true|false|?");
    is("sum > n", "true|true|false|?");
    is("sum == -2.5", "false|false|true|?");
    is("u > n", "true|true|false|?");
    is("x > price", "false|false|true|?");
    is("x == 2.5", "true|false|false|?");
}

/* -- text, dates, truth -------------------------------------------------------------------- */

static void text_is_compared_byte_by_byte(void)
{
    is("name == 'Oslo'", "true|false|false|?");
    is("name = 'oslo'", "false|false|false|?");
    is("name == ''", "false|true|false|?");
    is("name < 'N'", "false|true|true|?");
    is("name >= other", "true|false|false|?");
    is("'Os' < name", "true|false|false|?");
    is("'a' < 'ab'", "true|true|true|true");
    is("'M\xC3\xBCnchen' == name", "false|false|true|?");
    is("name != other", "true|true|true|?");
}

static void literals_beside_dates_are_dates(void)
{
    is("day >= '2024-01-31'", "true|false|false|?");
    is("'1970-01-01' == day", "false|false|true|?");
    is("day in ('2024-01-31', '1969-12-31')", "true|true|false|?");
    is("'1970-01-01' in (day, t)", "false|false|true|?");
    is("t < '2024-01-31T10:04:06'", "true|true|true|?");
    is("t >= '2024-01-31T10:04:05'", "true|false|false|?");
    is("t >= '1970-01-01'", "true|false|true|?");
    is("utc == '1970-01-01T01:00:00+01:00'", "false|false|true|?");
    is("utc >= '1970-01-01'", "true|false|true|?");
    is("coalesce(day, '2000-01-01')", "2024-01-31|1969-12-31|1970-01-01|2000-01-01");
    is("day == day", "true|true|true|?");
    is("t == t", "true|true|true|?");
}

static void truth_is_compared_but_not_ordered(void)
{
    is("flag", "true|false|true|?");
    is("flag == true", "true|false|true|?");
    is("flag != (n > 0)", "false|false|false|?");
    is("not flag", "false|true|false|?");
    refused("flag > true", 202, 6, "cannot order true or false and true or false");
    refused("n and flag", 202, 1, "expected true or false, found a number");
    refused("flag and n", 202, 10, "expected true or false, found a number");
    refused("not name", 202, 5, "expected true or false, found text");
    refused("flag + 1", 202, 6, "cannot add true or false and a number");
}

static void kinds_are_not_mixed(void)
{
    refused("name > 3", 202, 6, "cannot compare text and a number");
    refused("n == '3'", 202, 3, "cannot compare a number and text");
    helps("n == '3'", "  n == '3'\n    ^^\nA number has no quotes: 3");
    refused("day < t", 202, 5, "cannot compare a date and a time");
    refused("t < utc", 202, 3, "cannot compare a time and a time in UTC");
    refused("day > 'soon'", 202, 7, "expected a date like '2024-01-31'");
    refused("t > '2024-01-31T10:00:00Z'", 202, 5, "expected a time like '2024-01-31T10:00:00'");
    refused("utc > '2024-01-31T10:00:00'", 202, 7,
            "expected a time in UTC like '2024-01-31T10:00:00Z'");
    refused("day + 1", 202, 5, "cannot add a date and a number");
    refused("-name", 202, 2, "expected a number, found text");
    refused("abs(name)", 202, 5, "expected a number, found text");
    refused("lower(n)", 202, 7, "expected text, found a number");
    refused("year(n)", 202, 6, "expected a date or a time, found a number");
    refused("hour(day)", 202, 6, "expected a time, found a date");
    refused("if(flag, n, name)", 202, 13, "cannot choose between a number and text");
    refused("if(n, 1, 2)", 202, 4, "expected true or false, found a number");
    refused("0.0000000001 * 0.0000000001", 202, 14,
            "the product would have 20 digits after the point, more than 18");
    refused("round(price, n)", 202, 14, "expected the number of digits, 0 to 18");
    refused("round(price, 19)", 202, 14, "expected the number of digits, 0 to 18");
}

/* -- missing values ------------------------------------------------------------------------ */

static void missing_is_neither_true_nor_false(void)
{
    is("n is missing", "false|false|false|true");
    is("n is not missing", "true|true|true|false");
    is("(n > 0) is missing", "false|false|false|true");
    is("n > 0 and false", "false|false|false|false");
    is("n > 0 or true", "true|true|true|true");
    is("n > 0 and true", "true|false|true|?");
    is("n > 0 or false", "true|false|true|?");
    is("not (n > 0)", "false|true|false|?");
    is("n in (7, 8)", "true|false|false|?");
    is("n not in (7, 8)", "false|true|true|?");
    is("1 in (n, 1)", "true|true|true|true");
    is("3 in (price, small, x)", "true|false|true|?");
    is("-0.01 in (price, 1)", "false|false|true|?");
}

/* -- functions ----------------------------------------------------------------------------- */

static void functions_do_as_documented(void)
{
    is("abs(small)", "1|2|3|?");
    is("abs(price - 2)", "1.00|0.50|2.01|?");
    is("ABS(x)", "2.5|0.125|inf|?");
    is("round(price)", "3|2|0|?");
    is("round(-price)", "-3|-2|0|?");
    is("round(0.05, 1)", "0.1|0.1|0.1|0.1");
    is("round(-0.05, 1)", "-0.1|-0.1|-0.1|-0.1");
    is("round(price, 4)", "3.00|1.50|-0.01|?");
    is("round(x)", "3|-0|inf|?");
    is("round(x, 2)", "2.5|-0.13|inf|?");
    is("round(1.005e0, 2)", "1|1|1|1");
    is("round(1.015e0, 2)", "1.01|1.01|1.01|1.01");
    is("round(2.675e0, 2)", "2.67|2.67|2.67|2.67");
    is("round(0.49999999999999994e0)", "0|0|0|0");
    is("round(4503599627370497.5e0)", "4503599627370498|4503599627370498|4503599627370498|"
                                      "4503599627370498");
    is("floor(price)", "3|1|-1|?");
    is("ceil(price)", "3|2|0|?");
    is("floor(x)", "2|-1|inf|?");
    is("ceil(x)", "3|-0|inf|?");
    is("floor(sum)", "922337203685477580700|2|-3|?");
    is("round(sum)", "922337203685477580700|3|-3|?");
    is("floor(n) % 10", "7|-7|7|?");
    is("lower('ABC\xC3\x84')", "abc\xC3\x84|abc\xC3\x84|abc\xC3\x84|abc\xC3\x84");
    is("upper(name)", "OSLO||M\xC3\xBCNCHEN|?");
    is("lower(name) == 'oslo'", "true|false|false|?");
    is("upper(lower(name))", "OSLO||M\xC3\xBCNCHEN|?");
    is("length(name)", "4|0|7|?");
    is("contains(name, 'sl')", "true|false|false|?");
    is("contains(name, other)", "true|false|true|?");
    is("contains(name, '')", "true|true|true|?");
    is("starts_with(name, other)", "true|false|false|?");
    is("ends_with(name, other)", "false|false|true|?");
    is("ends_with('a', 'ba')", "false|false|false|false");
    is("year(day)", "2024|1969|1970|?");
    is("month(day)", "1|12|1|?");
    is("day(day)", "31|31|1|?");
    is("year(t)", "2024|1969|1970|?");
    is("hour(t)", "10|23|0|?");
    is("minute(t)", "4|59|0|?");
    is("second(t)", "5|59|0|?");
    is("day('2024-02-29')", "29|29|29|29");
    is("hour('2024-02-29T13:00:00')", "13|13|13|13");
    is("coalesce(n, 0) % 10", "7|-7|7|0");
    is("coalesce(small, price, 1.5)", "1.00|-2.00|3.00|1.50");
    is("coalesce(y, x, 0)", "2.5|0|4|0");
    is("coalesce(name, 'none')", "Oslo||M\xC3\xBCnchen|none");
    is("coalesce(flag, false)", "true|false|true|false");
    is("if(small > 0, small, -small)", "1|2|3|?");
    is("if(small > 0, 'plus')", "plus|?|plus|?");
    is("if(flag, day, '2000-01-01')", "2024-01-31|2000-01-01|1970-01-01|2000-01-01");
    is("if(flag, small, 0.5)", "1.0|0.5|3.0|0.5");
    is("if(flag, n > 0, false)", "true|false|true|false");
    is("if(flag, sum, 1)", "922337203685477580700.0|1.0|-2.5|1.0");
}

static void what_is_not_needed_does_not_fail(void)
{
    is("if(n < 1000, n * n, 0)", "49|49|0|0");
    is("if(n >= 1000, 0, n * n)", "49|49|0|?");
    is("n > 1000 or n * n > 48", "true|true|true|?");
    is("n < 1000 and n * n > 48", "true|true|false|?");
    is("coalesce(n, n * n) % 10", "7|-7|7|?");
    is("n < 1000 and n * n in (49, 50)", "true|true|false|?");
    is("if(n < 1000, n, coalesce(small, n * n))", "7|-7|3|?");
    overflows("n * n > 48 or n > 1000", 2);
    overflows("n * n > 48 and false", 2);
    overflows("if(n > 1000, n * n, 0)", 2);
    overflows("n * n is missing", 2);
}

static void filter_keeps_what_is_true(void)
{
    static int64_t values[1000];
    static uint64_t present[16];
    static uint32_t selection[1000];
    const sheaf_column column = {.type = SHEAF_I64, .i64 = values, .present = present};
    struct sheaf_expression *expression = NULL;
    struct sheaf_evaluator *evaluator = NULL;
    sheaf_error error;

    for (size_t i = 0; i < 1000; i++) {
        values[i] = (int64_t)(i * 7919 % 100);
        present[i / 64] |= (uint64_t)(i % 5 != 0) << i % 64;
    }
    UNIT_OK(sheaf_expression_parse("n >= 50", &schema, &expression, &error), &error);
    UNIT_OK(sheaf_evaluator_open(expression, &evaluator, &error), &error);
    static const size_t sizes[] = {1000, 0, 1, 63, 64, 65, 128, 999};
    for (size_t s = 0; s < COUNT(sizes); s++) {
        size_t selected = 99, next = 0;
        UNIT_OK(sheaf_evaluator_filter(evaluator, &column, sizes[s], selection, &selected, NULL,
                                       &error),
                &error);
        for (size_t i = 0; i < sizes[s]; i++)
            if (i % 5 != 0 && values[i] >= 50) {
                CU_ASSERT(next < selected && selection[next] == i);
                next++;
            }
        CU_ASSERT_EQUAL(next, selected);
    }
    sheaf_evaluator_close(evaluator);
    sheaf_expression_close(expression);
}

static void values_need_not_be_aligned(void)
{
    static char memory[200];
    struct sheaf_expression *expression = NULL;
    struct sheaf_evaluator *evaluator = NULL;
    struct sheaf_string out = {0};
    sheaf_column result, columns[] = {{.type = SHEAF_I64, .values = memory + 1},
                                      {.type = SHEAF_F64, .values = memory + 67},
                                      {.type = SHEAF_I32, .values = memory + 131}};
    sheaf_error error;

    memcpy(memory + 1, n_values, 24);
    memcpy(memory + 67, x_values, 24);
    memcpy(memory + 131, small_values, 12);
    UNIT_OK(sheaf_expression_parse("if(n > 0, x, small + n)", &schema, &expression, &error),
            &error);
    UNIT_OK(sheaf_evaluator_open(expression, &evaluator, &error), &error);
    UNIT_OK(sheaf_evaluator_values(evaluator, columns, 3, &result, NULL, &error), &error);
    describe(&result, 3, &out);
    CU_ASSERT_STRING_EQUAL(out.bytes, "2.5|-9|inf");
    sheaf_string_free(&out);
    sheaf_evaluator_close(evaluator);
    sheaf_expression_close(expression);
}

/* -- errors -------------------------------------------------------------------------------- */

static void errors_point_at_the_character(void)
{
    refused("", 201, 1, "expected a value, but the expression ends");
    refused("n >", 201, 4, "expected a value, but the expression ends");
    refused("n > )", 201, 5, "expected a value, found )");
    refused("(n > 1", 201, 7, "expected an operator or ), but the expression ends");
    refused("n > 1)", 201, 6, "expected an operator or the end, found )");
    refused("n n", 201, 3, "expected an operator or the end, found n");
    refused("1 < n < 3", 201, 7, "expected and, or, or the end, found <");
    refused("n == missing", 201, 6, "expected a value, found missing");
    refused("n is null", 201, 6, "expected missing or not missing, found null");
    refused("n in 3", 201, 6, "expected ( and a list, found 3");
    refused("n in (3", 201, 8, "expected a comma or ), but the expression ends");
    refused("n in ()", 201, 7, "expected a value, found )");
    refused("n not 3", 201, 7, "expected in, found 3");
    refused("'open", 201, 1, "this quote is never closed");
    refused("`open", 201, 1, "this tick is never closed");
    refused("n > 1 && n < 2", 201, 7, "this character means nothing here");
    refused("n ? 1", 201, 3, "this character means nothing here");
    refused("3abc > 1", 201, 1, "a number is followed by letters");
    refused("gr\xC3\xB6\xC3\x9F"
            "e > ?",
            201, 9, "this character means nothing here");
    refused("1e999 > 1", 201, 1, "the number is too large for a double");
    refused("999999999999999999999999999999999999999999", 201, 1,
            "the number has more than 38 digits");
    refused("0.1234567890123456789", 201, 1, "the number has more than 18 digits after the point");
    refused("foo(n)", 201, 1, "there is no function foo");
    refused("abs()", 202, 1, "abs takes 1 argument, not 0");
    refused("abs(n, n)", 202, 1, "abs takes 1 argument, not 2");
    refused("if(flag)", 202, 1, "if takes 2 or more arguments, not 1");
    refused("round(n, 1, 2)", 202, 1, "round takes 2 or less arguments, not 3");
    refused("#99 > 1", 202, 1, "there is no column \"#99\"");
}

static void errors_say_what_to_do(void)
{
    helps("prise > 3", "  prise > 3\n  ^^^^^\nDid you mean price?");
    helps("n > 1 and nmae == 'x'", "  n > 1 and nmae == 'x'\n            ^^^^\nDid you mean name?");
    helps("flor(x)", "  flor(x)\n  ^^^^\nDid you mean floor?");
    helps("n && n", "  n && n\n    ^\nWrite: and");
    helps("1 < n < 3", "  1 < n < 3\n        ^\nComparisons do not chain.  Write: a < x and x < b");
    helps("n = missing",
          "  n = missing\n      ^^^^^^^\nNothing equals what is missing.  Write: x is "
          "missing");
    helps("in > 3", "  in > 3\n  ^^\nA column of that name is written in ticks: `in`");
    helps("gr\xC3\xB6\xC3\x9F"
          "e >\n ?",
          "  gr\xC3\xB6\xC3\x9F"
          "e >  ?\n           ^");
}

static void deep_and_long_expressions_are_refused_or_work(void)
{
    struct sheaf_string text = {0};
    struct sheaf_expression *expression = NULL;
    sheaf_error error;

    for (int i = 0; i < 100000; i++)
        sheaf_string_append(&text, "(");
    CU_ASSERT_EQUAL(sheaf_expression_parse(text.bytes, &schema, &expression, &error),
                    SHEAF_BAD_ARGUMENT);
    sheaf_string_clear(&text);
    for (int i = 0; i < 100000; i++)
        sheaf_string_append(&text, "not ");
    CU_ASSERT_EQUAL(sheaf_expression_parse(text.bytes, &schema, &expression, &error),
                    SHEAF_BAD_ARGUMENT);
    sheaf_string_clear(&text);
    for (int i = 0; i < 100000; i++)
        sheaf_string_append(&text, "n + ");
    sheaf_string_append(&text, "n");
    CU_ASSERT_EQUAL(sheaf_expression_parse(text.bytes, &schema, &expression, &error),
                    SHEAF_BAD_ARGUMENT);
    sheaf_string_clear(&text);
    sheaf_string_append(&text, "n in (-1");
    for (int i = 0; i < 2000; i++)
        sheaf_string_append_format(&text, ",%d", i);
    sheaf_string_append(&text, ")");
    is(text.bytes, "true|false|false|?");
    sheaf_string_free(&text);
}

/* Whatever the bytes: an expression or an error, never anything else. */
static void random_text_is_harmless(void)
{
    static const char *const parts[] = {
        "n",      "price",     "x",  "name", "flag", "day", "(",     ")",   "and",
        "or",     "not",       "is", "in",   ",",    "<",   "==",    "+",   "-",
        "*",      "/",         "%",  "1",    "0.5",  "'a'", "2e1",   "if(", "missing",
        "round(", "coalesce(", "`",  "'",    "\xFF", "#1",  "lower("};
    struct unit_random random = {5};
    int good = 0;

    for (int round = 0; round < 20000; round++) {
        char text[200] = "";
        struct sheaf_expression *expression = NULL;
        sheaf_error error;
        for (unsigned i = unit_random_below(&random, 12); i-- > 0;) {
            strcat(text, parts[unit_random_below(&random, COUNT(parts))]);
            strcat(text, " ");
        }
        if (sheaf_expression_parse(text, &schema, &expression, &error) == SHEAF_OK)
            good++;
        sheaf_expression_close(expression);
    }
    CU_ASSERT(good > 100);
}

/* -- selections ---------------------------------------------------------------------------- */

static void selection_names_its_columns(void)
{
    static const char *const wanted[] = {"name", "twice", "odd `name`", "n + 1", "x y", "mean(x)"};
    struct sheaf_selection selection;
    sheaf_error error;

    UNIT_OK(
        sheaf_selection_parse("name, n * 2 as twice, `odd ``name```, n + 1 , x as `x y`, mean(x)",
                              &schema, &selection, &error),
        &error);
    CU_ASSERT_EQUAL(selection.count, COUNT(wanted));
    for (size_t i = 0; i < selection.count && i < COUNT(wanted); i++)
        CU_ASSERT_STRING_EQUAL(selection.items[i].name, wanted[i]);
    CU_ASSERT_EQUAL(sheaf_expression_column(selection.items[0].expression), 8);
    CU_ASSERT_EQUAL(sheaf_expression_column(selection.items[1].expression), -1);
    sheaf_selection_free(&selection);

    UNIT_OK(sheaf_selection_parse("*, price / n as unit", &schema, &selection, &error), &error);
    CU_ASSERT_EQUAL(selection.count, COUNT(table) + 1);
    CU_ASSERT_STRING_EQUAL(selection.items[COUNT(table)].name, "unit");
    sheaf_selection_free(&selection);

    CU_ASSERT_EQUAL(sheaf_selection_parse("n, x as n", &schema, &selection, &error),
                    SHEAF_BAD_ARGUMENT);
    CU_ASSERT_STRING_EQUAL(error.message, "expression:4: two columns would be called \"n\" (E202)");
    CU_ASSERT_EQUAL(sheaf_selection_parse("n,", &schema, &selection, &error), SHEAF_BAD_ARGUMENT);
    CU_ASSERT_EQUAL(sheaf_selection_parse("n as 3", &schema, &selection, &error),
                    SHEAF_BAD_ARGUMENT);
    CU_ASSERT_EQUAL(sheaf_selection_parse("n x", &schema, &selection, &error), SHEAF_BAD_ARGUMENT);
    CU_ASSERT_EQUAL(selection.count, 0);
}

/* -- against a naive reading --------------------------------------------------------------- */

enum { ROWS = 150, NODES = 64 };
enum form { BOOLEAN, EXACT, DOUBLE };

/* One value, as the document says it, with nothing clever about it. */
struct naive {
    enum form form;
    bool missing, failed; /* failed: it can not be represented */
    bool truth;
    sheaf_int128 exact;
    int scale;
    double real;
};

struct tree {
    enum form form;
    int scale;
    char op[12]; /* a column's letter, "1" for a literal, or the operator */
    struct tree *left, *right, *third;
    sheaf_int128 literal;
};

static struct tree pool[NODES];
static size_t pool_used;
static struct unit_random dice = {99};
static int64_t exact_columns[4][ROWS]; /* a and b of scale 0, p of 2, q of 4 */
static double real_columns[2][ROWS];
static uint8_t bool_column[ROWS];
static uint64_t presence[7][3];
static const int scales[4] = {0, 0, 2, 4};

static sheaf_int128 ten_to(int exponent)
{
    return exponent == 0 ? 1 : 10 * ten_to(exponent - 1);
}

static struct tree *plant(enum form form, const char *op)
{
    struct tree *tree = &pool[pool_used++];

    *tree = (struct tree){.form = form};
    strcpy(tree->op, op);
    return tree;
}

static struct tree *grow_exact(int depth);
static struct tree *grow_double(int depth);

static const char *pick(const char *const *from, size_t count)
{
    return from[unit_random_below(&dice, (unsigned)count)];
}

static struct tree *grow_bool(int depth)
{
    static const char *const comparisons[] = {"==", "!=", "<", "<=", ">", ">="};

    if (depth <= 0)
        return plant(BOOLEAN, "f");
    struct tree *tree;
    switch (unit_random_below(&dice, 6)) {
    case 0:
        tree = plant(BOOLEAN, "not");
        tree->left = grow_bool(depth - 1);
        return tree;
    case 1:
        tree = plant(BOOLEAN, "missing");
        tree->left = unit_random_below(&dice, 2) ? grow_exact(depth - 1) : grow_double(depth - 1);
        return tree;
    case 2:
        tree = plant(BOOLEAN, unit_random_below(&dice, 2) ? "and" : "or");
        tree->left = grow_bool(depth - 1);
        tree->right = grow_bool(depth - 1);
        return tree;
    default:
        tree = plant(BOOLEAN, pick(comparisons, 6));
        tree->left = unit_random_below(&dice, 3) ? grow_exact(depth - 1) : grow_double(depth - 1);
        tree->right = unit_random_below(&dice, 3) ? grow_exact(depth - 1) : grow_double(depth - 1);
        return tree;
    }
}

static struct tree *grow_exact(int depth)
{
    static const char *const arithmetic[] = {"+", "-", "*", "%"};
    static const char *const leaves[] = {"a", "b", "p", "q"};
    struct tree *tree;

    if (depth <= 0 || unit_random_below(&dice, 4) == 0) {
        unsigned which = unit_random_below(&dice, 6);
        tree = plant(EXACT, which < 4 ? leaves[which] : "1");
        if (which < 4)
            tree->scale = scales[which];
        else {
            tree->scale = (int)unit_random_below(&dice, 4);
            tree->literal = unit_random_below(&dice, 3000);
        }
        return tree;
    }
    switch (unit_random_below(&dice, 6)) {
    case 0:
        tree = plant(EXACT, unit_random_below(&dice, 2) ? "abs" : "neg");
        tree->left = grow_exact(depth - 1);
        tree->scale = tree->left->scale;
        return tree;
    case 1:
        tree = plant(EXACT, "round");
        tree->left = grow_exact(depth - 1);
        tree->literal = unit_random_below(&dice, 4);
        tree->scale =
            (int)tree->literal < tree->left->scale ? (int)tree->literal : tree->left->scale;
        return tree;
    case 2:
        tree = plant(EXACT, unit_random_below(&dice, 2) ? "if" : "coalesce");
        tree->left = grow_exact(depth - 1);
        tree->right = grow_exact(depth - 1);
        if (tree->op[0] == 'i')
            tree->third = grow_bool(depth - 1);
        tree->scale =
            tree->left->scale > tree->right->scale ? tree->left->scale : tree->right->scale;
        return tree;
    default:
        tree = plant(EXACT, pick(arithmetic, 4));
        tree->left = grow_exact(depth - 1);
        tree->right = grow_exact(depth - 1);
        tree->scale =
            tree->left->scale > tree->right->scale ? tree->left->scale : tree->right->scale;
        if (tree->op[0] == '*')
            tree->scale = tree->left->scale + tree->right->scale;
        return tree;
    }
}

static struct tree *grow_double(int depth)
{
    static const char *const arithmetic[] = {"+", "-", "*", "/"};

    if (depth <= 0)
        return plant(DOUBLE, unit_random_below(&dice, 2) ? "x" : "y");
    struct tree *tree = plant(DOUBLE, pick(arithmetic, 4));
    tree->left = unit_random_below(&dice, 2) ? grow_exact(depth - 1) : grow_double(depth - 1);
    tree->right = tree->op[0] == '/' && unit_random_below(&dice, 2) ? grow_exact(depth - 1)
                                                                    : grow_double(depth - 1);
    return tree;
}

static void print_tree(const struct tree *tree, struct sheaf_string *out)
{
    if (strcmp(tree->op, "1") == 0) {
        char digits[64];
        sheaf_kind kind = {SHEAF_WIDE, tree->scale};
        sheaf_string_append_bytes(out, digits, sheaf_format_value(kind, &tree->literal, digits));
        return;
    }
    bool call = strlen(tree->op) > 1 && strchr("airc", tree->op[0]) && strcmp(tree->op, "and");
    if (!tree->left) {
        sheaf_string_append(out, tree->op);
        return;
    }
    if (call) {
        sheaf_string_append(out, tree->op);
        sheaf_string_append(out, "(");
        if (tree->third) {
            print_tree(tree->third, out);
            sheaf_string_append(out, ", ");
        }
        print_tree(tree->left, out);
        if (tree->right) {
            sheaf_string_append(out, ", ");
            print_tree(tree->right, out);
        }
        if (strcmp(tree->op, "round") == 0)
            sheaf_string_append_format(out, ", %d", (int)tree->literal);
        sheaf_string_append(out, ")");
        return;
    }
    sheaf_string_append(out, "(");
    if (strcmp(tree->op, "not") == 0 || strcmp(tree->op, "neg") == 0)
        sheaf_string_append(out, tree->op[1] == 'o' ? "not " : "-");
    print_tree(tree->left, out);
    if (strcmp(tree->op, "missing") == 0)
        sheaf_string_append(out, " is missing");
    if (tree->right) {
        sheaf_string_append_format(out, " %s ", tree->op);
        print_tree(tree->right, out);
    }
    sheaf_string_append(out, ")");
}

static bool there(size_t column, size_t row)
{
    return presence[column][row / 64] >> row % 64 & 1;
}

static void settle(struct naive *value, sheaf_int128 exact, int scale)
{
    value->exact = exact;
    value->scale = scale;
    bool fits = scale > 0 ? exact < ten_to(18) && exact > -ten_to(18) : exact == (int64_t)exact;
    value->failed |= !value->missing && !fits;
}

static double as_double(struct naive value)
{
    char text[64];

    if (value.form == DOUBLE)
        return value.real;
    size_t size = sheaf_format_value((sheaf_kind){SHEAF_WIDE, value.scale}, &value.exact, text);
    text[size] = '\0';
    return strtod(text, NULL);
}

static struct naive naive_of(const struct tree *tree, size_t row);

static struct naive naive_choice(const struct tree *tree, size_t row)
{
    struct naive chosen;

    if (tree->third) {
        struct naive condition = naive_of(tree->third, row);
        if (condition.failed)
            return condition;
        chosen = naive_of(!condition.missing && condition.truth ? tree->left : tree->right, row);
    } else {
        chosen = naive_of(tree->left, row);
        if (!chosen.failed && chosen.missing)
            chosen = naive_of(tree->right, row);
        else if (!chosen.failed && chosen.scale == tree->scale)
            return chosen;
    }
    if (chosen.missing)
        chosen.exact = 0;
    if (!chosen.failed)
        settle(&chosen, chosen.exact * ten_to(tree->scale - chosen.scale), tree->scale);
    return chosen;
}

static struct naive naive_logic(const struct tree *tree, size_t row)
{
    bool deciding = strcmp(tree->op, "or") == 0;
    struct naive a = naive_of(tree->left, row), b;

    if (a.failed || (!a.missing && a.truth == deciding))
        return a;
    b = naive_of(tree->right, row);
    if (b.failed || (!b.missing && b.truth == deciding))
        return b;
    a.missing |= b.missing;
    return a;
}

static struct naive naive_comparison(const struct tree *tree, struct naive a, struct naive b)
{
    struct naive value = {.form = BOOLEAN, .missing = a.missing || b.missing};
    int sign;

    if (a.form == EXACT && b.form == EXACT) {
        sheaf_int128 left = a.exact * ten_to(18 - a.scale), right = b.exact * ten_to(18 - b.scale);
        sign = (left > right) - (left < right);
    } else {
        sign = (as_double(a) > as_double(b)) - (as_double(a) < as_double(b));
    }
    const char *op = tree->op;
    value.truth = strcmp(op, "==") == 0   ? sign == 0
                  : strcmp(op, "!=") == 0 ? sign != 0
                  : strcmp(op, "<") == 0  ? sign < 0
                  : strcmp(op, "<=") == 0 ? sign <= 0
                  : strcmp(op, ">") == 0  ? sign > 0
                                          : sign >= 0;
    return value;
}

static struct naive naive_exact(const struct tree *tree, struct naive a, struct naive b)
{
    struct naive value = {.form = EXACT, .missing = a.missing || b.missing, .scale = tree->scale};

    if (tree->op[0] == '*') {
        if (!value.missing)
            settle(&value, a.exact * b.exact, tree->scale);
        return value;
    }
    /* Both are brought to the same scale first, and must fit there. */
    if (!a.missing)
        settle(&a, a.exact * ten_to(tree->scale - a.scale), tree->scale);
    if (!b.missing)
        settle(&b, b.exact * ten_to(tree->scale - b.scale), tree->scale);
    value.failed = a.failed || b.failed;
    if (value.missing || value.failed)
        return value;
    if (tree->op[0] == '%' && b.exact == 0) {
        value.missing = true;
        return value;
    }
    settle(&value,
           tree->op[0] == '+'   ? a.exact + b.exact
           : tree->op[0] == '-' ? a.exact - b.exact
                                : a.exact % b.exact,
           tree->scale);
    return value;
}

static struct naive naive_round(struct naive a, int scale)
{
    sheaf_int128 power = ten_to(a.scale - scale), amount = a.exact < 0 ? -a.exact : a.exact;

    amount = (amount + power / 2) / power;
    settle(&a, a.exact < 0 ? -amount : amount, scale);
    return a;
}

static struct naive naive_leaf(const struct tree *tree, size_t row)
{
    struct naive value = {.form = tree->form, .scale = tree->scale, .exact = tree->literal};
    static const char letters[] = "abpqxyf";
    const char *column = strchr(letters, tree->op[0]);

    if (!column)
        return value;
    size_t which = (size_t)(column - letters);
    value.missing = !there(which, row);
    if (which < 4)
        value.exact = exact_columns[which][row];
    else if (which < 6)
        value.real = real_columns[which - 4][row];
    else
        value.truth = bool_column[row];
    return value;
}

static struct naive naive_of(const struct tree *tree, size_t row)
{
    struct naive a, b = {0};

    if (!tree->left)
        return naive_leaf(tree, row);
    if (strcmp(tree->op, "if") == 0 || strcmp(tree->op, "coalesce") == 0)
        return naive_choice(tree, row);
    if (strcmp(tree->op, "and") == 0 || strcmp(tree->op, "or") == 0)
        return naive_logic(tree, row);
    a = naive_of(tree->left, row);
    if (tree->right)
        b = naive_of(tree->right, row);
    if (a.failed || b.failed)
        return a.failed ? a : b;
    if (strcmp(tree->op, "not") == 0) {
        a.truth = !a.truth;
        return a;
    }
    if (strcmp(tree->op, "missing") == 0)
        return (struct naive){.form = BOOLEAN, .truth = a.missing};
    if (strcmp(tree->op, "neg") == 0 || (strcmp(tree->op, "abs") == 0 && a.exact < 0)) {
        settle(&a, -a.exact, a.scale);
        return a;
    }
    if (strcmp(tree->op, "abs") == 0)
        return a;
    if (strcmp(tree->op, "round") == 0)
        return naive_round(a, tree->scale);
    if (tree->form == BOOLEAN)
        return naive_comparison(tree, a, b);
    if (tree->form == EXACT)
        return naive_exact(tree, a, b);
    struct naive value = {.form = DOUBLE, .missing = a.missing || b.missing};
    double left = as_double(a), right = as_double(b);
    value.missing |= tree->op[0] == '/' && right == 0;
    value.real = tree->op[0] == '+'   ? left + right
                 : tree->op[0] == '-' ? left - right
                 : tree->op[0] == '*' ? left * right
                 : value.missing      ? 0
                                      : left / right;
    value.missing |= isnan(value.real) != 0;
    return value;
}

static bool agrees(struct naive wanted, const sheaf_column *got, size_t row)
{
    if (wanted.missing || !sheaf_present(got, row))
        return wanted.missing && !sheaf_present(got, row);
    if (wanted.form == BOOLEAN)
        return got->type == SHEAF_BOOL && got->boolean[row] == wanted.truth;
    if (wanted.form == DOUBLE)
        return got->type == SHEAF_F64 && memcmp(&got->f64[row], &wanted.real, 8) == 0;
    return got->scale == wanted.scale && got->i64[row] == (int64_t)wanted.exact;
}

static void fill_random_columns(void)
{
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t c = 0; c < 4; c++)
            exact_columns[c][row] = (int64_t)unit_random_below(&dice, 400) - 200;
        if (unit_random_below(&dice, 60) == 0)
            exact_columns[0][row] = BIG - (int64_t)unit_random_below(&dice, 3);
        for (size_t c = 0; c < 2; c++)
            real_columns[c][row] = ((double)unit_random_below(&dice, 400) - 200) / 100;
        bool_column[row] = (uint8_t)unit_random_below(&dice, 2);
        for (size_t c = 0; c < 7; c++) {
            bool present = unit_random_below(&dice, 8) > 0;
            presence[c][row / 64] = (presence[c][row / 64] & ~((uint64_t)1 << row % 64)) |
                                    (uint64_t)present << row % 64;
            if (!present && c < 4)
                exact_columns[c][row] = 0;
            if (!present && c == 6)
                bool_column[row] = 0;
        }
    }
}

static bool same_everywhere(const struct tree *tree, const char *text,
                            const struct sheaf_schema *columns)
{
    struct sheaf_expression *expression = NULL;
    struct sheaf_evaluator *evaluator = NULL;
    sheaf_column all[7], needed[7], result;
    const uint32_t *needs;
    size_t bad_row, wanted_bad = SIZE_MAX;
    sheaf_error error;

    for (size_t c = 0; c < 7; c++)
        all[c] = (sheaf_column){.type = columns->fields[c].kind.type,
                                .scale = columns->fields[c].kind.scale,
                                .values = c < 4   ? (const void *)exact_columns[c]
                                          : c < 6 ? (const void *)real_columns[c - 4]
                                                  : bool_column,
                                .present = presence[c]};
    UNIT_OK(sheaf_expression_parse(text, columns, &expression, &error), &error);
    UNIT_OK(sheaf_evaluator_open(expression, &evaluator, &error), &error);
    for (size_t i = sheaf_expression_needs(expression, &needs); i-- > 0;)
        needed[i] = all[needs[i]];
    sheaf_status status =
        sheaf_evaluator_values(evaluator, needed, ROWS, &result, &bad_row, &error);
    for (size_t row = ROWS; row-- > 0;)
        if (naive_of(tree, row).failed)
            wanted_bad = row;
    bool same = bad_row == wanted_bad && (status == SHEAF_OK) == (wanted_bad == SIZE_MAX);
    if (!same)
        printf("\nbad row %zd, wanted %zd: %s", (ssize_t)bad_row, (ssize_t)wanted_bad,
               status ? error.message : "none");
    for (size_t row = 0; same && status == SHEAF_OK && row < ROWS; row++)
        same = agrees(naive_of(tree, row), &result, row);
    sheaf_evaluator_close(evaluator);
    sheaf_expression_close(expression);
    return same;
}

static int deepest_scale(const struct tree *tree)
{
    int deepest = tree->scale;

    for (size_t i = 0; i < pool_used; i++)
        if (pool[i].scale > deepest)
            deepest = pool[i].scale;
    return deepest;
}

static void random_expressions_mean_what_a_naive_reading_says(void)
{
    struct sheaf_schema columns;
    int wrong = 0, done = 0;
    sheaf_error error;

    UNIT_OK(sheaf_schema_parse("a:i64,b:i64,p:decimal(2),q:decimal(4),x:f64,y:f64,f:bool", &columns,
                               &error),
            &error);
    for (int round = 0; round < 3000 && wrong < 5; round++) {
        struct sheaf_string text = {0};
        pool_used = 0;
        if (round % 20 == 0)
            fill_random_columns();
        struct tree *tree = round % 3 == 0   ? grow_bool(3)
                            : round % 3 == 1 ? grow_exact(3)
                                             : grow_double(3);
        if (deepest_scale(tree) > 18)
            continue;
        print_tree(tree, &text);
        if (!same_everywhere(tree, text.bytes, &columns)) {
            printf("\ndiffers: %s\n", text.bytes);
            wrong++;
        }
        done++;
        sheaf_string_free(&text);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(done > 2000);
    sheaf_schema_free(&columns);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(columns_are_found_by_name_and_place),
        UNIT(literals_are_what_they_look_like),
        UNIT(operators_bind_as_documented),
        UNIT(exact_numbers_stay_exact),
        UNIT(what_does_not_fit_is_an_error_of_its_row),
        UNIT(division_is_that_of_doubles),
        UNIT(no_value_is_missing),
        UNIT(remainder_has_the_sign_of_the_left),
        UNIT(exact_numbers_compare_exactly),
        UNIT(text_is_compared_byte_by_byte),
        UNIT(literals_beside_dates_are_dates),
        UNIT(truth_is_compared_but_not_ordered),
        UNIT(kinds_are_not_mixed),
        UNIT(missing_is_neither_true_nor_false),
        UNIT(functions_do_as_documented),
        UNIT(what_is_not_needed_does_not_fail),
        UNIT(filter_keeps_what_is_true),
        UNIT(values_need_not_be_aligned),
        UNIT(errors_point_at_the_character),
        UNIT(errors_say_what_to_do),
        UNIT(deep_and_long_expressions_are_refused_or_work),
        UNIT(random_text_is_harmless),
        UNIT(selection_names_its_columns),
        UNIT(random_expressions_mean_what_a_naive_reading_says),
        {0},
    };
    open_table();
    int result = unit_run("expression", tests);
    sheaf_schema_free(&schema);
    return result;
}
