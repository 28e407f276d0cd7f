/* lanes_avx512.c - the loops of lanes_loops.h in registers of 64 bytes */
#define VECTOR_BYTES 64
#define LANES_NAME   sheaf_lanes_avx512
#include "kernel/lanes_loops.h"
