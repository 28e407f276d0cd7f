/* main.c - outside of sheaf: the library asks a file a question with an operator that is linked in
 */
#include <stdio.h>

#include <sheaf/sheaf.h>

extern const sheaf_operator sheaf_operator_most;

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "orders.csv";
    sheaf_dataset *orders = NULL;
    sheaf_result *answer = NULL;
    sheaf_error error = {0};
    sheaf_status status = sheaf_dataset_open(&path, 1, NULL, &orders, &error);

    sheaf_job job = {.struct_size = sizeof job,
                     .dataset = orders,
                     .operators = {&sheaf_operator_most},
                     .by = "customer",
                     .executor = {.workers = 2}};
    if (status == SHEAF_OK)
        status = sheaf_run(&job, &answer, &error);
    if (status == SHEAF_OK)
        status = sheaf_result_write(answer, 1, "csv", &error);
    if (status != SHEAF_OK)
        fprintf(stderr, "outside: %s\n", error.message);
    sheaf_result_close(answer);
    sheaf_dataset_close(orders);
    return sheaf_exit_code(&error);
}
