/* hist.c - `sheaf hist`: the range first, then the bins; drawn on a terminal */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

#define BAR 50 /* characters of the longest bar */

/* The value of a one-row answer's column as a double; false if it is missing. */
static bool number(const sheaf_result *result, size_t column, double *value)
{
    const sheaf_column *from = &sheaf_result_batch(result)->columns[column];

    if (sheaf_result_batch(result)->rows == 0 || !sheaf_present(from, 0))
        return false;
    switch (from->type) {
    case SHEAF_F64:
        *value = from->f64[0];
        return true;
    case SHEAF_I64:
        *value = (double)from->i64[0];
        return true;
    case SHEAF_DECIMAL:
        *value = (double)from->i64[0] / pow(10, from->scale);
        return true;
    default:
        return false;
    }
}

/* Smallest and largest value, by a first pass. */
static sheaf_status find_range(struct command *command, const char *column, double *low,
                               double *high, sheaf_error *error)
{
    sheaf_result *result = NULL;
    sheaf_job job = command->job;
    char text[1024];

    snprintf(text, sizeof text, "min(`%.400s`) as low max(`%.400s`) as high", column, column);
    sheaf_stage stage = {.kind = SHEAF_STAGE_GROUP, .text = text};
    job.stages = &stage;
    job.stage_count = 1;
    SHEAF_TRY(sheaf_run(&job, &result, error));
    bool found = number(result, 0, low) && number(result, 1, high);
    sheaf_result_close(result);
    if (!found)
        return sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "hist: \"%s\" has no numbers (E110)",
                               column);
    return SHEAF_OK;
}

static void draw(const sheaf_result *result)
{
    const sheaf_batch *batch = sheaf_result_batch(result);
    const double *low = batch->columns[0].f64, *high = batch->columns[1].f64;
    const int64_t *count = batch->columns[2].i64;
    int64_t most = 1;

    for (size_t row = 0; row < batch->rows; row++)
        most = count[row] > most ? count[row] : most;
    for (size_t row = 0; row < batch->rows; row++) {
        int length = (int)((double)count[row] / (double)most * BAR + 0.5);
        char edges[2][32] = {"", ""};
        if (sheaf_present(&batch->columns[0], row) && !isnan(low[row]))
            snprintf(edges[0], sizeof edges[0], "%.6g", low[row]);
        if (sheaf_present(&batch->columns[1], row) && !isnan(high[row]))
            snprintf(edges[1], sizeof edges[1], "%.6g", high[row]);
        printf("%12s .. %-12s %12lld ", edges[0], edges[1], (long long)count[row]);
        for (int i = 0; i < length; i++)
            fputs("\xE2\x96\x88", stdout);
        fputs("\n", stdout);
    }
}

sheaf_status command_hist(struct command *command, sheaf_error *error)
{
    char set[512], bind[1024];
    double low, high;

    if (command->count < 3) {
        sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "hist wants a column and data (E107)");
        sheaf_error_help(error, "Usage: sheaf hist COL FILE...");
        return SHEAF_BAD_ARGUMENT;
    }
    const char *column = command->words[1];
    SHEAF_TRY(command_open(command, 2, &command->job.dataset, error));
    const char *asked = command->job.set ? command->job.set : "";
    sheaf_status status = SHEAF_OK;
    if (strstr(asked, "low=") && strstr(asked, "high="))
        snprintf(set, sizeof set, "%s", asked);
    else if ((status = find_range(command, column, &low, &high, error)) == SHEAF_OK)
        snprintf(set, sizeof set, "low=%.17g,high=%.17g%s%.300s", low, high, *asked ? "," : "",
                 asked);
    snprintf(bind, sizeof bind, "value=%.900s", column);
    sheaf_stage stage = {
        .kind = SHEAF_STAGE_FOLD, .spec = "hist", .by = command->job.by, .bind = bind, .set = set};
    command->job.stages = &stage;
    command->job.stage_count = 1;
    command->job.set = NULL;
    bool drawn = !command->target.format && !command->target.path && !command->job.by && isatty(1);
    if (status == SHEAF_OK && drawn && !command->explain) {
        sheaf_result *result = NULL;
        status = sheaf_run(&command->job, &result, error);
        if (status == SHEAF_OK) {
            draw(result);
            command_report(command, sheaf_result_report(result));
        }
        sheaf_result_close(result);
    } else if (status == SHEAF_OK) {
        status = command_run(command, error);
    }
    sheaf_dataset_close(command->job.dataset);
    return status;
}
