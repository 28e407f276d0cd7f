/* lanes_portable.c - the loops of lanes_loops.h in registers of 16 bytes */
#define VECTOR_BYTES 16
#define LANES_NAME   sheaf_lanes_portable
#include "kernel/lanes_loops.h"
