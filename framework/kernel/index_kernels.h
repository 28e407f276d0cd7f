/* index_kernels.h - the kernels that index.c chooses from, each in its own file */
#ifndef SHEAF_KERNEL_INDEX_KERNELS_H
#define SHEAF_KERNEL_INDEX_KERNELS_H

#include "kernel/index.h"

sheaf_index_kernel sheaf_index_avx2;
sheaf_index_kernel sheaf_index_avx512;

#endif
