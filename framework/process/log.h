/* log.h - one line on stderr for each event, when asked for: see sheaf_process_log() */
#ifndef SHEAF_PROCESS_LOG_H
#define SHEAF_PROCESS_LOG_H

#include <sheaf/error.h>

/* Written with one write(), so that lines of several processes do not mix.  Keeps errno. */
void sheaf_log(const char *format, ...) SHEAF_PRINTF(1, 2);

#endif
