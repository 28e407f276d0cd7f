/*
 * main.c - a program that looks at an array in a .npy file: count, mean, least and greatest value
 * of each column, by forked workers that map the file and copy nothing
 *
 *     columns array.npy
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sheaf/sheaf.h>

/* "count() as a.count mean(`a`) ..." for the columns of the array, one question for all. */
static char *write_question(const sheaf_dataset *array)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    if (!to)
        return NULL;
    for (size_t i = 0; i < sheaf_dataset_columns(array); i++) {
        const char *name = sheaf_dataset_column_name(array, i);
        fprintf(to, "mean(`%s`) min(`%s`) max(`%s`) ", name, name, name);
    }
    return fclose(to) == 0 ? text : NULL;
}

static void print(const sheaf_dataset *array, const sheaf_result *result)
{
    const sheaf_batch *row = sheaf_result_batch(result);

    printf("%llu rows\n", (unsigned long long)sheaf_result_report(result)->rows_used);
    for (size_t i = 0; i < sheaf_dataset_columns(array); i++) {
        printf("%s (%s):", sheaf_dataset_column_name(array, i),
               sheaf_type_name(sheaf_dataset_column_kind(array, i).type));
        for (size_t j = 0; j < 3; j++) {
            static const char *const words[] = {"mean", "min", "max"};
            const sheaf_column *value = &row->columns[3 * i + j];
            if (!sheaf_present(value, 0))
                printf("  %s -", words[j]);
            else if (value->type == SHEAF_I64)
                printf("  %s %lld", words[j], (long long)value->i64[0]);
            else if (value->type == SHEAF_F64)
                printf("  %s %.10g", words[j], value->f64[0]);
        }
        printf("\n");
    }
}

static sheaf_status look(const char *path, sheaf_error *error)
{
    sheaf_dataset *array = NULL;
    sheaf_result *result = NULL;

    SHEAF_TRY(sheaf_dataset_open(&path, 1, NULL, &array, error));
    char *question = write_question(array);
    sheaf_stage stage = {.kind = SHEAF_STAGE_GROUP, .text = question};
    sheaf_job job = {
        .struct_size = sizeof job, .dataset = array, .stages = &stage, .stage_count = 1};
    sheaf_status status = question ? sheaf_run(&job, &result, error) : SHEAF_NO_MEMORY;
    if (status == SHEAF_OK)
        print(array, result);
    free(question);
    sheaf_result_close(result);
    sheaf_dataset_close(array);
    return status;
}

int main(int argc, char **argv)
{
    sheaf_error error = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: columns array.npy\n");
        return 2;
    }
    if (look(argv[1], &error) == SHEAF_OK)
        return 0;
    fprintf(stderr, "columns: %s\n%s%s", error.message, error.help, error.help[0] ? "\n" : "");
    return sheaf_exit_code(&error);
}
