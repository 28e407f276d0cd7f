/* call.h - what sheaf_fail() fills in while an operator runs */
#ifndef SHEAF_OPERATOR_CALL_H
#define SHEAF_OPERATOR_CALL_H

#include <stdbool.h>

#include <sheaf/batch.h>

struct sheaf_invocation {
    const char *operator_name;
    bool failed;
    size_t row;           /* of the batch that the operator saw */
    const uint32_t *rows; /* where its rows come from in the frame's batch; NULL: the same */
    char message[480];
};

#endif
