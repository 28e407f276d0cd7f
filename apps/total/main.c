/*
 * main.c - a program that asks a CSV file a question with an operator of its own
 *
 *     total orders.csv
 *
 * The same total.c that `sheaf run total.c orders.csv --by customer` compiles is
 * linked in here.
 */
#include <stdio.h>

#include <sheaf/sheaf.h>

extern const sheaf_operator sheaf_operator_total;

static sheaf_status ask(const char *path, sheaf_error *error)
{
    sheaf_dataset *orders = NULL;
    sheaf_result *totals = NULL;
    sheaf_status status = sheaf_dataset_open(&path, 1, NULL, &orders, error);

    sheaf_job job = {.struct_size = sizeof job,
                     .dataset = orders,
                     .operators = {&sheaf_operator_total},
                     .by = "customer"};
    if (status == SHEAF_OK)
        status = sheaf_run(&job, &totals, error);
    if (status == SHEAF_OK)
        status = sheaf_result_write(totals, 1, "csv", error);
    if (status == SHEAF_OK)
        fprintf(stderr, "%llu rows, %d workers\n",
                (unsigned long long)sheaf_result_report(totals)->rows_used,
                sheaf_result_report(totals)->workers);
    sheaf_result_close(totals);
    sheaf_dataset_close(orders);
    return status;
}

int main(int argc, char **argv)
{
    sheaf_error error = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: total orders.csv\n");
        return 2;
    }
    if (ask(argv[1], &error) == SHEAF_OK)
        return 0;
    fprintf(stderr, "total: %s\n%s%s", error.message, error.help, error.help[0] ? "\n" : "");
    return sheaf_exit_code(&error);
}
