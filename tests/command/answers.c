/* answers.c - each verb answers, side by side with what it was asked */
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
    SHELL_EXPECT(
        shell("printf 'x\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n0.1\\n' | "
              "sheaf group '' 'sum(x) mean(x)' -"),
        0, "sum(x),mean(x)\n1.0,0.1\n");
}

static void group_gives_one_row_for_each_key_in_order_of_appearance(void)
{
    SHELL_EXPECT(shell("sheaf group customer 'sum(amount) as total count() max(day)' orders.csv"),
                 0,
                 "customer,total,count(),max(day)\n"
                 "ada,10.25,2,2024-01-02\n"
                 "bob,3.00,2,2024-01-03\n"
                 "\"Carol, Ltd\",100.00,1,2024-01-03\n");
    SHELL_EXPECT(shell("sheaf group customer 'sum(amount) as total' orders.csv --sort -total"), 0,
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
    SHELL_EXPECT(shell("sheaf freq customer orders.csv -n 2"), 0, "customer,count\nada,2\nbob,2\n");
}

static void schema_can_be_given_back(void)
{
    SHELL_EXPECT(shell("sheaf schema orders.csv"), 0, "customer:text,amount:decimal(2),day:date\n");
    SHELL_EXPECT(shell("sheaf count orders.csv --schema \"$(sheaf schema orders.csv)\""), 0,
                 "count\n5\n");
}

static void head_stops_reading_an_endless_stream(void)
{
    SHELL_EXPECT(shell("yes '7,x' | timeout 60 sheaf head -n 2 --no-header -"), 0,
                 "c1,c2\n7,x\n7,x\n");
    CU_ASSERT_PTR_NULL(shell_leaks());
}

static void head_gives_the_first_rows(void)
{
    SHELL_EXPECT(shell("sheaf head -n 1 orders.csv"), 0,
                 "customer,amount,day\nada,10.50,2024-01-01\n");
}

static void records_shows_what_the_lexer_sees(void)
{
    SHELL_EXPECT(
        shell("sheaf head -n 0 orders.csv; sheaf records orders.csv --offsets | tail -n 2"), 0,
        "customer,amount,day\n79 5 [\"Carol, Ltd\",\"100\",\"2024-01-03\"]\n"
        "107 6 [\"bob\",\"\",\"2024-01-03\"]\n");
}

static void a_users_operator_runs_from_its_source(void)
{
    SHELL_EXPECT(shell("sheaf run %s/apps/total/total.c orders.csv --by customer", SHELL_SOURCE), 0,
                 "customer,amount,orders\nada,10.25,2\nbob,3,1\n\"Carol, Ltd\",100,1\n");
}

static void words_are_mapped_then_counted(void)
{
    shell_file("notes.csv", "day,text\n1,the cat\n2,the dog the end\n");
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

static void hist_has_a_row_for_each_bin_and_one_beyond_each_end(void)
{
    SHELL_EXPECT(shell("sheaf hist amount orders.csv --set bins=2,low=0,high=20"), 0,
                 "low,high,count\n,0,1\n0,10,1\n10,20,1\n20,,1\n");
    SHELL_EXPECT(shell("sheaf hist amount orders.csv --set bins=2 -f csv | wc -l"), 0, "5\n");
}

static void select_takes_all_columns_and_new_ones(void)
{
    SHELL_EXPECT(shell("sheaf select '*, upper(customer) as loud' then head -n 1 orders.csv"), 0,
                 "customer,amount,day,loud\nada,10.50,2024-01-01,ADA\n");
    SHELL_EXPECT(shell("sheaf select '#3, #1' then head -n 1 orders.csv"), 0,
                 "day,customer\n2024-01-01,ada\n");
}

static void sort_is_stable_and_missing_comes_last(void)
{
    SHELL_EXPECT(shell("sheaf group customer 'first(amount) as a' then sort customer orders.csv"),
                 0, "customer,a\n\"Carol, Ltd\",100.00\nada,10.50\nbob,3.00\n");
    SHELL_EXPECT(shell("sheaf group customer 'last(day) as d' then sort -d orders.csv"), 0,
                 "customer,d\nbob,2024-01-03\n\"Carol, Ltd\",2024-01-03\nada,2024-01-02\n");
}

static void operators_lists_each_and_describe_tells_of_it(void)
{
    static const char *const names[] = {"count", "distinct", "first",   "hist",  "last", "max",
                                        "mean",  "min",      "moments", "stats", "sum",  "words"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        SHELL_EXPECT(shell("sheaf operators | grep -c '^%s '", names[i]), 0, "1\n");
        struct shell_result r = shell("sheaf describe %s", names[i]);
        SHELL_EXPECT(r, 0, NULL);
        CU_ASSERT(strncmp(r.out, names[i], strlen(names[i])) == 0);
        CU_ASSERT(strstr(r.out, "output") != NULL);
    }
    struct shell_result own = shell("sheaf describe %s/apps/total/total.c", SHELL_SOURCE);
    SHELL_EXPECT(own, 0, NULL);
    CU_ASSERT(strstr(own.out, "amount") != NULL && strstr(own.out, "orders") != NULL);
}

static void each_built_in_operator_answers(void)
{
    static const struct {
        const char *operator, * answer;
    } cases[] = {
        {"count", "count\n5\n"},
        {"sum --bind value=amount", "sum\n113.25\n"},
        {"mean --bind value=amount", "mean\n28.3125\n"},
        {"min --bind value=amount", "min\n-0.25\n"},
        {"max --bind value=customer", "max\nbob\n"},
        {"first --bind value=day", "first\n2024-01-01\n"},
        {"last --bind value=amount", "last\n100.00\n"},
        {"distinct --bind value=customer", "distinct\n3\n"},
        {"hist --bind value=amount --set low=0,high=200,bins=1",
         "low,high,count\n,0,1\n0,200,3\n200,,0\n"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        SHELL_EXPECT(shell("sheaf run %s orders.csv", cases[i].operator), 0, cases[i].answer);
}

/* The numbers 2 4 4 4 5 5 7 9: mean 5, sum of squares 32. */
static void moments_are_those_of_the_textbook(void)
{
    struct shell_result r;

    shell_file("eight.csv", "v\n2\n4\n4\n4\n5\n5\n7\n9\n");
    r = shell("sheaf run moments eight.csv --bind value=v -f jsonl");
    SHELL_EXPECT(r, 0, NULL);
    CU_ASSERT(strstr(r.out, "\"mean\":5,") != NULL);
    CU_ASSERT(strstr(r.out, "\"variance\":4.571428571428571") != NULL);
    CU_ASSERT(strstr(r.out, "\"deviation\":2.138089935299395") != NULL);
}

static void check_refutes_a_broken_law_and_no_other(void)
{
    struct shell_result r = shell("sheaf check %s/apps/total/total.c orders.csv", SHELL_SOURCE);

    SHELL_EXPECT(r, 0, NULL);
    CU_ASSERT(strstr(r.out, "not refuted") != NULL);
    shell_file("broken.c",
               "#include <sheaf/operator.h>\n"
               "struct s { double sum; };\n"
               "static void fold(void *state, const sheaf_batch *batch)\n"
               "{\n"
               "    struct s *s = state;\n"
               "    for (size_t r = 0; r < batch->rows; r++)\n"
               "        s->sum += batch->columns[0].f64[r];\n"
               "}\n"
               "static void combine(void *state, const void *later)\n"
               "{\n"
               "    struct s *s = state;\n"
               "    s->sum -= ((const struct s *)later)->sum;\n"
               "}\n"
               "SHEAF_OPERATOR(broken) = {.about = \"subtracts\",\n"
               "    .inputs = {{\"amount\", SHEAF_F64}},\n"
               "    .outputs = {SHEAF_OUTPUT(struct s, sum)},\n"
               "    .state_size = sizeof(struct s), .fold = fold, .combine = combine};\n");
    r = shell("sheaf check broken.c orders.csv");
    CU_ASSERT_EQUAL(r.code, 7);
    CU_ASSERT(strncmp(r.err, "sheaf: ", 7) == 0 && strstr(r.err, "broken") != NULL);
}

static void doctor_finds_this_machine_fit(void)
{
    struct shell_result r = shell("sheaf doctor");

    SHELL_EXPECT(r, 0, NULL);
    CU_ASSERT(strstr(r.out, "BAD") == NULL);
    CU_ASSERT(strstr(r.out, "two workers answer") != NULL);
}

static void help_tells_of_each_command(void)
{
    static const char *const verbs[] = {
        "head", "schema", "stats", "count",     "freq",     "hist",  "records", "where",  "select",
        "sort", "group",  "run",   "operators", "describe", "check", "gen",     "doctor", "help"};

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        SHELL_EXPECT(shell("sheaf help | grep -c '^  %s '", verbs[i]), 0, "1\n");
        SHELL_EXPECT(shell("sheaf help %s | head -n 1 | cut -d ' ' -f 1,2", verbs[i]), 0, NULL);
    }
}

static void gen_gives_the_same_bytes_however_many_work(void)
{
    static const char *const names[] = {"1brc", "h2o", "taxi", "numbers", "nasty"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        SHELL_EXPECT(shell("sheaf gen %s --rows 2000 --seed 5 -o one && "
                           "sheaf gen %s --rows 2000 --seed 5 -j 3 -o three && cmp one three && "
                           "sheaf gen %s --rows 2000 --seed 5 | cmp - one",
                           names[i], names[i], names[i]),
                     0, "");
        CU_ASSERT_NOT_EQUAL(shell("sheaf gen %s -n 2000 --seed 6 | cmp -s - one", names[i]).code,
                            0);
        SHELL_EXPECT(shell("sheaf records one > /dev/null"), 0, "");
    }
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
        UNIT(head_stops_reading_an_endless_stream),
        UNIT(head_gives_the_first_rows),
        UNIT(records_shows_what_the_lexer_sees),
        UNIT(a_users_operator_runs_from_its_source),
        UNIT(words_are_mapped_then_counted),
        UNIT(stats_tells_of_every_column),
        UNIT(every_format_is_written),
        UNIT(hist_has_a_row_for_each_bin_and_one_beyond_each_end),
        UNIT(select_takes_all_columns_and_new_ones),
        UNIT(sort_is_stable_and_missing_comes_last),
        UNIT(operators_lists_each_and_describe_tells_of_it),
        UNIT(each_built_in_operator_answers),
        UNIT(moments_are_those_of_the_textbook),
        UNIT(check_refutes_a_broken_law_and_no_other),
        UNIT(doctor_finds_this_machine_fit),
        UNIT(help_tells_of_each_command),
        UNIT(gen_gives_the_same_bytes_however_many_work),
        {0},
    };

    shell_begin();
    int failed = unit_run("answers", tests);
    shell_end();
    return failed;
}
