/* base.c - errors, strings and limits keep their word */
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/string.h"
#include "unit.h"

static void message_is_one_printable_line(void)
{
    sheaf_error error;

    CU_ASSERT_EQUAL(sheaf_error_set(&error, SHEAF_BAD_DATA, "a\nb%s", "\x1b[1m"), SHEAF_BAD_DATA);
    CU_ASSERT_STRING_EQUAL(error.message, "a\\x0Ab\\x1B[1m");
    CU_ASSERT_EQUAL(error.byte, -1);
    CU_ASSERT_EQUAL(sheaf_error_set(NULL, SHEAF_BAD_DATA, "no error to fill"), SHEAF_BAD_DATA);
}

static void long_message_is_cut_at_a_whole_character(void)
{
    char text[1000] = {0};
    sheaf_error error;

    for (size_t offset = 0; offset < 2; offset++) {
        memset(text, 'x', offset);
        for (size_t i = offset; i + 2 < sizeof text; i += 2)
            memcpy(text + i, "\xC3\xA9", 2);
        sheaf_error_set(&error, SHEAF_SYSTEM, "%s", text);
        size_t size = strlen(error.message);
        CU_ASSERT(size < sizeof error.message);
        CU_ASSERT((unsigned char)error.message[size - 1] == 0xA9);
    }
}

static void help_lines_are_kept_apart(void)
{
    sheaf_error error;

    sheaf_error_set(&error, SHEAF_BAD_DATA, "bad");
    sheaf_error_help(&error, "one");
    sheaf_error_help(&error, "two");
    CU_ASSERT_STRING_EQUAL(error.help, "one\ntwo");
}

static void every_status_has_a_name_and_an_exit_code(void)
{
    static const struct {
        sheaf_status status;
        int code;
    } expected[] = {{SHEAF_OK, 0},          {SHEAF_BAD_ARGUMENT, 2},       {SHEAF_BAD_OUTPUT, 3},
                    {SHEAF_LOST, 4},        {SHEAF_BAD_DATA, 5},           {SHEAF_CHANGED, 5},
                    {SHEAF_LIMIT, 6},       {SHEAF_BAD_OPERATOR, 7},       {SHEAF_NOT_DETERMINISTIC, 8},
                    {SHEAF_INTERNAL, 70},   {SHEAF_STOPPED, 75},           {SHEAF_TIMEOUT, 124},
                    {SHEAF_NO_MEMORY, 6},   {SHEAF_REFUSED, 4}};

    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        sheaf_error error = {.status = expected[i].status};
        CU_ASSERT_EQUAL(sheaf_exit_code(&error), expected[i].code);
        CU_ASSERT(strncmp(sheaf_status_name(expected[i].status), "SHEAF_", 6) == 0);
    }
    sheaf_error interrupted = {.status = SHEAF_INTERRUPTED, .system = 15};
    CU_ASSERT_EQUAL(sheaf_exit_code(&interrupted), 143);
}

static void impossible_allocation_is_refused(void)
{
    char *memory = NULL;
    size_t capacity = 0;

    CU_ASSERT_EQUAL(sheaf_grow(&memory, &capacity, SIZE_MAX / 2, 8, NULL), SHEAF_NO_MEMORY);
    CU_ASSERT_PTR_NULL(memory);
    CU_ASSERT_EQUAL(sheaf_grow(&memory, &capacity, 100, 8, NULL), SHEAF_OK);
    CU_ASSERT(capacity >= 100);
    free(memory);
}

static void string_grows_byte_by_byte(void)
{
    struct sheaf_string string = {0};

    for (int i = 0; i < 1000; i++)
        sheaf_string_append_format(&string, "%d,", i % 10);
    CU_ASSERT_EQUAL(string.size, 2000);
    CU_ASSERT(memcmp(string.bytes, "0,1,2,", 6) == 0);
    CU_ASSERT_EQUAL(sheaf_string_check(&string, NULL), SHEAF_OK);
    sheaf_string_free(&string);
}

static void machine_has_at_least_one_processor_and_some_memory(void)
{
    CU_ASSERT(sheaf_cpu_count() >= 1);
    CU_ASSERT(sheaf_memory_limit() > 1 << 20);
    CU_ASSERT(sheaf_cpu_isa_runs(SHEAF_ISA_SCALAR));
}

static void unknown_instruction_set_is_refused(void)
{
    sheaf_error error;

    setenv("SHEAF_ISA", "avx1024", 1);
    CU_ASSERT_EQUAL(sheaf_cpu_isa_check(&error), SHEAF_BAD_ARGUMENT);
    setenv("SHEAF_ISA", "scalar", 1);
    CU_ASSERT_EQUAL(sheaf_cpu_isa(), SHEAF_ISA_SCALAR);
    CU_ASSERT_EQUAL(sheaf_cpu_isa_check(&error), SHEAF_OK);
    unsetenv("SHEAF_ISA");
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(message_is_one_printable_line),
        UNIT(long_message_is_cut_at_a_whole_character),
        UNIT(help_lines_are_kept_apart),
        UNIT(every_status_has_a_name_and_an_exit_code),
        UNIT(impossible_allocation_is_refused),
        UNIT(string_grows_byte_by_byte),
        UNIT(machine_has_at_least_one_processor_and_some_memory),
        UNIT(unknown_instruction_set_is_refused),
        {0},
    };

    return unit_run("base", tests);
}
