/*
 * strangers.c - programs that are not related share a manager
 *
 *     strangers @shop add apples 3
 *
 * Without arguments it starts the manager and runs itself three times as a
 * stranger that only knows the address.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sheaf/manager.h>
#include <sheaf/process.h>

static int fail(const sheaf_error *error)
{
    fprintf(stderr, "strangers: %s\n", error->message);
    return 1;
}

static int be_stranger(char **arguments)
{
    sheaf_error error = {0};
    sheaf_manager *manager = NULL;
    int64_t stock = 0;

    if (sheaf_manager_connect(arguments[1], NULL, &manager, &error) != SHEAF_OK ||
        sheaf_manager_lock(manager, "door", 5000, &error) != SHEAF_OK ||
        sheaf_manager_add(manager, arguments[3], atoi(arguments[4]), &stock, &error) != SHEAF_OK ||
        sheaf_manager_push(manager, "log", arguments[3], strlen(arguments[3]) + 1, &error) !=
            SHEAF_OK ||
        sheaf_manager_unlock(manager, "door", &error) != SHEAF_OK)
        return fail(&error);
    printf("%s: %lld in stock\n", arguments[3], (long long)stock);
    sheaf_manager_close(manager);
    return 0;
}

int main(int count, char **arguments)
{
    sheaf_error error = {0};
    sheaf_manager *manager = NULL;
    int64_t stock = 0, entries = 0;

    if (count == 5 && strcmp(arguments[2], "add") == 0)
        return be_stranger(arguments);
    if (sheaf_manager_start(NULL, &manager, &error) != SHEAF_OK)
        return fail(&error);
    for (int i = 0; i < 3; i++) {
        const char *const stranger[] = {
            arguments[0], sheaf_manager_address(manager), "add", "apples", "14", NULL};
        sheaf_process *process = NULL;
        if (sheaf_process_run(NULL, stranger, &process, &error) != SHEAF_OK ||
            sheaf_process_join(process, 10000, &error) != SHEAF_OK)
            return fail(&error);
        sheaf_process_close(process);
    }
    if (sheaf_manager_add(manager, "apples", 0, &stock, &error) != SHEAF_OK ||
        sheaf_manager_count(manager, "log", &entries, &error) != SHEAF_OK)
        return fail(&error);
    sheaf_manager_close(manager);
    printf("%lld apples, %lld entries\n", (long long)stock, (long long)entries);
    return stock != 42 || entries != 3;
}
