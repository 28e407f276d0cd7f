/* lanes_avx2.c - the loops of lanes_loops.h in registers of 32 bytes */
#define VECTOR_BYTES 32
#define LANES_NAME   sheaf_lanes_avx2
#include "kernel/lanes_loops.h"
