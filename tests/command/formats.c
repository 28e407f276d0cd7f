/* formats.c - where data come from and what form an answer takes */
#include <stdio.h>
#include <string.h>

#include "command/shell.h"

static const char orders[] = "customer,amount\nada,10.50\n\"Carol, Ltd\",3\nada,\n";

/* -- paths
 * ----------------------------------------------------------------------------------------- */

static void files_globs_folders_and_lists_are_read_in_order(void)
{
    SHELL_EXPECT(shell("mkdir -p in/sub; printf 'k,v\\nb,1\\n' > in/b.csv; printf 'k,v\\na,2\\n' > "
                       "in/a.csv; echo no > in/.hidden; printf 'in/b.csv\\nin/a.csv\\n' > list; "
                       "sheaf head in/b.csv in/a.csv"),
                 0, "k,v\nb,1\na,2\n");
    SHELL_EXPECT(shell("sheaf head 'in/*.csv'"), 0, "k,v\na,2\nb,1\n");
    SHELL_EXPECT(shell("sheaf head in"), 0, "k,v\na,2\nb,1\n");
    SHELL_EXPECT(shell("sheaf head @list"), 0, "k,v\nb,1\na,2\n");
    SHELL_EXPECT(shell("sheaf head in/a.csv - < in/b.csv"), 0, "k,v\na,2\nb,1\n");
    SHELL_REFUSED(shell("sheaf head 'in/*.tsv'"), 2, "in/*.tsv");
    SHELL_REFUSED(shell("sheaf head in/sub"), 2, "in/sub", "no files");
    SHELL_REFUSED(shell("sheaf head @nolist"), 2, "nolist");
}

static void files_of_other_columns_are_refused(void)
{
    shell_file("one.csv", "k,v\na,1\n");
    shell_file("two.csv", "k,w\na,1\n");
    SHELL_REFUSED(shell("sheaf count one.csv two.csv"), 5, "one.csv", "two.csv", "E409");
}

static void types_hold_for_all_files(void)
{
    shell_file("one.csv", "k,v\na,1\n");
    shell_file("two.csv", "k,v\na,0.25\n");
    SHELL_EXPECT(shell("sheaf group k 'sum(v)' one.csv two.csv"), 0, "k,sum(v)\na,1.25\n");
    SHELL_EXPECT(shell("sheaf schema one.csv two.csv"), 0, "k:text,v:decimal(2)\n");
}

static void words_that_look_like_operators_are_told_apart(void)
{
    shell_file("count", "word\nx\ny\n");
    SHELL_EXPECT(shell("sheaf run count --header -- count"), 0, "count\n2\n");
    SHELL_EXPECT(shell("sheaf run count ./count --header"), 0, "count\n2\n");
    SHELL_EXPECT(
        shell("cp %s/apps/total/total.c . && sheaf run total.c -- orders.csv", SHELL_SOURCE), 0,
        "amount,orders\n13.5,2\n");
}

/* -- packed and compressed -----------------------------------------------------------------------
 */

static void gzip_is_read_like_what_is_inside(void)
{
    SHELL_EXPECT(shell("gzip -k orders.csv; sheaf head orders.csv.gz"), 0, orders);
    SHELL_EXPECT(shell("sheaf count orders.csv.gz orders.csv"), 0, "count\n6\n");
    SHELL_EXPECT(shell("cat orders.csv.gz orders.csv.gz > two.gz; sheaf records two.gz | wc -l"), 0,
                 "8\n");
    SHELL_EXPECT(shell("sheaf count - < orders.csv.gz"), 0, "count\n3\n");
    SHELL_EXPECT(
        shell("sheaf gen taxi -n 20000 -o t.csv; gzip -k t.csv; sheaf stats t.csv > plain; "
              "sheaf stats t.csv.gz -j 3 --shard-size 10000 | cmp - plain"),
        0, "");
    SHELL_REFUSED(shell("head -c 300000 t.csv.gz > cut.csv.gz; sheaf count cut.csv.gz"), 5,
                  "cut.csv.gz", "E407", "gzip");
    SHELL_REFUSED(
        shell("(head -c 100000 t.csv.gz; echo damage; tail -c +100008 t.csv.gz) > bad.gz; "
              "sheaf count bad.gz"),
        5, "bad.gz", "E407");
}

/* What a pipe carries is never taken for text when it is none. */
static void gzip_on_a_pipe_is_read_or_refused(void)
{
    struct shell_result r = shell("cat orders.csv.gz | sheaf count -");

    CU_ASSERT((r.code == 0 && strcmp(r.out, "count\n3\n") == 0) ||
              (r.code != 0 && r.out_size == 0 && strstr(r.err, "gzip") != NULL));
}

static void raw_records_are_as_the_schema_says(void)
{
    static const char bytes[] = "\x01\x00\x00\x00one\0\x02\xFF\xFF\xFFtwo\0\x03\0\0\0six\0";

    shell_bytes("three.bin", bytes, 24);
    SHELL_EXPECT(
        shell("sheaf head three.bin --input records --schema 'id:i16@0,name:text(4)@4;size=8'"), 0,
        "id,name\n1,one\n-254,two\n3,six\n");
    SHELL_EXPECT(shell("sheaf group '' 'sum(id) count()' three.bin --schema "
                       "'id:u16@0;size=8;order=big' --shard-size 8"),
                 0, "sum(id),count()\n1791,3\n");
    SHELL_REFUSED(shell("sheaf count three.bin --input records --schema 'id:i16@0;size=7'"), 5,
                  "three.bin", "24 bytes", "E408");
    SHELL_REFUSED(shell("sheaf count three.bin --input records --schema 'id:i16@7;size=8'"), 2,
                  "E408");
}

static void write_npy(const char *name, char version, const char *header, const char *data,
                      size_t size)
{
    char bytes[512] = "\x93NUMPY";
    size_t head = strlen(header), at = 8;

    bytes[6] = version;
    bytes[at++] = (char)head;
    bytes[at++] = 0;
    if (version > 1) {
        bytes[at++] = 0;
        bytes[at++] = 0;
    }
    memcpy(bytes + at, header, head);
    memcpy(bytes + at + head, data, size);
    shell_bytes(name, bytes, at + head + size);
}

static void npy_is_read_in_every_version_and_byte_order(void)
{
    static const char *const orders_of_bytes[] = {"<", ">"};
    static const char *const data[] = {"\1\0\0\0\2\0\0\0\3\0\0\0", "\0\0\0\1\0\0\0\2\0\0\0\3"};
    char header[128];

    for (char version = 1; version <= 3; version++)
        for (int big = 0; big < 2; big++) {
            snprintf(header, sizeof header,
                     "{'descr': '%si4', 'fortran_order': False, 'shape': (3,), }          \n",
                     orders_of_bytes[big]);
            write_npy("x.npy", version, header, data[big], 12);
            SHELL_EXPECT(shell("sheaf head x.npy | tail -n 3"), 0, "1\n2\n3\n");
            SHELL_EXPECT(shell("sheaf group '' 'sum(#1) as s' x.npy --shard-size 4"), 0, "s\n6\n");
        }
    write_npy(
        "s.npy", 1,
        "{'descr': [('id', '<u2'), ('name', '|S4')], 'fortran_order': False, 'shape': (2,), }\n",
        "\1\0one\0\2\0two\0", 12);
    SHELL_EXPECT(shell("sheaf head s.npy"), 0, "id,name\n1,one\n2,two\n");
    SHELL_REFUSED(shell("head -c 100 s.npy > cut.npy; sheaf count cut.npy"), 5, "cut.npy");
    shell_bytes("no.npy", "\x93NUMPY\1\0\xFF\xFF{", 11);
    SHELL_REFUSED(shell("sheaf count no.npy"), 5, "no.npy");
}

/* -- what comes out -----------------------------------------------------------------------------
 */

static void every_format_is_written(void)
{
    SHELL_EXPECT(shell("sheaf head orders.csv -f csv"), 0, orders);
    SHELL_EXPECT(shell("sheaf head orders.csv -f tsv"), 0,
                 "customer\tamount\nada\t10.50\nCarol, Ltd\t3\nada\t\n");
    SHELL_EXPECT(shell("sheaf head orders.csv -f jsonl"), 0,
                 "{\"customer\":\"ada\",\"amount\":10.50}\n"
                 "{\"customer\":\"Carol, Ltd\",\"amount\":3.00}\n"
                 "{\"customer\":\"ada\",\"amount\":null}\n");
    SHELL_EXPECT(shell("sheaf head orders.csv -n 1 -f json"), 0,
                 "[\n{\"customer\":\"ada\",\"amount\":10.50}\n]\n");
    SHELL_EXPECT(
        shell("sheaf head orders.csv -f md"), 0,
        "| customer | amount |\n| --- | ---: |\n| ada | 10.50 |\n| Carol, Ltd | 3 |\n| ada |  |\n");
    SHELL_EXPECT(shell("sheaf head orders.csv -f table"), 0,
                 "customer    amount\n----------  ------\nada          10.50\nCarol, Ltd       3\n"
                 "ada\n");
}

static void a_terminal_gets_a_table(void)
{
    struct shell_result r =
        shell("script -qec true /dev/null < /dev/null > /dev/null 2>&1 || exit 77; "
              "script -qec 'sheaf count orders.csv' /dev/null < /dev/null");

    if (r.code == 77) {
        unit_skip("script(1) or a pseudo-terminal is not here", 1);
        return;
    }
    CU_ASSERT(strstr(r.out, "count\r\n-----\r\n    3\r\n") != NULL);
    r = shell("script -qec 'sheaf hist amount orders.csv --set bins=2' /dev/null < /dev/null");
    CU_ASSERT(strstr(r.out, "\xE2\x96\x88") != NULL);
}

/* What is written can be read again, and is the same then. */
static void answers_can_be_read_back(void)
{
    SHELL_EXPECT(
        shell("sheaf gen nasty -n 500 --seed 3 -o nasty.csv; sheaf head -n 500 nasty.csv -q "
              "--on-bad-row skip -o one.csv; sheaf head -n 500 one.csv --header -d , -o two.csv; "
              "cmp one.csv two.csv"),
        0, "");
    SHELL_EXPECT(shell("sheaf head -n 500 one.csv --header -d , -f tsv > /dev/null"), 0, "");
}

static void an_answer_replaces_a_file_in_one_step(void)
{
    SHELL_EXPECT(
        shell("echo old > out.csv; chmod 640 out.csv; ln out.csv also.csv; "
              "sheaf count orders.csv -o out.csv; cat out.csv also.csv; stat -c %%a out.csv"),
        0, "count\n3\nold\n640\n");
    SHELL_EXPECT(shell("ln -s also.csv link.csv; sheaf count orders.csv -o link.csv; cat link.csv "
                       "also.csv; test -h link.csv || echo replaced"),
                 0, "count\n3\nold\nreplaced\n");
    SHELL_EXPECT(shell("mkfifo pipe; cat pipe & sheaf count orders.csv -o pipe; wait"), 0,
                 "count\n3\n");
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(files_globs_folders_and_lists_are_read_in_order),
        UNIT(files_of_other_columns_are_refused),
        UNIT(types_hold_for_all_files),
        UNIT(words_that_look_like_operators_are_told_apart),
        UNIT(gzip_is_read_like_what_is_inside),
        UNIT(gzip_on_a_pipe_is_read_or_refused),
        UNIT(raw_records_are_as_the_schema_says),
        UNIT(npy_is_read_in_every_version_and_byte_order),
        UNIT(every_format_is_written),
        UNIT(a_terminal_gets_a_table),
        UNIT(answers_can_be_read_back),
        UNIT(an_answer_replaces_a_file_in_one_step),
        {0},
    };

    shell_begin();
    shell_file("orders.csv", orders);
    int failed = unit_run("formats", tests);
    shell_end();
    return failed;
}
