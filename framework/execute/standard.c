/* standard.c - descriptors 0, 1 and 2 stay what they are: see standard.h */
#include <fcntl.h>
#include <unistd.h>

#include "execute/standard.h"

void sheaf_standard_hold(struct sheaf_standard *standard)
{
    standard->count = 0;
    while (standard->count < 3) {
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
            return;
        if (fd > 2) {
            close(fd);
            return;
        }
        standard->opened[standard->count++] = fd;
    }
}

void sheaf_standard_free(struct sheaf_standard *standard)
{
    while (standard->count > 0)
        close(standard->opened[--standard->count]);
}
