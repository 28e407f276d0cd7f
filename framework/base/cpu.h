/*
 * cpu.h - what this process may use of the machine
 *
 * SHEAF_ISA in the environment (scalar, avx2 or avx512) forces an instruction
 * set, for tests; a name that this machine can not run is refused by
 * sheaf_cpu_isa_check(), which the command calls first.
 */
#ifndef SHEAF_BASE_CPU_H
#define SHEAF_BASE_CPU_H

#include <stdbool.h>
#include <stddef.h>

#include <sheaf/error.h>

enum sheaf_isa { SHEAF_ISA_SCALAR, SHEAF_ISA_AVX2, SHEAF_ISA_AVX512 }; /* each can do all before it */

/* The best set of instructions here, or the forced one.  SHEAF_ISA_AVX512: F BW DQ VL VBMI VBMI2. */
enum sheaf_isa sheaf_cpu_isa(void);
bool sheaf_cpu_isa_runs(enum sheaf_isa isa); /* whether this machine has it */
const char *sheaf_cpu_isa_name(enum sheaf_isa isa);
SHEAF_CHECKED sheaf_status sheaf_cpu_isa_check(sheaf_error *error);

/* Processors this process may use: its affinity, cut by the CPU quota of its cgroups.  >= 1. */
int sheaf_cpu_count(void);

/* Bytes this process may allocate: the least of MemAvailable, cgroup limits and RLIMIT_AS. */
size_t sheaf_memory_limit(void);

#endif
