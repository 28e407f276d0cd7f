/* schema.c - schemas in words: what is read is printed again, and what is wrong is named */
#include <stdlib.h>
#include <string.h>

#include "column/schema.h"
#include "unit.h"

static void schemas_are_printed_as_they_are_read(void)
{
    static const struct {
        const char *words, *printed;
    } cases[] = {
        {"a", "a"},
        {"station:text,amount:decimal(2),when:time,n:i64",
         "station:text,amount:decimal(2),when:time,n:i64"},
        {" a : i64 , b :text\n", "a:i64,b:text"},
        {"a:decimal,b:decimal(0),c:decimal(18)", "a:decimal,b:decimal(0),c:decimal(18)"},
        {"t:time,u:time(utc),d:date", "t:time,u:time(utc),d:date"},
        {"a:i8,b:i16,c:i32,d:u8,e:u16,f:u32,g:u64,h:f32,i:f64,j:bool,k:bytes",
         "a:i8,b:i16,c:i32,d:u8,e:u16,f:u32,g:u64,h:f32,i:f64,j:bool,k:bytes"},
        {"\"like \"\"this\"\"\":i64,\"a,b\":text,\"\":f64",
         "\"like \"\"this\"\"\":i64,\"a,b\":text,\"\":f64"},
        {"\" a \":i64", "\" a \":i64"},
        {"\"plain\":i64", "plain:i64"},
        {"two words,d\xC3\xA9j\xC3\xA0 vu:text", "two words,d\xC3\xA9j\xC3\xA0 vu:text"},
        {"x:i64,x:i64", "x:i64,x:i64"},
        {"\"a:b\",\"c(d\",\"e)f\"", "\"a:b\",\"c(d\",\"e)f\""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sheaf_schema schema, copy;
        struct sheaf_string words = {0};
        sheaf_error error;
        UNIT_OK(sheaf_schema_parse(cases[i].words, &schema, &error), &error);
        UNIT_OK(sheaf_schema_copy(&schema, &copy, &error), &error);
        sheaf_schema_free(&schema);
        sheaf_schema_print(&copy, &words);
        CU_ASSERT_STRING_EQUAL(words.bytes, cases[i].printed);
        sheaf_schema_free(&copy);
        sheaf_string_free(&words);
    }
}

static void wrong_schemas_are_refused_with_the_place_and_the_remedy(void)
{
    static const struct {
        const char *words, *message;
    } cases[] = {
        {"", "schema, character 1: expected the name of a column, got the end"},
        {"a,", "schema, character 3: expected the name of a column, got the end"},
        {",a", "schema, character 1: expected the name of a column, got \",a\""},
        {"a:", "schema, character 3: expected a type, got the end"},
        {"a:,b", "schema, character 3: expected a type, got \",b\""},
        {"a:int", "schema, character 3: there is no type \"int\""},
        {"a:i64,b:I64", "schema, character 9: there is no type \"I64\""},
        {"a:decimal(19)", "schema, character 3: the scale of a decimal is 0 to 18, as in "
                          "decimal(2), not \"decimal(19)\""},
        {"a:decimal(-1)", "schema, character 3: the scale of a decimal is 0 to 18, as in "
                          "decimal(2), not \"decimal(-1)\""},
        {"a:decimal()", "schema, character 3: the scale of a decimal is 0 to 18, as in "
                        "decimal(2), not \"decimal()\""},
        {"a:decimal(2", "schema, character 3: the scale of a decimal is 0 to 18, as in "
                        "decimal(2), not \"decimal(2\""},
        {"\"a", "schema, character 3: expected a closing quote, got the end"},
        {"\"a\"b:i64", "schema, character 4: expected a comma or a colon, got \"b:i64\""},
        {"a(b", "schema, character 2: expected a comma or a colon, got \"(b\""},
        {"a:i64:b", "schema, character 6: expected a comma or a colon, got \":b\""},
        {"a\"b", "schema, character 2: expected a comma or a colon, got \"\"b\""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sheaf_schema schema;
        sheaf_error error = {.status = SHEAF_OK};
        CU_ASSERT_EQUAL(sheaf_schema_parse(cases[i].words, &schema, &error), SHEAF_BAD_ARGUMENT);
        if (strcmp(error.message, cases[i].message) != 0)
            unit_print(__FILE__, __LINE__, error.message);
        CU_ASSERT_STRING_EQUAL(error.message, cases[i].message);
        CU_ASSERT(error.help[0] != '\0');
        CU_ASSERT_PTR_NULL(schema.fields);
        CU_ASSERT_EQUAL(sheaf_schema_parse(cases[i].words, &schema, NULL), SHEAF_BAD_ARGUMENT);
    }
}

static void columns_are_found_by_name_and_then_by_position(void)
{
    struct sheaf_schema schema;
    sheaf_error error;

    UNIT_OK(sheaf_schema_parse("a,b,#1,b,\"\"", &schema, &error), &error);
    CU_ASSERT_EQUAL(sheaf_schema_find(&schema, "a", 1), 0);
    CU_ASSERT_EQUAL(sheaf_schema_find(&schema, "b", 1), 1);
    CU_ASSERT_EQUAL(sheaf_schema_find(&schema, "#1", 2), 2);
    CU_ASSERT_EQUAL(sheaf_schema_find(&schema, "#4", 2), 3);
    CU_ASSERT_EQUAL(sheaf_schema_find(&schema, "", 0), 4);
    CU_ASSERT_EQUAL(sheaf_schema_find(&schema, "A", 1), -1);
    CU_ASSERT_EQUAL(sheaf_schema_find(&schema, "#0", 2), -1);
    CU_ASSERT_EQUAL(sheaf_schema_find(&schema, "#6", 2), -1);
    CU_ASSERT_EQUAL(sheaf_schema_find(&schema, "#", 1), -1);
    CU_ASSERT_EQUAL(sheaf_schema_find(&schema, "#99999999999999999999", 21), -1);
    CU_ASSERT_EQUAL(sheaf_schema_find(&schema, "ab", 1), 0);
    sheaf_schema_free(&schema);
    sheaf_schema_free(&schema);
}

static void every_type_has_a_name_and_a_size(void)
{
    for (int type = SHEAF_NONE; type <= SHEAF_SAME; type++) {
        const char *name = sheaf_type_name((sheaf_type)type);
        bool known = type <= SHEAF_BYTES || type >= SHEAF_NUMBER;
        CU_ASSERT_EQUAL(strcmp(name, "unknown") == 0, !known);
        CU_ASSERT_EQUAL(sheaf_type_size((sheaf_type)type) > 0,
                        type > SHEAF_NONE && type <= SHEAF_BYTES);
    }
    CU_ASSERT_STRING_EQUAL(sheaf_type_name((sheaf_type)1000), "unknown");
    CU_ASSERT_EQUAL(sheaf_type_size((sheaf_type)1000), 0);
    CU_ASSERT_EQUAL(sheaf_type_size(SHEAF_WIDE), 16);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(schemas_are_printed_as_they_are_read),
        UNIT(wrong_schemas_are_refused_with_the_place_and_the_remedy),
        UNIT(columns_are_found_by_name_and_then_by_position),
        UNIT(every_type_has_a_name_and_a_size),
        {0},
    };

    return unit_run("schema", tests);
}
