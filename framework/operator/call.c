/* call.c - an operator refuses a row: see call.h and sheaf/batch.h */
#include <stdarg.h>
#include <stdio.h>

#include "operator/call.h"

void sheaf_fail(const sheaf_batch *batch, size_t row, const char *format, ...)
{
    struct sheaf_invocation *call = batch->call;
    va_list arguments;

    if (!call || call->failed)
        return;
    call->failed = true;
    call->row = row;
    va_start(arguments, format);
    vsnprintf(call->message, sizeof call->message, format, arguments);
    va_end(arguments);
}
