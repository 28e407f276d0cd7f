/* squares.c - the squares of numbers, by a pool: Python's Pool().map(square, range(20)) */
#include <stdio.h>

#include <sheaf/pool.h>

static sheaf_status square(const void *input, void *output, sheaf_error *error)
{
    const int *number = input;
    long *result = output;

    (void)error;
    *result = (long)*number * *number;
    return SHEAF_OK;
}

int main(void)
{
    sheaf_error error = {0};
    sheaf_pool *pool = NULL;
    int numbers[20];
    long squares[20];

    for (int i = 0; i < 20; i++)
        numbers[i] = i;
    sheaf_map map = {.struct_size = sizeof map,
                     .task = square,
                     .inputs = numbers,
                     .input_size = sizeof *numbers,
                     .outputs = squares,
                     .output_size = sizeof *squares,
                     .count = 20};

    sheaf_status status = sheaf_pool_open(NULL, &pool, &error);
    if (status == SHEAF_OK)
        status = sheaf_pool_map(pool, &map, &error);
    if (status != SHEAF_OK)
        fprintf(stderr, "squares: %s\n", error.message);
    for (int i = 0; status == SHEAF_OK && i < 20; i++)
        printf("%d squared is %ld\n", numbers[i], squares[i]);
    sheaf_pool_terminate(pool);
    return status != SHEAF_OK || squares[19] != 361;
}
