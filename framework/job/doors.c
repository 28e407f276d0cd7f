/* doors.c - small questions about the library and a dataset: see sheaf/sheaf.h */
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cpu.h"
#include "input/dataset.h"
#include "job/version.h"
#include "operator/plugin.h"
#include "output/file.h"
#include <sheaf/sheaf.h>

const char *sheaf_version(void)
{
    return SHEAF_VERSION;
}

sheaf_status sheaf_check_machine(sheaf_error *error)
{
    return sheaf_cpu_isa_check(error);
}

static void describe_isas(struct sheaf_string *words)
{
    sheaf_string_append(words, "kernels   ");
    for (int isa = SHEAF_ISA_SCALAR; isa <= SHEAF_ISA_AVX512; isa++)
        if (sheaf_cpu_isa_runs((enum sheaf_isa)isa))
            sheaf_string_append_format(words, "%s%s%s ", sheaf_cpu_isa_name((enum sheaf_isa)isa),
                                       (enum sheaf_isa)isa == sheaf_cpu_isa() ? " (used)" : "",
                                       isa < SHEAF_ISA_AVX512 ? "," : "");
    sheaf_string_append(words, "\n");
}

sheaf_status sheaf_describe_build(char **text, sheaf_error *error)
{
    struct sheaf_string words = {0};

    sheaf_string_append_format(&words, "compiler  %s\n", __VERSION__);
    sheaf_string_append_format(&words, "zlib      %s\n", zlibVersion());
    sheaf_string_append(&words, "libcsv    linked\n");
    sheaf_string_append_format(&words, "OpenMP    %s\n", SHEAF_HAS_OPENMP ? "found" : "not in");
    describe_isas(&words);
    sheaf_string_append_format(&words, "CPUs      %d usable of %ld\n", sheaf_cpu_count(),
                               sysconf(_SC_NPROCESSORS_ONLN));
    sheaf_string_append_format(&words, "memory    %zu MB usable\n", sheaf_memory_limit() >> 20);
    sheaf_status status = sheaf_string_check(&words, error);
    if (status != SHEAF_OK)
        sheaf_string_free(&words);
    *text = words.bytes;
    return status;
}

sheaf_status sheaf_schema_words(const sheaf_dataset *dataset, char **text, sheaf_error *error)
{
    struct sheaf_string words = {0};

    sheaf_schema_print(&dataset->schema, &words);
    sheaf_status status = sheaf_string_check(&words, error);
    if (status == SHEAF_OK && !words.bytes)
        sheaf_string_append(&words, "");
    if (status != SHEAF_OK)
        sheaf_string_free(&words);
    *text = words.bytes;
    return status;
}

const char *sheaf_dataset_file(const sheaf_dataset *dataset, size_t file)
{
    return file < dataset->file_count ? dataset->files[file].path : NULL;
}

const char *sheaf_plugin_builtin(size_t index)
{
    size_t count = 0;

    while (sheaf_builtins[count].name && count < index)
        count++;
    return sheaf_builtins[count].name;
}

/* A destination is an output that knows of no inputs. */
sheaf_status sheaf_destination_open(const char *path, sheaf_destination **destination,
                                    sheaf_error *error)
{
    struct sheaf_output *output = NULL;

    SHEAF_TRY(sheaf_output_open(path, NULL, 0, &output, error));
    *destination = (sheaf_destination *)output;
    return SHEAF_OK;
}

sheaf_status sheaf_destination_write(sheaf_destination *destination, const void *bytes, size_t size,
                                     sheaf_error *error)
{
    return sheaf_output_write(destination, bytes, size, error);
}

sheaf_status sheaf_destination_commit(sheaf_destination *destination, sheaf_error *error)
{
    return sheaf_output_commit((struct sheaf_output *)destination, error);
}

void sheaf_destination_close(sheaf_destination *destination)
{
    sheaf_output_close((struct sheaf_output *)destination);
}
