/* reading.c - odd bytes, odd shapes, and types that show late: defined, and never silently wrong */
#include <stdlib.h>
#include <string.h>

#include "command/shell.h"

static const char *const shard_sizes[] = {"1", "2", "3", "5", "8", "13", "64", "1000"};
#define SIZES (sizeof shard_sizes / sizeof shard_sizes[0])

/* The answer to a question, serially in one shard and then in shards of many sizes. */
static void same_for_every_shard_size(const char *question, const char *expected)
{
    SHELL_EXPECT(shell("sheaf %s --inline", question), 0, expected);
    for (size_t i = 0; i < SIZES; i++)
        SHELL_EXPECT(shell("sheaf %s -j %zu --shard-size %s", question, 1 + i % 3, shard_sizes[i]),
                     0, expected);
}

/* -- bytes --------------------------------------------------------------------------------------
 */

static void an_empty_file_has_no_rows(void)
{
    shell_file("empty.csv", "");
    SHELL_EXPECT(shell("sheaf count empty.csv"), 0, "count\n0\n");
    SHELL_EXPECT(shell("sheaf records empty.csv"), 0, "");
    SHELL_EXPECT(shell("sheaf group '' 'count()' empty.csv"), 0, "count()\n0\n");
    SHELL_EXPECT(shell("sheaf stats empty.csv"), 0,
                 "column,type,count,missing,distinct,min,max,mean,deviation\n");
    SHELL_EXPECT(shell("sheaf head empty.csv -f jsonl"), 0, "");
    SHELL_EXPECT(shell("sheaf count - < /dev/null"), 0, "count\n0\n");
}

static void a_header_alone_names_columns_without_values(void)
{
    shell_file("names.csv", "a,b\n");
    SHELL_EXPECT(shell("sheaf count names.csv"), 0, "count\n0\n");
    SHELL_EXPECT(shell("sheaf head names.csv"), 0, "a,b\n");
    SHELL_EXPECT(shell("sheaf freq a names.csv"), 0, "a,count\n");
    SHELL_EXPECT(shell("sheaf schema names.csv"), 0, "a:text,b:text\n");
    SHELL_EXPECT(shell("sheaf stats names.csv"), 0,
                 "column,type,count,missing,distinct,min,max,mean,deviation\n"
                 "a,text,0,0,0,,,,\nb,text,0,0,0,,,,\n");
    SHELL_EXPECT(shell("sheaf group '' 'sum(a) count()' names.csv --schema a:i64"), 0,
                 "sum(a),count()\n0,0\n");
}

static void the_last_record_needs_no_newline(void)
{
    shell_file("last.csv", "a,b\n1,2\n3,4");
    same_for_every_shard_size("group '' 'sum(a) sum(b) count()' last.csv",
                              "sum(a),sum(b),count()\n4,6,2\n");
    shell_file("comma.csv", "a,b\n1,2\n3,");
    same_for_every_shard_size("group '' 'sum(a) sum(b) count()' comma.csv",
                              "sum(a),sum(b),count()\n4,2,2\n");
}

static void a_byte_order_mark_is_no_data(void)
{
    shell_file("mark.csv", "\xEF\xBB\xBF\"a\",b\n1,2\n");
    SHELL_EXPECT(shell("sheaf head mark.csv"), 0, "a,b\n1,2\n");
    SHELL_EXPECT(shell("sheaf records mark.csv --offsets"), 0,
                 "3 1 [\"a\",\"b\"]\n9 2 [\"1\",\"2\"]\n");
    SHELL_EXPECT(shell("cat mark.csv | sheaf group '' 'sum(a)' -"), 0, "sum(a)\n1\n");
}

static void cr_lf_and_crlf_each_end_a_record(void)
{
    shell_file("ends.csv", "k,v\r\na,1\rb,2\na,\"3\"\r\nb,4\r");
    same_for_every_shard_size("group k 'sum(v) count()' ends.csv",
                              "k,sum(v),count()\na,4,2\nb,6,2\n");
    SHELL_EXPECT(shell("sheaf records ends.csv --offsets | cut -d ' ' -f 1,2 | tr '\\n' ' '"), 0,
                 "0 1 5 2 9 3 13 4 20 5 ");
}

static void nul_bytes_are_data(void)
{
    static const char bytes[] = "k,v\nx\0y,1\nx,2\nx\0y,3\n";

    shell_bytes("nul.csv", bytes, sizeof bytes - 1);
    same_for_every_shard_size("group k 'sum(v)' nul.csv -f jsonl",
                              "{\"k\":\"x\\u0000y\",\"sum(v)\":4}\n{\"k\":\"x\",\"sum(v)\":2}\n");
}

static void utf8_is_kept_and_what_is_none_is_a_bad_row(void)
{
    shell_file("towns.csv", "town,n\nMünchen,1\n東京,2\n🙂,3\nMünchen,4\n");
    same_for_every_shard_size("group town 'sum(n)' towns.csv",
                              "town,sum(n)\nMünchen,5\n東京,2\n🙂,3\n");
    shell_file("latin.csv", "town,n\nOslo,1\nM\xFCnchen,2\n");
    SHELL_REFUSED(shell("sheaf freq town latin.csv"), 5, "latin.csv:3:1:", "UTF-8", "E403",
                  "byte 14", "iconv");
    SHELL_EXPECT(shell("sheaf freq town latin.csv --on-bad-row skip -q"), 0,
                 "town,count\nOslo,1\n");
    SHELL_EXPECT(shell("sheaf group '' 'sum(n)' latin.csv --on-bad-row null -q"), 0, "sum(n)\n3\n");
    shell_bytes("utf16.csv",
                "\xFF\xFE"
                "a\0,\0",
                6);
    SHELL_REFUSED(shell("sheaf count utf16.csv"), 5, "UTF-16", "E403");
}

/* -- quotes and shards ------------------------------------------------------------------------- */

static void a_quoted_newline_ends_no_record_wherever_shards_are_cut(void)
{
    shell_file("quoted.csv",
               "k,v\n\"a\nb,9\n\",1\nc,2\n\"a\nb,9\n\",3\n\"\"\"\n\"\"\",4\n\",\n,\",5\n");
    same_for_every_shard_size(
        "group k 'sum(v)' quoted.csv -f jsonl",
        "{\"k\":\"a\\nb,9\\n\",\"sum(v)\":4}\n{\"k\":\"c\",\"sum(v)\":2}\n"
        "{\"k\":\"\\\"\\n\\\"\",\"sum(v)\":4}\n{\"k\":\",\\n,\",\"sum(v)\":5}\n");
    same_for_every_shard_size("where 'v > 3' quoted.csv", "k,v\n\"\"\"\n\"\"\",4\n\",\n,\",5\n");
}

static void a_record_may_be_longer_than_a_shard(void)
{
    char *text = malloc(300100), *at = text;

    at += sprintf(at, "k,v\nfirst,1\n\"");
    for (int i = 0; i < 100000; i++)
        at += sprintf(at, i % 10 ? "x, " : "\n\"\"");
    at += sprintf(at, "\",2\nlast,3\n");
    shell_bytes("long.csv", text, (size_t)(at - text));
    free(text);
    for (size_t size = 900; size < 400000; size = 5 * size + 1)
        SHELL_EXPECT(shell("sheaf select 'length(k) as n, v' long.csv --shard-size %zu -j 2", size),
                     0, "n,v\n5,1\n290000,2\n4,3\n");
}

static void ragged_rows_are_bad_rows_wherever_they_stand(void)
{
    shell_file("ragged.csv", "a,b\n1,2\n3\n4,5,6\n\n7,8\n");
    for (size_t i = 0; i < SIZES; i++) {
        SHELL_REFUSED(shell("sheaf group a 'sum(b)' ragged.csv --shard-size %s", shard_sizes[i]), 5,
                      "ragged.csv:3:1: expected 2 fields, got 1", "byte 8");
        SHELL_EXPECT(
            shell("sheaf group '' 'sum(b)' ragged.csv --on-bad-row skip --rejects bad.csv -q "
                  "--shard-size %s; cat bad.csv",
                  shard_sizes[i]),
            0,
            "sum(b)\n10\nfile,line,record,byte,column,kind,value\n"
            "ragged.csv,3,3,8,,width,\"3\"\nragged.csv,4,4,10,,width,\"4,5,6\"\n");
    }
    SHELL_EXPECT(shell("sheaf records ragged.csv"), 0,
                 "[\"a\",\"b\"]\n[\"1\",\"2\"]\n[\"3\"]\n[\"4\",\"5\",\"6\"]\n[\"7\",\"8\"]\n");
}

static void repairs_are_counted_by_kind_with_their_first_place(void)
{
    struct shell_result r;

    shell_file("repairs.csv", "a,b\n1,x\"y\n\"p\"q,4\n2,z\"\n");
    for (size_t i = 0; i < SIZES; i++) {
        r = shell("sheaf count repairs.csv --shard-size %s", shard_sizes[i]);
        SHELL_EXPECT(r, 0, "count\n3\n");
        CU_ASSERT(strstr(r.err, "2 times: a quote inside a field without quotes, first at "
                                "repairs.csv:2 (byte 7)") != NULL);
        CU_ASSERT(strstr(r.err, "1 time: text after a closing quote, first at repairs.csv:3 "
                                "(byte 13)") != NULL);
    }
}

/* -- types that show late -------------------------------------------------------------------------
 */

/* 2.6 MB of integers, and then something else: beyond all that a first look sees. */
static void make_late(const char *name, const char *last)
{
    SHELL_EXPECT(shell("(echo n,k; seq 1 400000 | sed 's/$/,x/'; printf '%s') > %s", last, name), 0,
                 "");
}

static void decimals_may_come_late(void)
{
    make_late("late.csv", "0.25,y\\n");
    SHELL_EXPECT(shell("sheaf schema late.csv"), 0, "n:decimal(2),k:text\n");
    SHELL_EXPECT(shell("sheaf group k 'sum(n)' late.csv"), 0,
                 "k,sum(n)\nx,80000200000.00\ny,0.25\n");
    SHELL_EXPECT(shell("sheaf where 'n < 1' late.csv"), 0, "n,k\n0.25,y\n");
    SHELL_EXPECT(shell("sheaf group '' 'min(n) max(n)' late.csv -f jsonl"), 0,
                 "{\"min(n)\":0.25,\"max(n)\":400000.00}\n");
    SHELL_EXPECT(shell("sheaf head -n 1 late.csv -f jsonl"), 0, "{\"n\":1.00,\"k\":\"x\"}\n");
}

static void text_may_come_late(void)
{
    make_late("late.csv", "none,y\\n");
    SHELL_EXPECT(shell("sheaf schema late.csv"), 0, "n:text,k:text\n");
    SHELL_EXPECT(shell("sheaf group '' 'max(n) distinct(n)' late.csv"), 0,
                 "max(n),distinct(n)\nnone,400001\n");
    SHELL_REFUSED(shell("sheaf group k 'sum(n)' late.csv"), 5, "late.csv:400002:1:", "got \"none\"",
                  "E401", "--null");
    SHELL_EXPECT(shell("sheaf group k 'sum(n)' late.csv --null none"), 0,
                 "k,sum(n)\nx,80000200000\ny,0\n");
    SHELL_REFUSED(shell("sheaf group k 'sum(n)' late.csv --schema n:i64"), 5,
                  "late.csv:400002:1:", "expected an integer in \"n\", got \"none\"", "E401",
                  "--null");
}

static void leading_zeros_that_come_late_make_a_text(void)
{
    make_late("late.csv", "007,y\\n7,z\\n");
    SHELL_EXPECT(shell("sheaf schema late.csv"), 0, "n:text,k:text\n");
    SHELL_EXPECT(shell("sheaf freq n late.csv | head -n 2"), 0, "n,count\n7,2\n");
    SHELL_EXPECT(shell("sheaf freq n late.csv | grep '^0'"), 0, "007,1\n");
}

static void large_integers_that_come_late_are_not_rounded(void)
{
    make_late("late.csv", "9007199254740993,y\\n9007199254740992,y\\n");
    SHELL_EXPECT(shell("sheaf group k 'sum(n) max(n)' late.csv"), 0,
                 "k,sum(n),max(n)\nx,80000200000,400000\ny,18014398509481985,9007199254740993\n");
    make_late("late.csv", "9223372036854775808,y\\n");
    SHELL_EXPECT(shell("sheaf schema late.csv"), 0, "n:text,k:text\n");
}

static void a_stream_says_that_it_can_not_be_read_again(void)
{
    make_late("late.csv", "0.25,y\\n");
    SHELL_REFUSED(shell("cat late.csv | sheaf group k 'sum(n)' -"), 5,
                  "standard input:400002:1:", "got \"0.25\"", "E401", "read only once");
    SHELL_EXPECT(shell("cat late.csv | sheaf group k 'sum(n)' - --schema 'n:decimal(2)'"), 0,
                 "k,sum(n)\nx,80000200000.00\ny,0.25\n");
    SHELL_EXPECT(shell("cat late.csv | sheaf schema -"), 0, "n:decimal(2),k:text\n");
}

static void values_are_what_the_page_on_values_says(void)
{
    shell_file("same.csv", "d,t,x\n1.0,2024-01-31T10:00Z,-0e0\n1,2024-01-31T11:00+01:00,0e0\n");
    SHELL_EXPECT(shell("sheaf group d 'count()' same.csv"), 0, "d,count()\n1.0,2\n");
    SHELL_EXPECT(shell("sheaf group t 'count()' same.csv"), 0,
                 "t,count()\n2024-01-31T10:00:00Z,2\n");
    SHELL_EXPECT(shell("sheaf count same.csv --by x | wc -l"), 0, "2\n");
    shell_file("blank.csv", "k,n\n,1\n\"\",2\n,3\n");
    SHELL_EXPECT(shell("sheaf group k 'sum(n)' blank.csv -f jsonl"), 0,
                 "{\"k\":null,\"sum(n)\":4}\n{\"k\":\"\",\"sum(n)\":2}\n");
    SHELL_EXPECT(shell("sheaf group k 'sum(n)' blank.csv"), 0, "k,sum(n)\n,4\n\"\",2\n");
    shell_file("big.csv", "n\n9223372036854775807\n9223372036854775807\n");
    SHELL_EXPECT(shell("sheaf group '' 'sum(n) mean(n)' big.csv"), 0,
                 "sum(n),mean(n)\n18446744073709551614,9.223372036854776e18\n");
    SHELL_REFUSED(shell("sheaf select 'n + 1 as m' big.csv"), 5, "big.csv:2", "E411");
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(an_empty_file_has_no_rows),
        UNIT(a_header_alone_names_columns_without_values),
        UNIT(the_last_record_needs_no_newline),
        UNIT(a_byte_order_mark_is_no_data),
        UNIT(cr_lf_and_crlf_each_end_a_record),
        UNIT(nul_bytes_are_data),
        UNIT(utf8_is_kept_and_what_is_none_is_a_bad_row),
        UNIT(a_quoted_newline_ends_no_record_wherever_shards_are_cut),
        UNIT(a_record_may_be_longer_than_a_shard),
        UNIT(ragged_rows_are_bad_rows_wherever_they_stand),
        UNIT(repairs_are_counted_by_kind_with_their_first_place),
        UNIT(decimals_may_come_late),
        UNIT(text_may_come_late),
        UNIT(leading_zeros_that_come_late_make_a_text),
        UNIT(large_integers_that_come_late_are_not_rounded),
        UNIT(a_stream_says_that_it_can_not_be_read_again),
        UNIT(values_are_what_the_page_on_values_says),
        {0},
    };

    shell_begin();
    int failed = unit_run("reading", tests);
    shell_end();
    return failed;
}
