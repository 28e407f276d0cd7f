/* answers.c - each verb answers, and the answer does not depend on how the work was done */
#include <stdlib.h>
#include <string.h>

#include "command/shell.h"

static const char orders[] = "customer,amount,day\n"
                             "ada,10.50,2024-01-01\n"
                             "bob,3,2024-01-01\n"
                             "ada,-0.25,2024-01-02\n"
                             "\"Carol, Ltd\",100,2024-01-03\n"
                             "bob,,2024-01-03\n";

static void count_counts_records(void)
{
    shell_file("orders.csv", orders);
    SHELL_EXPECT(shell("sheaf count orders.csv"), 0, "count\n5\n");
    SHELL_EXPECT(shell("sheaf count orders.csv --by customer"), 0,
                 "customer,count\nada,2\nbob,2\n\"Carol, Ltd\",1\n");
}

static void decimals_add_up_exactly(void)
{
    SHELL_EXPECT(shell("sheaf run sum orders.csv --bind value=amount"), 0, "sum\n113.25\n");
    SHELL_EXPECT(shell("printf 'x\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n' | "
                       "sheaf group '' 'sum(x) mean(x)' -"),
                 0, "sum(x),mean(x)\n1.0,0.1\n");
}

static void group_gives_one_row_for_each_key_in_order_of_appearance(void)
{
    SHELL_EXPECT(shell("sheaf group customer 'sum(amount) as total count() max(day)' orders.csv"), 0,
                 "customer,total,count(),max(day)\n"
                 "ada,10.25,2,2024-01-02\n"
                 "bob,3.00,2,2024-01-03\n"
                 "\"Carol, Ltd\",100.00,1,2024-01-03\n");
    SHELL_EXPECT(
        shell("sheaf group customer 'sum(amount) as total' orders.csv --sort -total"), 0,
        "customer,total\n\"Carol, Ltd\",100.00\nada,10.25\nbob,3.00\n");
}

static void where_keeps_rows_as_they_stand(void)
{
    SHELL_EXPECT(shell("sheaf where 'amount > 5' orders.csv"), 0,
                 "customer,amount,day\nada,10.50,2024-01-01\n\"Carol, Ltd\",100,2024-01-03\n");
    SHELL_EXPECT(shell("sheaf where 'amount is missing' orders.csv"), 0,
                 "customer,amount,day\nbob,,2024-01-03\n");
}

static void verbs_chain(void)
{
    SHELL_EXPECT(shell("sheaf where 'amount > 0' then group customer 'sum(amount) as s' then "
                       "where 's > 5' then sort -s then head -n 1 orders.csv"),
                 0, "customer,s\n\"Carol, Ltd\",100.00\n");
    SHELL_EXPECT(shell("sheaf select 'customer, amount * 2 as twice' then head -n 2 orders.csv"), 0,
                 "customer,twice\nada,21.00\nbob,6.00\n");
}

static void freq_is_most_frequent_first(void)
{
    SHELL_EXPECT(shell("sheaf freq customer orders.csv -n 2"), 0,
                 "customer,count\nada,2\nbob,2\n");
}

static void schema_can_be_given_back(void)
{
    SHELL_EXPECT(shell("sheaf schema orders.csv"), 0, "customer:text,amount:decimal(2),day:date\n");
    SHELL_EXPECT(shell("sheaf count orders.csv --schema \"$(sheaf schema orders.csv)\""), 0,
                 "count\n5\n");
}

static void head_gives_the_first_rows(void)
{
    SHELL_EXPECT(shell("sheaf head -n 1 orders.csv"), 0,
                 "customer,amount,day\nada,10.50,2024-01-01\n");
}

static void records_shows_what_the_lexer_sees(void)
{
    SHELL_EXPECT(shell("sheaf head -n 0 orders.csv; sheaf records orders.csv --offsets | tail -n 2"),
                 0,
                 "customer,amount,day\n75 5 [\"Carol, Ltd\",\"100\",\"2024-01-03\"]\n"
                 "104 6 [\"bob\",\"\",\"2024-01-03\"]\n");
}

static void a_users_operator_runs_from_its_source(void)
{
    SHELL_EXPECT(shell("sheaf run %s/apps/total/total.c orders.csv --by customer", SHELL_SOURCE), 0,
                 "customer,amount,orders\nada,10.25,2\nbob,3,1\n\"Carol, Ltd\",100,1\n");
}

static void words_are_mapped_then_counted(void)
{
    shell_file("notes.csv", "text\nthe cat\nthe dog the end\n");
    SHELL_EXPECT(shell("sheaf run words count notes.csv --by word --sort -count,word"), 0,
                 "word,count\nthe,3\ncat,1\ndog,1\nend,1\n");
}

static void stats_tells_of_every_column(void)
{
    struct shell_result r = shell("sheaf stats orders.csv");

    SHELL_EXPECT(r, 0, NULL);
    CU_ASSERT(strstr(r.out, "customer,text,5,0,3") != NULL);
    CU_ASSERT(strstr(r.out, "amount,decimal(2),4,1,4") != NULL);
}

static void every_format_is_written(void)
{
    SHELL_EXPECT(shell("sheaf head -n 1 orders.csv -f jsonl"), 0,
                 "{\"customer\":\"ada\",\"amount\":10.50,\"day\":\"2024-01-01\"}\n");
    SHELL_EXPECT(shell("sheaf head -n 1 orders.csv -f tsv"), 0,
                 "customer\tamount\tday\nada\t10.50\t2024-01-01\n");
}

static void one_answer_however_the_work_is_done(void)
{
    struct shell_result first, other;
    static const char *const ways[] = {"-j 1",
                                       "-j 2",
                                       "-j 3",
                                       "-j 7",
                                       "--inline",
                                       "-j 2 --shard-size 1000",
                                       "-j 3 --shard-size 4099",
                                       "-j 2 --shard-size 65536",
                                       "--inline --shard-size 77"};

    SHELL_EXPECT(shell("sheaf gen taxi --rows 3000 --seed 7 -o taxi.csv"), 0, "");
    first = shell("sheaf stats taxi.csv");
    SHELL_EXPECT(first, 0, NULL);
    char *expected = strdup(first.out);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        other = shell("sheaf stats taxi.csv %s", ways[i]);
        SHELL_EXPECT(other, 0, expected);
    }
    for (const char *const *isa = (const char *const[]){"scalar", "avx2", "avx512", NULL}; *isa; isa++) {
        other = shell("SHEAF_ISA=%s sheaf stats taxi.csv", *isa);
        if (other.code != 2)
            SHELL_EXPECT(other, 0, expected);
    }
    free(expected);
    CU_ASSERT_PTR_NULL(shell_leaks());
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(count_counts_records),
        UNIT(decimals_add_up_exactly),
        UNIT(group_gives_one_row_for_each_key_in_order_of_appearance),
        UNIT(where_keeps_rows_as_they_stand),
        UNIT(verbs_chain),
        UNIT(freq_is_most_frequent_first),
        UNIT(schema_can_be_given_back),
        UNIT(head_gives_the_first_rows),
        UNIT(records_shows_what_the_lexer_sees),
        UNIT(a_users_operator_runs_from_its_source),
        UNIT(words_are_mapped_then_counted),
        UNIT(stats_tells_of_every_column),
        UNIT(every_format_is_written),
        UNIT(one_answer_however_the_work_is_done),
        {0},
    };

    shell_begin();
    int failed = unit_run("answers", tests);
    shell_end();
    return failed;
}
