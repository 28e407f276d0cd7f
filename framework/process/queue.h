/* queue.h - what the rest of the room asks of a queue */
#ifndef SHEAF_PROCESS_QUEUE_H
#define SHEAF_PROCESS_QUEUE_H

#include <sheaf/queue.h>

/* Whether a get would not wait. */
bool sheaf_queue_ready(sheaf_queue *queue);

#endif
