/* feeding.c - gzip and streams: decoded by one, read by others, damaged, cut short, abandoned */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "reading.h"
#include "unit.h"

/* -- making files ------------------------------------------------------------------------------ */

/* Append a gzip member. */
static void zip(struct sheaf_string *to, const char *bytes, size_t size)
{
    z_stream stream = {0};

    if (deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    size_t room = deflateBound(&stream, size) + 64;
    if (!sheaf_string_reserve(to, room))
        abort();
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size;
    stream.next_out = (Bytef *)to->bytes + to->size;
    stream.avail_out = (uInt)room;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
        abort();
    to->size += room - stream.avail_out;
    deflateEnd(&stream);
}

static struct sheaf_string many_rows(int count)
{
    struct sheaf_string text = {0};

    sheaf_string_append(&text, "id,name\n");
    for (int i = 0; i < count; i++)
        sheaf_string_append_format(&text, "%d,name %d\n", i, i % 1009 * 7919 % 1000);
    return text;
}

/* Feed in this process, to the end, then read. */
static sheaf_status feed_and_read(const char *path, struct reading *reading, sheaf_error *error)
{
    sheaf_dataset_options options = reading_options();
    sheaf_dataset *dataset;

    *reading = (struct reading){0};
    options.delimiter = ',' + 1;
    options.header = true;
    options.shard_bytes = 10000;
    SHEAF_TRY(reading_open(path, &options, &dataset, error));
    sheaf_dataset_read_ahead(dataset, UINT64_MAX);
    sheaf_status status = sheaf_dataset_feed(dataset, error);
    if (status == SHEAF_OK)
        status = reading_all(dataset, reading, error);
    sheaf_dataset_close(dataset);
    return status;
}

static bool gives(const struct sheaf_string *zipped, const struct sheaf_string *text)
{
    struct reading reading;
    sheaf_error error;
    sheaf_status status =
        feed_and_read(reading_file("t.csv.gz", zipped->bytes, zipped->size), &reading, &error);

    if (status != SHEAF_OK)
        printf("\n%s\n", error.message);
    bool same = status == SHEAF_OK && strcmp(reading.rows.bytes, text->bytes + 8) == 0;
    reading_free(&reading);
    return same;
}

static bool is_damaged(const char *bytes, size_t size)
{
    struct reading reading;
    sheaf_error error = {0};
    sheaf_status status = feed_and_read(reading_file("t.csv.gz", bytes, size), &reading, &error);
    bool right = status == SHEAF_BAD_DATA && error.code == 407 && error.byte >= 0 &&
                 strstr(error.message, "decoded bytes (E407)");

    if (!right)
        printf("\n%zu bytes: %d %s\n", size, (int)status, error.message);
    reading_free(&reading);
    return right;
}

/* -- gzip -------------------------------------------------------------------------------------- */

static void members_are_one_file(void)
{
    struct sheaf_string text = many_rows(200000), zipped = {0};

    zip(&zipped, text.bytes, text.size);
    CU_ASSERT(gives(&zipped, &text));
    sheaf_string_clear(&zipped);
    zip(&zipped, "", 0);
    for (size_t at = 0, size; at < text.size; at += size) {
        size = text.size - at < 300001 ? text.size - at : 300001;
        zip(&zipped, text.bytes + at, size);
    }
    zip(&zipped, "", 0);
    CU_ASSERT(gives(&zipped, &text));
    sheaf_string_append_bytes(&zipped, "\0\0\0\0\0", 5); /* filling */
    CU_ASSERT(gives(&zipped, &text));
    sheaf_string_free(&text);
    sheaf_string_free(&zipped);
}

static void damage_is_told(void)
{
    struct sheaf_string text = many_rows(150000), zipped = {0};

    zip(&zipped, text.bytes, text.size);
    size_t size = zipped.size;
    for (size_t cut = 1; cut < size; cut = cut < 24 ? cut + 1 : cut * 3)
        CU_ASSERT(is_damaged(zipped.bytes, size - cut));
    const size_t places[] = {3, size / 3, size - 8, size - 1};
    for (size_t i = 1; i < sizeof places / sizeof places[0]; i++) {
        zipped.bytes[places[i]] ^= 0x10;
        CU_ASSERT(is_damaged(zipped.bytes, size));
        zipped.bytes[places[i]] ^= 0x10;
    }
    sheaf_string_append(&zipped, "garbage");
    CU_ASSERT(is_damaged(zipped.bytes, zipped.size));
    sheaf_string_clear(&zipped);
    zip(&zipped, text.bytes, text.size);
    sheaf_string_append_bytes(&zipped, "\0\0x", 3);
    CU_ASSERT(is_damaged(zipped.bytes, zipped.size));
    sheaf_string_free(&text);
    sheaf_string_free(&zipped);
}

static void arrays_may_be_zipped(void)
{
    static const char header[] = "\x93NUMPY\x01\0\x76\0{'descr': '<i2', 'fortran_order': False, "
                                 "'shape': (3,), }";
    struct sheaf_string bytes = {0}, zipped = {0};
    struct reading reading;
    sheaf_dataset *dataset;
    sheaf_error error;

    sheaf_string_append_bytes(&bytes, header, sizeof header - 1);
    while (bytes.size < 128)
        sheaf_string_append_char(&bytes, ' ');
    sheaf_string_append_bytes(&bytes, "\1\0\2\0\3\0", 6);
    for (size_t cut = 0; cut <= 3; cut++) {
        sheaf_string_clear(&zipped);
        zip(&zipped, bytes.bytes, bytes.size - cut);
        const char *path = reading_file("a.npy.gz", zipped.bytes, zipped.size);
        UNIT_OK(reading_open(path, NULL, &dataset, &error), &error);
        sheaf_dataset_read_ahead(dataset, UINT64_MAX);
        UNIT_OK(sheaf_dataset_feed(dataset, &error), &error);
        sheaf_status status = reading_all(dataset, &reading, &error);
        CU_ASSERT_EQUAL(status, cut ? SHEAF_BAD_DATA : SHEAF_OK);
        CU_ASSERT(cut ? error.code == 408 : strcmp(reading.rows.bytes, "1\n2\n3\n") == 0);
        reading_free(&reading);
        sheaf_dataset_close(dataset);
    }
    sheaf_string_free(&bytes);
    sheaf_string_free(&zipped);
}

/* -- a feeder beside its readers -----------------------------------------------------------------
 */

static int feed_in_child(sheaf_dataset *dataset)
{
    int child = fork();

    if (child == 0)
        _exit(sheaf_dataset_feed(dataset, NULL) != SHEAF_OK);
    return child;
}

static bool ended_well(int child)
{
    int status;

    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void readers_hold_the_feeder_back(void)
{
    struct sheaf_string text = many_rows(500000), zipped = {0};
    sheaf_dataset_options options = reading_options();
    const struct sheaf_wanted wanted = {0, {SHEAF_I64, 0}};
    struct sheaf_reader *reader;
    struct sheaf_read read;
    struct sheaf_read_outcome outcome = {0};
    sheaf_dataset *dataset;
    sheaf_error error;
    int64_t next = 0;

    zip(&zipped, text.bytes, text.size);
    options.shard_bytes = 100000;
    UNIT_OK(reading_open(reading_file("t.csv.gz", zipped.bytes, zipped.size), &options, &dataset,
                         &error),
            &error);
    sheaf_dataset_read_ahead(dataset, 300000);
    CU_ASSERT(sheaf_dataset_needs_feeder(dataset));
    int child = feed_in_child(dataset);
    struct sheaf_file *file = &dataset->files[0];
    UNIT_OK(sheaf_reader_open(dataset, &wanted, 1, &reader, &error), &error);
    uint64_t at = file->data_begin, end;
    for (uint64_t shard = 0; shard < sheaf_file_shards(dataset, 0); shard++) {
        UNIT_OK(sheaf_file_cut(dataset, 0, shard + 1, &end, &error), &error);
        UNIT_OK(sheaf_reader_start(reader, 0, at, end, &error), &error);
        do {
            UNIT_OK(sheaf_reader_next(reader, &read, &error), &error);
            for (size_t r = 0; r < read.rows; r++)
                if (read.columns[0].i64[r] != next++)
                    CU_FAIL_FATAL("a row is another");
        } while (read.rows > 0);
        sheaf_reader_finish(reader, &outcome);
        at = outcome.stopped;
        sheaf_file_consumed(file, at);
        CU_ASSERT(atomic_load(&file->spool->decoded) <= at + 300000 + 2 * 256 * 1024);
    }
    CU_ASSERT_EQUAL(next, 500000);
    CU_ASSERT(ended_well(child));
    struct stat spool;
    CU_ASSERT_EQUAL(fstat(file->spool_fd, &spool), 0);
    CU_ASSERT(spool.st_blocks * 512 < 400000); /* what was consumed was given back */
    CU_ASSERT_FALSE(sheaf_dataset_needs_feeder(dataset));
    UNIT_OK(sheaf_dataset_rewind(dataset, &error), &error);
    CU_ASSERT(sheaf_dataset_needs_feeder(dataset));
    sheaf_reader_close(reader);
    sheaf_dataset_close(dataset);
    sheaf_string_free(&text);
    sheaf_string_free(&zipped);
}

static void a_record_longer_than_the_lead_stalls_no_one(void)
{
    struct sheaf_string text = {0}, zipped = {0};
    sheaf_dataset_options options = reading_options();
    struct reading reading;
    sheaf_dataset *dataset;
    sheaf_error error;

    sheaf_string_append(&text, "a,b\n1,\"");
    for (int i = 0; i < 3000000; i++)
        sheaf_string_append_char(&text, 'x');
    sheaf_string_append(&text, "\"\n2,y\n");
    zip(&zipped, text.bytes, text.size);
    options.shard_bytes = 1000000;
    options.schema = "a:i64,b:text"; /* the sample has no whole row */
    UNIT_OK(reading_open(reading_file("t.csv.gz", zipped.bytes, zipped.size), &options, &dataset,
                         &error),
            &error);
    sheaf_dataset_read_ahead(dataset, 1000);
    int child = feed_in_child(dataset);
    UNIT_OK(reading_all(dataset, &reading, &error), &error);
    CU_ASSERT_EQUAL(reading.rows.size, 3000000 + 7);
    CU_ASSERT(ended_well(child));
    reading_free(&reading);
    sheaf_dataset_close(dataset);
    sheaf_string_free(&text);
    sheaf_string_free(&zipped);
}

static void readers_learn_that_the_feeder_failed(void)
{
    struct sheaf_string text = many_rows(300000), zipped = {0};
    struct reading reading;
    sheaf_dataset *dataset;
    sheaf_error error;

    zip(&zipped, text.bytes, text.size);
    const char *path = reading_file("t.csv.gz", zipped.bytes, zipped.size - 1000);
    UNIT_OK(reading_open(path, NULL, &dataset, &error), &error);
    sheaf_dataset_read_ahead(dataset, UINT64_MAX);
    int child = feed_in_child(dataset);
    CU_ASSERT_EQUAL(reading_all(dataset, &reading, &error), SHEAF_BAD_DATA);
    CU_ASSERT_EQUAL(error.code, 407);
    CU_ASSERT_FALSE(ended_well(child));
    reading_free(&reading);
    sheaf_dataset_close(dataset);

    UNIT_OK(reading_open(path, NULL, &dataset, &error), &error);
    sheaf_dataset_feeder_gone(dataset, NULL); /* killed before it did anything */
    CU_ASSERT_EQUAL(reading_all(dataset, &reading, &error), SHEAF_LOST);
    reading_free(&reading);
    sheaf_dataset_close(dataset);
    sheaf_string_free(&text);
    sheaf_string_free(&zipped);
}

/* -- streams -------------------------------------------------------------------------------------
 */

static void a_pipe_is_read_as_a_file(void)
{
    struct sheaf_string text = many_rows(200000);
    struct reading reading;
    sheaf_dataset_options options = reading_options();
    sheaf_dataset *dataset;
    sheaf_error error;
    char path[64];

    snprintf(path, sizeof path, "%s", reading_file("fifo", "", 0));
    unlink(path);
    CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
    int child = fork();
    if (child == 0) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        for (size_t at = 0; at < text.size;) {
            size_t size = text.size - at < 7777 ? text.size - at : 7777;
            ssize_t wrote = write(fd, text.bytes + at, size);
            if (wrote < 0)
                _exit(1);
            at += (size_t)wrote;
        }
        _exit(0);
    }
    UNIT_OK(reading_open(path, &options, &dataset, &error), &error);
    CU_ASSERT_EQUAL(dataset->files[0].source, SHEAF_SOURCE_STREAM);
    CU_ASSERT_EQUAL(sheaf_dataset_bytes(dataset), UINT64_MAX);
    sheaf_dataset_read_ahead(dataset, UINT64_MAX);
    UNIT_OK(sheaf_dataset_feed(dataset, &error), &error);
    UNIT_OK(reading_all(dataset, &reading, &error), &error);
    CU_ASSERT_STRING_EQUAL(reading.rows.bytes, text.bytes + 8);
    reading_free(&reading);
    UNIT_OK(sheaf_dataset_rewind(dataset, &error), &error); /* all is still there */
    UNIT_OK(reading_all(dataset, &reading, &error), &error);
    CU_ASSERT_STRING_EQUAL(reading.rows.bytes, text.bytes + 8);
    reading_free(&reading);
    sheaf_file_consumed(&dataset->files[0], 5000);
    CU_ASSERT_EQUAL(sheaf_dataset_rewind(dataset, &error), SHEAF_BAD_ARGUMENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.help, "--schema"));
    CU_ASSERT(ended_well(child));
    sheaf_dataset_close(dataset);
    sheaf_string_free(&text);
}

static void a_file_without_a_size_is_a_stream(void)
{
    sheaf_dataset *dataset;
    sheaf_error error;
    sheaf_dataset_options options = reading_options();

    options.delimiter = ':' + 1;
    options.headless = options.all_text = true;
    options.bad_row = SHEAF_BAD_ROW_NULL;
    UNIT_OK(reading_open("/proc/self/status", &options, &dataset, &error), &error);
    CU_ASSERT_EQUAL(dataset->files[0].source, SHEAF_SOURCE_STREAM);
    CU_ASSERT_EQUAL(sheaf_dataset_columns(dataset), 2);
    sheaf_dataset_close(dataset);
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(members_are_one_file),
        UNIT(damage_is_told),
        UNIT(arrays_may_be_zipped),
        UNIT(readers_hold_the_feeder_back),
        UNIT(a_record_longer_than_the_lead_stalls_no_one),
        UNIT(readers_learn_that_the_feeder_failed),
        UNIT(a_pipe_is_read_as_a_file),
        UNIT(a_file_without_a_size_is_a_stream),
        {0},
    };
    return unit_run("feeding", tests);
}
