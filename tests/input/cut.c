/* cut.c - where shards begin: what can be proven, and what is guessed */
#include <stdlib.h>
#include <string.h>

#include "base/string.h"
#include "input/cut.h"
#include "unit.h"

static void cut_without_quoting_is_the_next_line_start(void)
{
    struct sheaf_dialect dialect = sheaf_dialect_default();
    static const char text[] = "ab\r\nc\n\nd\re";
    static const uint64_t expected[] = {0, 4, 4, 4, 4, 6, 6, 7, 9, 9, 10, 10};

    dialect.has_quote = false;
    for (uint64_t nominal = 0; nominal < sizeof expected / sizeof expected[0]; nominal++)
        CU_ASSERT_EQUAL(sheaf_cut_find(&dialect, text, sizeof text - 1, nominal),
                        expected[nominal]);
}

/* What is proven is the state at some place; the first line start from there on is taken. */
static void cut_with_quotes_is_the_first_line_start_that_is_proven(void)
{
    const struct sheaf_dialect dialect = sheaf_dialect_default();
    static const char text[] = "ab,c\r\nd,\"e\nf\"\n\"g\",h\nij";

    CU_ASSERT_EQUAL(sheaf_cut_find(&dialect, text, sizeof text - 1, 1), 14);
    CU_ASSERT_EQUAL(sheaf_cut_find(&dialect, text, sizeof text - 1, 11), 14);
    CU_ASSERT_EQUAL(sheaf_cut_find(&dialect, text, sizeof text - 1, 14), 20);
    CU_ASSERT_EQUAL(sheaf_cut_find(&dialect, text, sizeof text - 1, 21), sizeof text - 1);
}

/* A table inside quotes: both readings find lines, but only one needs no repair. */
static void cut_in_a_quoted_table_follows_the_reading_without_repairs(void)
{
    const struct sheaf_dialect dialect = sheaf_dialect_default();
    struct sheaf_string text = {0};
    struct sheaf_cut cut;

    sheaf_string_append(&text, "1,\"");
    for (int line = 0; line < 20000; line++)
        sheaf_string_append_format(&text, "\"\"%d\"\",y,z\n", line);
    sheaf_string_append(&text, "\",end\n");
    uint64_t next = text.size;
    sheaf_string_append(&text, "2,b,end\n3,\"c\",end\n4\n");
    uint64_t last = text.size - 2;

    sheaf_cut_start(&cut, &dialect, 1000);
    sheaf_cut_feed(&cut, text.bytes + cut.wanted, text.size - cut.wanted, true);
    CU_ASSERT(!cut.proven);
    CU_ASSERT_EQUAL(cut.found, next);
    /* Near the end of the table the readings meet, behind the next quoted field. */
    sheaf_cut_start(&cut, &dialect, next - 1000);
    sheaf_cut_feed(&cut, text.bytes + cut.wanted, text.size - cut.wanted, true);
    CU_ASSERT(cut.proven);
    CU_ASSERT_EQUAL(cut.found, last);
    sheaf_string_free(&text);
}

/* With and without the look ahead that spares the automaton: the same guess. */
static void cut_without_any_quote_is_the_next_line(void)
{
    const struct sheaf_dialect dialect = sheaf_dialect_default();
    struct sheaf_string text = {0};

    for (int line = 0; line < 20000; line++)
        sheaf_string_append_format(&text, "%d,%d\n", line, line % 7);
    for (uint64_t nominal = 1; nominal < 3000; nominal += 37) {
        uint64_t found = sheaf_cut_find(&dialect, text.bytes, text.size, nominal);
        struct sheaf_cut cut;
        sheaf_cut_start(&cut, &dialect, nominal);
        while (!sheaf_cut_feed(&cut, text.bytes + cut.wanted, 1000, false))
            ;
        CU_ASSERT_EQUAL(found, cut.found);
        CU_ASSERT(!cut.proven && text.bytes[found - 1] == '\n');
        CU_ASSERT(found >= nominal && found < nominal + 20);
    }
    sheaf_string_free(&text);
}

/* A quote that stands where patience ends is seen by the automaton, or is behind the guess: in
 * one window and byte by byte. */
static void cut_at_a_quote_where_patience_ends_is_the_same_in_any_window(void)
{
    const struct sheaf_dialect dialect = sheaf_dialect_default();
    const size_t patience = 64 << 10, size = patience + 4096;
    char *text = malloc(size);

    for (int shift = -3; shift <= 3; shift++)
        for (int before = 0; before < 2; before++) {
            struct sheaf_cut whole, bytes;
            size_t quote = patience + (size_t)(shift + 100);
            for (size_t i = 0; i < size; i++)
                text[i] = i % 10 == 9 ? '\n' : 'x';
            text[quote - 1] = before ? ',' : 'x';
            text[quote] = '"';
            text[quote + 1] = ',';
            sheaf_cut_start(&whole, &dialect, 101);
            sheaf_cut_start(&bytes, &dialect, 101);
            CU_ASSERT(sheaf_cut_feed(&whole, text + whole.wanted, size - whole.wanted, true));
            while (!sheaf_cut_feed(&bytes, text + bytes.wanted, 1, false))
                ;
            CU_ASSERT_EQUAL(whole.found, bytes.found);
            CU_ASSERT_EQUAL(whole.proven, bytes.proven);
        }
    free(text);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(cut_without_quoting_is_the_next_line_start),
        UNIT(cut_with_quotes_is_the_first_line_start_that_is_proven),
        UNIT(cut_in_a_quoted_table_follows_the_reading_without_repairs),
        UNIT(cut_without_any_quote_is_the_next_line),
        UNIT(cut_at_a_quote_where_patience_ends_is_the_same_in_any_window),
        {0},
    };

    return unit_run("cut", tests);
}
