/*
 * counter.c - four processes count together, under a lock
 *
 * One of them is killed while it counts.  The next to take the lock is told, puts
 * the data right, and the others count on.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <sheaf/process.h>
#include <sheaf/shared.h>

struct tally {
    sheaf_mutex lock;
    long left, right; /* always equal, when nobody holds the lock */
    long repairs;
};

static sheaf_status count(void *argument, sheaf_error *error)
{
    struct tally *tally = *(struct tally **)argument;

    for (int i = 0; i < 1000; i++) {
        sheaf_status status = sheaf_mutex_lock(&tally->lock, SHEAF_FOREVER, error);
        if (status == SHEAF_ABANDONED) {
            tally->right = tally->left;
            tally->repairs++;
        } else if (status != SHEAF_OK) {
            return status;
        }
        tally->left++;
        if (tally->left == 500)
            raise(SIGKILL);
        tally->right++;
        sheaf_mutex_unlock(&tally->lock);
    }
    return SHEAF_OK;
}

int main(void)
{
    sheaf_error error = {0};
    struct tally *tally = sheaf_shared_value(struct tally, &error);
    sheaf_process *processes[4];
    int lost = 0;

    if (!tally)
        return 1;
    for (int i = 0; i < 4; i++)
        if (sheaf_process_start(NULL, count, &tally, sizeof tally, &processes[i], &error) !=
            SHEAF_OK) {
            fprintf(stderr, "counter: %s\n", error.message);
            return 1;
        }
    for (int i = 0; i < 4; i++) {
        if (sheaf_process_join(processes[i], SHEAF_FOREVER, &error) == SHEAF_LOST) {
            printf("%s\n", error.message);
            lost++;
        }
        sheaf_process_close(processes[i]);
    }
    printf("counted to %ld, %ld repair\n", tally->left, tally->repairs);
    return lost != 1 || tally->repairs != 1 || tally->left != tally->right;
}
