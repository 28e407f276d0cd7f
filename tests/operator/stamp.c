/* stamp.c - whatever the bytes, a stamp is read without reading outside them */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "operator/cache.h"
#include "operator/stamp.h"
#include "unit.h"

static struct sheaf_string object; /* a plug-in, as the compiler made it */

static bool read_object(void)
{
    int fd = open(TOTAL_SO, O_RDONLY | O_CLOEXEC);
    bool done = sheaf_read_file(fd, TOTAL_SO, 1 << 24, &object, NULL) == SHEAF_OK;

    close(fd);
    return done && object.size > sizeof(Elf64_Ehdr);
}

/* The bytes end where their memory does, so that the sanitizer sees a step too far. */
static sheaf_status read_exactly(const char *bytes, size_t size, sheaf_stamp *stamp,
                                 sheaf_error *error)
{
    char *copy = malloc(size ? size : 1);
    sheaf_status status;

    memcpy(copy, bytes, size);
    status = sheaf_stamp_read("t.so", copy, size, stamp, error);
    free(copy);
    return status;
}

static void a_plug_in_is_accepted(void)
{
    sheaf_stamp stamp;
    sheaf_error error = {0};

    UNIT_OK(read_exactly(object.bytes, object.size, &stamp, &error), &error);
    CU_ASSERT_STRING_EQUAL(stamp.name, "total");
    CU_ASSERT_EQUAL(stamp.abi, SHEAF_OPERATOR_ABI);
}

static void a_cut_file_is_refused_or_whole_where_it_is_mapped(void)
{
    sheaf_stamp stamp;
    sheaf_error error;
    size_t accepted = 0;

    for (size_t size = 0; size < object.size; size += size < 1000 ? 1 : 7)
        if (read_exactly(object.bytes, size, &stamp, &error) == SHEAF_OK)
            accepted++;
        else
            CU_ASSERT_EQUAL(error.status, SHEAF_BAD_OPERATOR);
    /* Without the section headers and what is not mapped it could still be loaded. */
    CU_ASSERT(accepted < object.size / 7);
    CU_ASSERT_EQUAL(read_exactly(object.bytes, object.size / 4, &stamp, &error),
                    SHEAF_BAD_OPERATOR);
}

static void changed_bytes_are_never_read_outside(void)
{
    struct unit_random random = {1};
    char *copy = malloc(object.size);
    sheaf_stamp stamp;
    sheaf_error error;
    Elf64_Ehdr head;

    memcpy(&head, object.bytes, sizeof head);
    for (int round = 0; round < 6000; round++) {
        memcpy(copy, object.bytes, object.size);
        for (unsigned i = 0, n = 1 + unit_random_below(&random, 4); i < n; i++) {
            /* Mostly where the reader looks: the header, the segments, the sections. */
            static const unsigned wild[] = {0, 1, 0x7F, 0x80, 0xFF};
            size_t where[] = {unit_random_below(&random, sizeof head),
                              head.e_phoff + unit_random_below(&random, head.e_phnum * 56u),
                              head.e_shoff + unit_random_below(&random, head.e_shnum * 64u),
                              unit_random_below(&random, (unsigned)object.size)};
            size_t at = where[unit_random_below(&random, 4)];
            unsigned value = unit_random_below(&random, 2) ? wild[unit_random_below(&random, 5)]
                                                           : unit_random_below(&random, 256);
            copy[at % object.size] = (char)value;
        }
        sheaf_status status = read_exactly(copy, object.size, &stamp, &error);
        if (status != SHEAF_OK && status != SHEAF_BAD_OPERATOR)
            CU_FAIL("another status");
    }
    free(copy);
}

/* Change one field and read again. */
static void refuse(size_t at, const void *value, size_t size, int code, const char *word)
{
    char *copy = malloc(object.size);
    sheaf_stamp stamp;
    sheaf_error error = {0};

    memcpy(copy, object.bytes, object.size);
    memcpy(copy + at, value, size);
    CU_ASSERT_EQUAL(read_exactly(copy, object.size, &stamp, &error), SHEAF_BAD_OPERATOR);
    CU_ASSERT_EQUAL(error.code, code);
    if (!strstr(error.message, word))
        printf("\n%s lacks %s\n", error.message, word);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, word));
    CU_ASSERT(error.help[0] != '\0');
    free(copy);
}

static void other_machines_are_refused(void)
{
    refuse(0,
           "\x7f"
           "ELG",
           4, 701, "no ELF");
    refuse(EI_CLASS, "\1", 1, 701, "64 bits");
    refuse(EI_DATA, "\2", 1, 701, "byte order");
    refuse(offsetof(Elf64_Ehdr, e_machine), "\x08\0", 2, 701, "processor");
    refuse(offsetof(Elf64_Ehdr, e_type), "\x02\0", 2, 701, "not a shared object");
}

static void other_interfaces_are_refused_with_both_numbers(void)
{
    const char owner[8] = "sheaf";
    const char *note = memmem(object.bytes, object.size, owner, sizeof owner);

    CU_ASSERT_PTR_NOT_NULL_FATAL(note);
    size_t stamp = (size_t)(note - object.bytes) - offsetof(sheaf_stamp, owner);
    uint32_t number = 77;
    refuse(stamp + offsetof(sheaf_stamp, abi), &number, 4, 702,
           "interface 77, but this sheaf has 1");
    refuse(stamp + offsetof(sheaf_stamp, operator_size), &number, 4, 702, "size 77");
    refuse(stamp + offsetof(sheaf_stamp, batch_rows), &number, 4, 702,
           "of 77, but this sheaf has 4096");
    refuse(stamp + offsetof(sheaf_stamp, owner), "leafy\0\0", 8, 701, "no stamp");
    refuse(stamp + offsetof(sheaf_stamp, name), "\0", 1, 701, "no name");
    /* A longer stamp, of a later interface, still says its number. */
    uint32_t later[] = {8, 68, 1};
    refuse(stamp + offsetof(sheaf_stamp, abi), &number, 4, 702, "77");
    refuse(stamp, later, sizeof later, 701, "damaged");
}

static void a_note_that_no_segment_has_is_found_by_its_section(void)
{
    char *copy = malloc(object.size);
    sheaf_stamp stamp;
    sheaf_error error = {0};
    Elf64_Ehdr head;

    memcpy(copy, object.bytes, object.size);
    memcpy(&head, copy, sizeof head);
    for (unsigned i = 0; i < head.e_phnum; i++) {
        Elf64_Phdr *segment = (Elf64_Phdr *)(void *)(copy + head.e_phoff) + i;
        if (segment->p_type == PT_NOTE)
            segment->p_type = PT_NULL;
    }
    UNIT_OK(read_exactly(copy, object.size, &stamp, &error), &error);
    CU_ASSERT_STRING_EQUAL(stamp.name, "total");
    free(copy);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(a_plug_in_is_accepted),
        UNIT(a_cut_file_is_refused_or_whole_where_it_is_mapped),
        UNIT(changed_bytes_are_never_read_outside),
        UNIT(other_machines_are_refused),
        UNIT(other_interfaces_are_refused_with_both_numbers),
        UNIT(a_note_that_no_segment_has_is_found_by_its_section),
        {0},
    };

    if (!read_object())
        return 2;
    int result = unit_run("operator stamp", tests);
    sheaf_string_free(&object);
    return result;
}
