/* opening.c - paths, dialects, headers and layouts: what opening a dataset finds, and refuses */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reading.h"
#include "unit.h"

static bool opens(const char *text, char delimiter, const char *schema)
{
    sheaf_dataset_options options = reading_options();
    struct sheaf_string words = {0};
    sheaf_dataset *dataset = NULL;
    sheaf_error error;

    sheaf_status status = reading_open(reading_text("o.csv", text), &options, &dataset, &error);
    if (status != SHEAF_OK) {
        printf("\n%s\n", error.message);
        return false;
    }
    sheaf_string_append(&words, "");
    sheaf_schema_print(&dataset->schema, &words);
    bool same =
        dataset->dialect.delimiter == (unsigned char)delimiter && strcmp(words.bytes, schema) == 0;
    if (!same)
        printf("\nexpected %c %s\ngot %c %s\n", delimiter, schema, dataset->dialect.delimiter,
               words.bytes);
    sheaf_string_free(&words);
    sheaf_dataset_close(dataset);
    return same;
}

static bool refuses(const char *text, int code, const char *part)
{
    sheaf_dataset_options options = reading_options();

    return reading_fails(reading_text("o.csv", text), &options, code, part);
}

/* -- dialect --------------------------------------------------------------------------------- */

static void delimiters_are_found(void)
{
    CU_ASSERT(opens("a,b\n1,2\n", ',', "a:i64,b:i64"));
    CU_ASSERT(opens("a;b\n1;2\n", ';', "a:i64,b:i64"));
    CU_ASSERT(opens("a\tb\n1\t2\n", '\t', "a:i64,b:i64"));
    CU_ASSERT(opens("a|b\n1|2\n", '|', "a:i64,b:i64"));
    CU_ASSERT(opens("Oslo;1.5\nRom;2.5\n", ';', "c1:text,c2:decimal(1)"));
    CU_ASSERT(opens("a;b\n1,5;2,5\n3,5;4,5\n", ';', "a:text,b:text"));
    CU_ASSERT(opens("a;b;c\n1,5;2,5;3,5\n1,7;2,7;3,7\n", ';', "a:text,b:text,c:text"));
    CU_ASSERT(opens("name,list\nx,a;b;c\ny,d;e;f\n", ',', "name:text,list:text"));
    CU_ASSERT(opens("when,what\n2024-01-01,\"a;b;c;d\"\n2024-01-02,\"e;f;g;h\"\n", ',',
                    "when:date,what:text"));
    CU_ASSERT(opens("name\nx\n", ',', "c1:text"));
    CU_ASSERT(opens("t\n1\n2\n", ',', "t:i64"));
    CU_ASSERT(
        opens("it was, he said\na day\nof rain\nand wind\nbut, well\nno snow\n", '\t', "c1:text"));
}

static void unclear_delimiters_are_refused(void)
{
    CU_ASSERT(refuses("a;b,c\nd;e,f\n", 410, "fit equally well"));
    CU_ASSERT(refuses("a,b\nc\nd,e,f\ng,h,i,j\nk,l,m,n,o\n", 410, "equal number"));
}

static void headers_are_found(void)
{
    CU_ASSERT(opens("id,name\n1,x\n", ',', "id:i64,name:text"));
    CU_ASSERT(opens("1,x\n2,y\n", ',', "c1:i64,c2:text"));
    CU_ASSERT(opens("name,city\nx,Rom\ny,Oslo\n", ',', "name:text,city:text"));
    CU_ASSERT(opens("x,Rom\ny,Oslo\nx,Bern\n", ',', "c1:text,c2:text"));
    CU_ASSERT(opens(",a\n0,1\n", ',', "c1:i64,a:i64"));
    CU_ASSERT(opens("2019,2020\n1,2\n", ',', "c1:i64,c2:i64"));
    CU_ASSERT(opens("a,b\n", ',', "a:text,b:text"));
    CU_ASSERT(opens("\"a,b\",\"c \"\"d\"\"\"\n1,2\n", ',', "\"a,b\":i64,\"c \"\"d\"\"\":i64"));
}

static void options_that_contradict_are_refused(void)
{
    sheaf_dataset_options options = reading_options();
    const char *path = reading_text("o.csv", "a,b\n1,2\n");

    options.header = options.headless = true;
    CU_ASSERT(reading_fails(path, &options, 0, "not both"));
    options = reading_options();
    options.delimiter = '"' + 1;
    CU_ASSERT(reading_fails(path, &options, 0, ""));
    options = reading_options();
    options.delimiter = 300;
    CU_ASSERT(reading_fails(path, &options, 0, "not a byte"));
    options.struct_size = 0;
    CU_ASSERT(reading_fails(path, &options, 0, "struct_size"));
}

/* -- paths ----------------------------------------------------------------------------------- */

static size_t files_of(const char *path, char *names)
{
    sheaf_dataset_options options = reading_options();
    sheaf_dataset *dataset;
    sheaf_error error;
    size_t count = 0;

    *names = '\0';
    if (reading_open(path, &options, &dataset, &error) != SHEAF_OK) {
        strcpy(names, error.message);
        return 0;
    }
    for (; count < dataset->file_count; count++)
        strcat(strcat(names, strrchr(dataset->files[count].path, '/') + 1), " ");
    sheaf_dataset_close(dataset);
    return count;
}

static void paths_become_files(void)
{
    char folder[80], pattern[100], list[400], names[600];

    snprintf(folder, sizeof folder, "%.30s/sub", reading_folder());
    CU_ASSERT_EQUAL(mkdir(folder, 0700), 0);
    CU_ASSERT_EQUAL(files_of(folder, names), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(names, "has no files"));
    reading_text("sub/b.csv", "x,y\n1,2\n");
    reading_text("sub/a.csv", "x,y\n3,4\n");
    reading_text("sub/.hidden", "z\n");
    reading_text("sub/c[1].csv", "x,y\n3,4\n");
    CU_ASSERT_EQUAL(files_of(folder, names), 3);
    CU_ASSERT_STRING_EQUAL(names, "a.csv b.csv c[1].csv ");
    snprintf(pattern, sizeof pattern, "%s/?.csv", folder);
    CU_ASSERT_EQUAL(files_of(pattern, names), 2);
    CU_ASSERT_STRING_EQUAL(names, "a.csv b.csv ");
    snprintf(pattern, sizeof pattern, "%s/c[1].csv", folder);
    CU_ASSERT_EQUAL(files_of(pattern, names), 1);
    snprintf(pattern, sizeof pattern, "%s/*.txt", folder);
    CU_ASSERT_EQUAL(files_of(pattern, names), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(names, "no file fits"));
    snprintf(list, sizeof list, "%s/b.csv\r\n\n%s/a*.csv\n", folder, folder);
    snprintf(pattern, sizeof pattern, "@%s", reading_text("list", list));
    CU_ASSERT_EQUAL(files_of(pattern, names), 2);
    CU_ASSERT_STRING_EQUAL(names, "b.csv a.csv ");
    snprintf(pattern, sizeof pattern, "%s/nothing.csv", folder);
    CU_ASSERT_EQUAL(files_of(pattern, names), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(names, "No such file"));
    CU_ASSERT_EQUAL(files_of("", names), 0);
    const char *const left[] = {"b.csv", "a.csv", ".hidden", "c[1].csv"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(pattern, sizeof pattern, "%s/%s", folder, left[i]);
        unlink(pattern);
    }
    rmdir(folder);
}

static void files_of_other_columns_are_refused(void)
{
    char first[64];
    sheaf_dataset_options options = reading_options();
    sheaf_dataset *dataset;
    struct reading reading;
    sheaf_error error;

    strcpy(first, reading_text("1.csv", "a,b\n1,2\n"));
    const char *paths[] = {first, reading_text("2.csv", "a,c\n1,2\n")};
    CU_ASSERT_EQUAL(sheaf_dataset_open(paths, 2, &options, &dataset, &error), SHEAF_BAD_DATA);
    CU_ASSERT_EQUAL(error.code, 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "column 2 is b there, c here"));
    reading_text("2.csv", "a,b,c\n1,2,3\n");
    CU_ASSERT_EQUAL(sheaf_dataset_open(paths, 2, &options, &dataset, &error), SHEAF_BAD_DATA);
    CU_ASSERT_EQUAL(error.code, 409);
    reading_text("2.csv", "\xef\xbb\xbf"
                          "a,b\n3,4\n");
    UNIT_OK(sheaf_dataset_open(paths, 2, &options, &dataset, &error), &error);
    UNIT_OK(reading_all(dataset, &reading, &error), &error);
    CU_ASSERT_STRING_EQUAL(reading.rows.bytes, "1,2\n3,4\n");
    reading_free(&reading);
    sheaf_dataset_close(dataset);
    reading_text("1.csv", ""); /* empty files have no say */
    UNIT_OK(sheaf_dataset_open(paths, 2, &options, &dataset, &error), &error);
    UNIT_OK(reading_all(dataset, &reading, &error), &error);
    CU_ASSERT_STRING_EQUAL(reading.rows.bytes, "3,4\n");
    reading_free(&reading);
    sheaf_dataset_close(dataset);
}

static void a_header_may_be_longer_than_the_sample(void)
{
    sheaf_dataset_options options = reading_options();
    struct sheaf_string text = {0};
    sheaf_dataset *dataset;
    sheaf_error error;

    for (int row = 0; row < 2; row++)
        for (int c = 0; c < 300000; c++)
            sheaf_string_append_format(&text, row ? "%d%c" : "col%d%c", c, c < 299999 ? ',' : '\n');
    options.delimiter = ',' + 1;
    options.header = true;
    UNIT_OK(reading_open(reading_file("o.csv", text.bytes, text.size), &options, &dataset, &error),
            &error);
    CU_ASSERT_EQUAL(sheaf_dataset_columns(dataset), 300000);
    CU_ASSERT_STRING_EQUAL(sheaf_dataset_column_name(dataset, 299999), "col299999");
    sheaf_string_free(&text);
    sheaf_dataset_close(dataset);
}

/* -- changes ----------------------------------------------------------------------------------- */

static sheaf_status read_after(void (*change)(const char *), sheaf_error *error)
{
    sheaf_dataset_options options = reading_options();
    const char *path = reading_text("o.csv", "a,b\n1,2\n3,4\n");
    sheaf_dataset *dataset;
    struct reading reading;

    SHEAF_TRY(reading_open(path, &options, &dataset, error));
    change(path);
    sheaf_status status = reading_all(dataset, &reading, error);
    reading_free(&reading);
    sheaf_dataset_close(dataset);
    return status;
}

static void append(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    CU_ASSERT_EQUAL(write(fd, "5,6\n", 4), 4);
    close(fd);
}

/* Its times are as before: only the size tells. */
static void cut_short(const char *path)
{
    struct stat was;

    CU_ASSERT_EQUAL(stat(path, &was), 0);
    CU_ASSERT_EQUAL(truncate(path, 6), 0);
    const struct timespec times[2] = {was.st_atim, was.st_mtim};
    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void write_inside(const char *path)
{
    struct timespec later[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = 2000000000}};
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(pwrite(fd, "9", 1, 4), 1);
    futimens(fd, later); /* the clock of files may stand still for some milliseconds */
    close(fd);
}

static void removed(const char *path)
{
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static void a_file_that_changes_is_noticed(void)
{
    sheaf_error error;

    CU_ASSERT_EQUAL(read_after(append, &error), SHEAF_CHANGED);
    CU_ASSERT_EQUAL(error.code, 406);
    CU_ASSERT_EQUAL(read_after(cut_short, &error), SHEAF_CHANGED);
    CU_ASSERT_EQUAL(read_after(write_inside, &error), SHEAF_CHANGED);
    CU_ASSERT_EQUAL(read_after(removed, &error), SHEAF_OK);
}

static void a_change_is_noticed_at_the_end_of_the_shard(void)
{
    sheaf_dataset_options options = reading_options();
    const char *path = reading_text("o.csv", "a,b\n1,2\n3,4\n");
    struct sheaf_wanted wanted = {0, {SHEAF_I64, 0}};
    struct sheaf_reader *reader;
    struct sheaf_read read;
    sheaf_dataset *dataset;
    sheaf_error error;

    UNIT_OK(reading_open(path, &options, &dataset, &error), &error);
    UNIT_OK(sheaf_reader_open(dataset, &wanted, 1, &reader, &error), &error);
    UNIT_OK(sheaf_reader_start(reader, 0, 4, 12, &error), &error);
    UNIT_OK(sheaf_reader_next(reader, &read, &error), &error);
    append(path);
    CU_ASSERT_EQUAL(sheaf_reader_next(reader, &read, &error), SHEAF_CHANGED);
    sheaf_reader_close(reader);
    sheaf_dataset_close(dataset);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(delimiters_are_found),
        UNIT(unclear_delimiters_are_refused),
        UNIT(headers_are_found),
        UNIT(options_that_contradict_are_refused),
        UNIT(paths_become_files),
        UNIT(files_of_other_columns_are_refused),
        UNIT(a_header_may_be_longer_than_the_sample),
        UNIT(a_file_that_changes_is_noticed),
        UNIT(a_change_is_noticed_at_the_end_of_the_shard),
        {0},
    };
    return unit_run("opening", tests);
}
