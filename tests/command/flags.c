/* flags.c - every flag that the help names has a case here, which shows what it does */
#include <string.h>

#include "command/shell.h"

static void write_files(void)
{
    shell_file("orders.csv", "customer,amount\nada,10.50\nbob,3\nada,-0.25\n");
    shell_file("half.csv", "a;b\n1;2\n");
    shell_file("quotes.csv", "a,b\n'x,y',1\n");
    shell_file("escape.csv", "a,b\nx\\,y,1\n");
    shell_file("doubled.csv", "a,b\n\"x\"\"y\",1\n");
    shell_file("comment.csv", "#one\na,b\n#two\n1,2\n");
    shell_file("blank.csv", "a\n\n1\n");
    shell_file("spaces.csv", "a,b\n1, \"x,y\"\n");
    shell_file("return.csv", "a,b\n1,x\ry\n");
    shell_file("bare.csv", "a,b\n1,x\"y\n");
    shell_file("open.csv", "a,b\n1,\"x\n");
    shell_file("ragged.csv", "a,b\n1,2\n3\n4,5,6\n7,8\n");
    shell_file("missing.csv", "k,v\na,1\nb,NA\nc,-\n");
}

/* -- reading ------------------------------------------------------------------------------------
 */

static void delimiter(void)
{
    SHELL_EXPECT(shell("sheaf head half.csv -d ';'"), 0, "a,b\n1,2\n");
    SHELL_EXPECT(shell("sheaf records half.csv --delimiter ,"), 0, "[\"a;b\"]\n[\"1;2\"]\n");
    SHELL_EXPECT(shell("printf 'a\\tb\\n1\\t2\\n' | sheaf records - -d tab"), 0,
                 "[\"a\",\"b\"]\n[\"1\",\"2\"]\n");
    SHELL_EXPECT(shell("printf 'a:b\\n' | sheaf records - -d'\\x3a'"), 0, "[\"a\",\"b\"]\n");
    SHELL_REFUSED(shell("sheaf head half.csv -d xx"), 2, "one byte", "E101");
    SHELL_REFUSED(shell("sheaf head half.csv -d '\"'"), 2, "quote");
}

static void quote(void)
{
    SHELL_EXPECT(shell("sheaf records quotes.csv --quote \"'\""), 0,
                 "[\"a\",\"b\"]\n[\"x,y\",\"1\"]\n");
    SHELL_EXPECT(shell("sheaf records quotes.csv"), 0, "[\"a\",\"b\"]\n[\"'x\",\"y'\",\"1\"]\n");
    SHELL_EXPECT(shell("sheaf records doubled.csv --no-quote"), 0,
                 "[\"a\",\"b\"]\n[\"\\\"x\\\"\\\"y\\\"\",\"1\"]\n");
}

static void escape(void)
{
    SHELL_EXPECT(shell("sheaf records escape.csv --escape '\\'"), 0,
                 "[\"a\",\"b\"]\n[\"x,y\",\"1\"]\n");
}

static void no_doublequote(void)
{
    SHELL_EXPECT(shell("sheaf records doubled.csv"), 0, "[\"a\",\"b\"]\n[\"x\\\"y\",\"1\"]\n");
    SHELL_EXPECT(shell("sheaf records doubled.csv --no-doublequote"), 0,
                 "[\"a\",\"b\"]\n[\"x\\\"y\\\"\",\"1\"]\n");
}

static void comment(void)
{
    SHELL_EXPECT(shell("sheaf head comment.csv --comment '#'"), 0, "a,b\n1,2\n");
}

static void keep_blank(void)
{
    SHELL_EXPECT(shell("sheaf count blank.csv"), 0, "count\n1\n");
    SHELL_EXPECT(shell("sheaf count blank.csv --keep-blank"), 0, "count\n2\n");
}

static void skip_initial_space(void)
{
    SHELL_EXPECT(shell("sheaf records spaces.csv --skip-initial-space"), 0,
                 "[\"a\",\"b\"]\n[\"1\",\"x,y\"]\n");
    SHELL_EXPECT(shell("sheaf records spaces.csv"), 0,
                 "[\"a\",\"b\"]\n[\"1\",\" \\\"x\",\"y\\\"\"]\n");
}

static void newline(void)
{
    SHELL_EXPECT(shell("sheaf records return.csv"), 0, "[\"a\",\"b\"]\n[\"1\",\"x\"]\n[\"y\"]\n");
    SHELL_EXPECT(shell("sheaf records return.csv --newline any"), 0,
                 "[\"a\",\"b\"]\n[\"1\",\"x\"]\n[\"y\"]\n");
    SHELL_EXPECT(shell("sheaf records return.csv --newline lf"), 0,
                 "[\"a\",\"b\"]\n[\"1\",\"x\\ry\"]\n");
    SHELL_EXPECT(shell("printf 'a\\nb\\r\\nc\\r\\n' | sheaf records - --newline crlf"), 0,
                 "[\"a\\nb\"]\n[\"c\"]\n");
    SHELL_REFUSED(shell("sheaf records return.csv --newline cr"), 2, "--newline", "any|lf|crlf");
}

static void header(void)
{
    SHELL_EXPECT(shell("sheaf head orders.csv -n 1 --no-header"), 0, "c1,c2\ncustomer,amount\n");
    SHELL_EXPECT(shell("printf '1,2\\n3,4\\n' | sheaf head - --header"), 0, "1,2\n3,4\n");
    SHELL_EXPECT(shell("printf '1,2\\n3,4\\n' | sheaf head -"), 0, "c1,c2\n1,2\n3,4\n");
}

static void schema(void)
{
    SHELL_EXPECT(shell("sheaf schema orders.csv --schema amount:f64"), 0,
                 "customer:text,amount:f64\n");
    SHELL_EXPECT(shell("sheaf run sum orders.csv --no-header --schema k:text,value:text --bind "
                       "value=k 2>/dev/null"),
                 2, "");
    SHELL_EXPECT(
        shell("tail -n 3 orders.csv | sheaf run sum - --no-header --schema k:text,value:f64"), 0,
        "sum\n13.25\n");
    SHELL_REFUSED(shell("sheaf head orders.csv --schema amount:i65"), 2, "i65");
    SHELL_REFUSED(shell("sheaf head orders.csv --schema prise:i64"), 2, "prise", "amount");
}

static void text(void)
{
    SHELL_EXPECT(shell("sheaf schema orders.csv --text"), 0, "customer:text,amount:text\n");
    SHELL_EXPECT(shell("sheaf run max orders.csv --text --bind value=amount"), 0, "max\n3\n");
}

static void null(void)
{
    SHELL_EXPECT(shell("sheaf schema missing.csv"), 0, "k:text,v:text\n");
    SHELL_EXPECT(shell("sheaf schema missing.csv --null NA --null -"), 0, "k:text,v:i64\n");
    SHELL_EXPECT(shell("sheaf group '' 'sum(v) count()' missing.csv --null NA --null=-"), 0,
                 "sum(v),count()\n1,3\n");
}

static void input(void)
{
    SHELL_EXPECT(shell("printf 'abcd' > raw.csv; sheaf select 'id' raw.csv --input records "
                       "--schema 'id:u16@0;size=2'"),
                 0, "id\n25185\n25699\n");
    SHELL_EXPECT(shell("sheaf count orders.csv --input csv"), 0, "count\n3\n");
    SHELL_REFUSED(shell("sheaf count orders.csv --input npy"), 5, "orders.csv");
}

static void strict_and_lenient(void)
{
    struct shell_result r = shell("sheaf records bare.csv");

    SHELL_EXPECT(r, 0, "[\"a\",\"b\"]\n[\"1\",\"x\\\"y\"]\n");
    SHELL_REFUSED(shell("sheaf count bare.csv --strict"), 5, "bare.csv:2:4:", "E405", "byte 7");
    SHELL_REFUSED(shell("sheaf count open.csv"), 5, "open.csv:2:3:", "E404", "byte 6", "--lenient");
    SHELL_EXPECT(shell("sheaf count open.csv --lenient -q"), 0, "count\n1\n");
}

/* libcsv keeps a quote that stands before text inside the field, and so the comma too. */
static void libcsv(void)
{
    shell_file("after.csv", "a,b\n\"p\"q,4\n");
    SHELL_EXPECT(shell("sheaf records after.csv"), 0, "[\"a\",\"b\"]\n[\"pq\",\"4\"]\n");
    SHELL_EXPECT(shell("sheaf records after.csv --libcsv"), 0,
                 "[\"a\",\"b\"]\n[\"p\\\"q,4\\n\"]\n");
}

static void on_bad_row(void)
{
    SHELL_REFUSED(shell("sheaf count ragged.csv --by a"), 5,
                  "ragged.csv:3:1:", "expected 2 fields, got 1", "E402", "byte 8", "--on-bad-row");
    SHELL_REFUSED(shell("sheaf head ragged.csv --on-bad-row fail"), 5, "E402");
    SHELL_EXPECT(shell("sheaf head ragged.csv --on-bad-row skip -q"), 0, "a,b\n1,2\n7,8\n");
    SHELL_EXPECT(shell("sheaf head ragged.csv --on-bad-row null -q"), 0,
                 "a,b\n1,2\n3,\n4,5\n7,8\n");
    SHELL_EXPECT(shell("sheaf head ragged.csv --on-bad-row skip 2>&1 >/dev/null"), 0,
                 "sheaf: note: 2 bad rows were left out of 4\n");
}

static void rejects(void)
{
    SHELL_EXPECT(
        shell("sheaf count ragged.csv --on-bad-row skip --rejects bad.csv -q; cat bad.csv"), 0,
        "count\n2\nfile,line,record,byte,column,kind,value\n"
        "ragged.csv,3,3,8,,width,\"3\"\nragged.csv,4,4,10,,width,\"4,5,6\"\n");
    /* A rejects file can be read again. */
    SHELL_EXPECT(shell("sheaf group kind 'count() as n' bad.csv"), 0, "kind,n\nwidth,2\n");
}

static void max_bad(void)
{
    SHELL_EXPECT(shell("sheaf count ragged.csv --on-bad-row skip --max-bad 2 -q"), 0, "count\n2\n");
    SHELL_REFUSED(shell("sheaf count ragged.csv --on-bad-row skip --max-bad 1"), 5, "ragged.csv",
                  "more than 1", "E412", "--max-bad");
}

/* -- asking -------------------------------------------------------------------------------------
 */

static void by_bind_and_set(void)
{
    SHELL_EXPECT(shell("sheaf run sum orders.csv --by customer --bind value=amount"), 0,
                 "customer,sum\nada,10.25\nbob,3.00\n");
    SHELL_EXPECT(shell("sheaf run hist orders.csv --bind value=amount --set low=0,high=4,bins=2"),
                 0, "low,high,count\n,0,1\n0,2,0\n2,4,1\n4,,1\n");
    SHELL_REFUSED(shell("sheaf run hist orders.csv --bind value=amount --set low=0,high=4,bin=2"),
                  2, "bin");
    SHELL_REFUSED(shell("sheaf run sum orders.csv --bind valu=amount"), 2, "valu");
    SHELL_REFUSED(shell("sheaf count orders.csv --by customr"), 2, "customr", "customer");
}

static void sort(void)
{
    SHELL_EXPECT(shell("sheaf count orders.csv --by amount --sort -amount"), 0,
                 "amount,count\n10.50,1\n3.00,1\n-0.25,1\n");
    SHELL_EXPECT(shell("sheaf count orders.csv --by customer --sort -count,customer"), 0,
                 "customer,count\nada,2\nbob,1\n");
    SHELL_REFUSED(shell("sheaf count orders.csv --by customer --sort amount"), 2, "amount");
}

static void rows(void)
{
    SHELL_EXPECT(shell("sheaf head orders.csv -n 1"), 0, "customer,amount\nada,10.50\n");
    SHELL_EXPECT(shell("sheaf freq customer orders.csv --rows 1"), 0, "customer,count\nada,2\n");
    SHELL_EXPECT(shell("sheaf gen 1brc --rows 3 | wc -l"), 0, "3\n");
    SHELL_EXPECT(shell("sheaf head orders.csv -n0"), 0, "customer,amount\n");
    SHELL_REFUSED(shell("sheaf head orders.csv -n -1"), 2, "--rows", "whole number");
}

static void offsets(void)
{
    SHELL_EXPECT(shell("sheaf records --offsets half.csv"), 0,
                 "0 1 [\"a\",\"b\"]\n4 2 [\"1\",\"2\"]\n");
}

static void seed(void)
{
    SHELL_EXPECT(
        shell("sheaf gen h2o -n 10 | cksum > 1; sheaf gen h2o -n 10 --seed 1 | cksum | cmp - 1; "
              "sheaf gen h2o -n 10 --seed 2 | cksum | cmp -s - 1 || echo other"),
        0, "other\n");
}

/* -- running --------------------------------------------------------------------------------------
 */

static void jobs_and_inline(void)
{
    struct shell_result r = shell("sheaf count orders.csv -j 3 --explain");

    SHELL_EXPECT(r, 0, NULL);
    CU_ASSERT(strstr(r.out, "3 worker processes") != NULL);
    SHELL_EXPECT(shell("sheaf count orders.csv --jobs 1"), 0, "count\n3\n");
    r = shell("sheaf count orders.csv --inline --explain");
    CU_ASSERT(strstr(r.out, "inline") != NULL && !strstr(r.out, "worker processes"));
    SHELL_REFUSED(shell("sheaf count orders.csv -j 0"), 2, "--jobs", "E101");
}

static void shard_size(void)
{
    struct shell_result r = shell("sheaf count orders.csv --shard-size 10 --time");

    SHELL_EXPECT(r, 0, "count\n3\n");
    CU_ASSERT(strstr(r.err, " shards, 3 records") != NULL && !strstr(r.err, " 1 shards"));
    r = shell("sheaf count orders.csv --shard-size 10 --explain");
    CU_ASSERT(strstr(r.out, "10 bytes, 3 of them") != NULL);
    SHELL_EXPECT(shell("sheaf count orders.csv --shard-size 1M"), 0, "count\n3\n");
    SHELL_REFUSED(shell("sheaf count orders.csv --shard-size 0"), 2, "--shard-size");
}

static void memory(void)
{
    SHELL_EXPECT(
        shell("sheaf gen h2o -n 20000 -o h2o.csv; sheaf count h2o.csv --by id3 --memory 64M "
              "-o all; sheaf count h2o.csv --by id3 | cmp - all"),
        0, "");
    SHELL_REFUSED(shell("sheaf count orders.csv --by customer --memory 1k"), 6, "E601", "--memory");
}

static void retries_and_timeout(void)
{
    SHELL_EXPECT(shell("sheaf count orders.csv --retries 0 --timeout 60"), 0, "count\n3\n");
    SHELL_REFUSED(shell("sheaf count orders.csv --timeout 0"), 2, "--timeout");
}

/* -- writing --------------------------------------------------------------------------------------
 */

static void output(void)
{
    SHELL_EXPECT(shell("sheaf count orders.csv -o answer.csv && cat answer.csv"), 0, "count\n3\n");
    SHELL_EXPECT(shell("sheaf count half.csv --output=answer.csv && cat answer.csv"), 0,
                 "count\n1\n");
}

static void format(void)
{
    SHELL_EXPECT(shell("sheaf count orders.csv -f json"), 0, "[\n{\"count\":3}\n]\n");
    SHELL_REFUSED(shell("sheaf count orders.csv --format xml"), 2, "xml", "jsonl");
}

static void progress(void)
{
    SHELL_EXPECT(shell("sheaf count orders.csv --progress 2>/dev/null"), 0, "count\n3\n");
    SHELL_EXPECT(shell("sheaf count orders.csv --no-progress 2>&1"), 0, "count\n3\n");
}

static void explain(void)
{
    struct shell_result r = shell("sheaf where 'amount > 1' then group customer 'sum(amount)' "
                                  "orders.csv --explain");

    SHELL_EXPECT(r, 0, NULL);
    CU_ASSERT(strstr(r.out, "orders.csv") && strstr(r.out, "amount") &&
              strstr(r.out, "decimal(2)"));
    CU_ASSERT(strstr(r.out, "sum(amount)") != NULL);
}

static void time_quiet_verbose(void)
{
    struct shell_result r = shell("sheaf count orders.csv --time");

    CU_ASSERT(strstr(r.err, "3 records") && strstr(r.err, "GB/s"));
    r = shell("sheaf count bare.csv");
    CU_ASSERT(strstr(r.err, "sheaf: note: ") != NULL && strstr(r.err, "bare.csv:2 (byte 7)"));
    r = shell("sheaf count bare.csv -q");
    CU_ASSERT_STRING_EQUAL(r.err, "");
    r = shell("sheaf count bare.csv --quiet --verbose");
    SHELL_EXPECT(r, 0, "count\n1\n");
    r = shell("sheaf --version -v");
    CU_ASSERT(strstr(r.out, "zlib") && strstr(r.out, "libcsv") && strstr(r.out, "kernels"));
}

static void version_and_help(void)
{
    SHELL_EXPECT(shell("sheaf --version"), 0, "sheaf 0.1.0\n");
    SHELL_EXPECT(shell("sheaf --help | head -n 1; sheaf -h | head -n 1"), 0,
                 "sheaf - ask questions of large CSV and binary files\n"
                 "sheaf - ask questions of large CSV and binary files\n");
    SHELL_REFUSED(shell("sheaf count --nothing orders.csv"), 2, "--nothing", "E102", "help flags");
    SHELL_REFUSED(shell("sheaf conut orders.csv"), 2, "conut", "E103", "sheaf count");
    SHELL_REFUSED(shell("sheaf count orders.csv -o"), 2, "--output wants FILE");
}

/* A flag that is added to the help without a case fails here. */
static void every_flag_of_the_help_has_a_case_in_this_file(void)
{
    SHELL_EXPECT(shell("for f in $(sheaf help flags | grep -o -e '--[a-z][a-z-]*' | sort -u); do "
                       "grep -q -e \"[ \\\"]$f[ =\\\"]\" %s/tests/command/flags.c || echo $f; done",
                       SHELL_SOURCE),
                 0, "");
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(delimiter),
        UNIT(quote),
        UNIT(escape),
        UNIT(no_doublequote),
        UNIT(comment),
        UNIT(keep_blank),
        UNIT(skip_initial_space),
        UNIT(newline),
        UNIT(header),
        UNIT(schema),
        UNIT(text),
        UNIT(null),
        UNIT(input),
        UNIT(strict_and_lenient),
        UNIT(libcsv),
        UNIT(on_bad_row),
        UNIT(rejects),
        UNIT(max_bad),
        UNIT(by_bind_and_set),
        UNIT(sort),
        UNIT(rows),
        UNIT(offsets),
        UNIT(seed),
        UNIT(jobs_and_inline),
        UNIT(shard_size),
        UNIT(memory),
        UNIT(retries_and_timeout),
        UNIT(output),
        UNIT(format),
        UNIT(progress),
        UNIT(explain),
        UNIT(time_quiet_verbose),
        UNIT(version_and_help),
        UNIT(every_flag_of_the_help_has_a_case_in_this_file),
        {0},
    };

    shell_begin();
    write_files();
    int failed = unit_run("flags", tests);
    shell_end();
    return failed;
}
