/* cpu.c - what this process may use of the machine: see cpu.h */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cpu.h"

static const char *const isa_names[] = {"scalar", "avx2", "avx512"};

bool sheaf_cpu_isa_runs(enum sheaf_isa isa)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (isa == SHEAF_ISA_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
               __builtin_cpu_supports("pclmul");
    if (isa == SHEAF_ISA_AVX512)
        return sheaf_cpu_isa_runs(SHEAF_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
               __builtin_cpu_supports("avx512vbmi2");
#endif
    return isa == SHEAF_ISA_SCALAR;
}

const char *sheaf_cpu_isa_name(enum sheaf_isa isa)
{
    return isa_names[isa];
}

enum sheaf_isa sheaf_cpu_isa(void)
{
    const char *forced = getenv("SHEAF_ISA");
    enum sheaf_isa best = SHEAF_ISA_AVX512;

    while (!sheaf_cpu_isa_runs(best))
        best--;
    if (forced)
        for (int isa = SHEAF_ISA_SCALAR; isa <= (int)best; isa++)
            if (strcmp(forced, isa_names[isa]) == 0)
                return (enum sheaf_isa)isa;
    return best;
}

sheaf_status sheaf_cpu_isa_check(sheaf_error *error)
{
    const char *forced = getenv("SHEAF_ISA");

    if (!forced || *forced == '\0')
        return SHEAF_OK;
    for (int isa = SHEAF_ISA_SCALAR; isa <= SHEAF_ISA_AVX512; isa++)
        if (strcmp(forced, isa_names[isa]) == 0 && sheaf_cpu_isa_runs((enum sheaf_isa)isa))
            return SHEAF_OK;
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "SHEAF_ISA=%s: this machine can not run that",
                    forced);
    sheaf_error_help(error, "Unset it, or use the best one here: SHEAF_ISA=%s",
                     isa_names[sheaf_cpu_isa()]);
    return SHEAF_BAD_ARGUMENT;
}

/* The number in a file such as memory.max; UINT64_MAX for "max" or if it can not be read. */
static uint64_t read_number(const char *path, uint64_t *second)
{
    FILE *file = fopen(path, "re");
    unsigned long long first = UINT64_MAX, next = 0;

    if (!file)
        return UINT64_MAX;
    if (fscanf(file, "%llu", &first) != 1) {
        first = UINT64_MAX;
        if (fscanf(file, "max") == EOF)
            first = UINT64_MAX;
    }
    if (second && fscanf(file, "%llu", &next) == 1)
        *second = next;
    fclose(file);
    return first;
}

struct limits {
    uint64_t memory;
    double cpus;
};

/* Narrow the limits by those of one cgroup folder; v1 and v2 name their files differently. */
static void narrow_by_folder(const char *folder, struct limits *limits)
{
    char path[4200];
    uint64_t period = 0;

    snprintf(path, sizeof path, "%s/memory.max", folder);
    uint64_t memory = read_number(path, NULL);
    snprintf(path, sizeof path, "%s/memory.limit_in_bytes", folder);
    uint64_t memory_v1 = read_number(path, NULL);
    if (memory_v1 < memory)
        memory = memory_v1;
    if (memory < limits->memory)
        limits->memory = memory;

    snprintf(path, sizeof path, "%s/cpu.max", folder);
    uint64_t quota = read_number(path, &period);
    if (quota == UINT64_MAX) {
        snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
        quota = read_number(path, NULL);
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
        period = read_number(path, NULL);
    }
    if (quota != UINT64_MAX && quota < (uint64_t)1 << 40 && period > 0 && period != UINT64_MAX) {
        double cpus = (double)quota / (double)period;
        if (cpus < limits->cpus)
            limits->cpus = cpus;
    }
}

/* Whether a hierarchy of /proc/self/cgroup can limit what we ask for: that of version 2 has no
 * controllers in its line, those of version 1 name theirs. */
static bool has_limits(const char *controllers)
{
    return !*controllers || strstr(controllers, "memory") || strstr(controllers, "cpu");
}

/* The cgroups of this process and all their parents. */
static struct limits read_cgroups(void)
{
    struct limits limits = {UINT64_MAX, 1e9};
    char line[2048];
    FILE *file = fopen("/proc/self/cgroup", "re");

    if (!file)
        return limits;
    while (fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *controllers++ = '\0';
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (!has_limits(controllers) || strstr(controllers, "cpuset") == controllers)
            continue;
        for (;;) {
            char folder[4100];
            snprintf(folder, sizeof folder, "/sys/fs/cgroup/%s%s", controllers, path);
            narrow_by_folder(folder, &limits);
            char *slash = strrchr(path, '/');
            if (!slash)
                break;
            *slash = '\0';
        }
    }
    fclose(file);
    return limits;
}

/* Read once: some hundred small files, and they do not change under a running job. */
static const struct limits *cgroup_limits(void)
{
    static struct limits limits;
    static bool known;

    if (!known)
        limits = read_cgroups();
    known = true;
    return &limits;
}

int sheaf_cpu_count(void)
{
    cpu_set_t set;
    int count = 1;
    double quota = cgroup_limits()->cpus;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
    if (quota < (double)count)
        count = (int)quota + ((double)(int)quota < quota);
    return count < 1 ? 1 : count;
}

static uint64_t available_memory(void)
{
    char line[256];
    unsigned long long kib = UINT64_MAX / 1024;
    FILE *file = fopen("/proc/meminfo", "re");

    if (!file)
        return UINT64_MAX;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            break;
    fclose(file);
    return (uint64_t)kib * 1024;
}

size_t sheaf_memory_limit(void)
{
    uint64_t limit = cgroup_limits()->memory;
    uint64_t available = available_memory();
    struct rlimit space;

    if (available < limit)
        limit = available;
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY &&
        space.rlim_cur < limit)
        limit = space.rlim_cur;
    return limit > SIZE_MAX ? SIZE_MAX : (size_t)limit;
}
