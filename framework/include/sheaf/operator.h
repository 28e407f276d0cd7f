/*
 * sheaf/operator.h - all that the author of an operator needs
 *
 * An operator says how rows become a small fixed-size state, how two states
 * become one, and how a state becomes an answer:
 *
 *     rows  --fold-->  state  --combine-->  state  --finish-->  outputs
 *
 * sheaf cuts the data, runs fold in many processes or threads, keeps the states
 * in shared memory, and combines neighbours in the order of the data.  With
 * `--by column` it keeps one state for each key; the operator does not notice.
 *
 * States start as zero bytes, are moved with memcpy and cross processes and
 * machines, so they hold numbers and bytes, never pointers.
 *
 * What sheaf promises an operator:
 *   - fold gets at least one row, and no row in which one of the inputs is
 *     missing (unless .keep_missing is set, which makes `present` meaningful);
 *   - combine gets `later` from rows that directly follow those of `state`;
 *   - a state of zero rows, as begin leaves it, may turn up on either side;
 *   - functions are called from one thread at a time for any one state.
 *
 * What an operator promises sheaf: combining the states of two halves says the
 * same, to rounding, as folding the whole.  `sheaf check` tries to refute it.
 */
#ifndef SHEAF_OPERATOR_H
#define SHEAF_OPERATOR_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sheaf/batch.h>
#include <sheaf/kernels.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHEAF_OPERATOR_ABI 1
#define SHEAF_FIELDS_MAX   16

/* A column the operator reads; the user may bind it to one of another name. */
typedef struct sheaf_input {
    const char *name;
    sheaf_type type; /* a column of another type is converted if nothing is lost, else refused */
} sheaf_input;

/* A member of the state that becomes a column of the answer. */
typedef struct sheaf_output {
    const char *name;
    sheaf_type type;     /* SHEAF_TEXT: the member is a sheaf_block.  SHEAF_SAME: see there. */
    size_t offset;       /* of the member in the state */
    size_t present;      /* 1 + offset of an int64_t member that is 0 when the output is missing;
                            0: always there, except that a double which is NaN is missing */
} sheaf_output;

/* A member of the options struct that the user may set: --set bins=64. */
typedef struct sheaf_option {
    const char *name;
    sheaf_type type;      /* BOOL, I32, I64, F32, F64, or TEXT for a const char * */
    size_t offset;
    const char *standard; /* the value when the user sets none, as text; NULL: must be set */
    const char *about;
} sheaf_option;

typedef struct sheaf_rows sheaf_rows; /* where map and answer put their rows */

/* -- states that grow ---------------------------------------------------------------------- */

/*
 * Bytes of any number that belong to a state.  The block itself is a member of
 * the state; its bytes live in the heap that fold, combine_with and finish_with
 * are given, and move when that heap grows: ask for them again after a resize.
 */
typedef struct sheaf_block {
    uint64_t offset;
    uint64_t size;
} sheaf_block;

/* What combine_with and finish_with may need. */
typedef struct sheaf_gluing {
    const void *options;
    sheaf_heap *heap;             /* of `state` */
    const sheaf_heap *later_heap; /* of `later`; NULL in finish_with and answer */
} sheaf_gluing;

/* The bytes of a block, 16-byte aligned; NULL when its size is 0. */
SHEAF_EXPORT void *sheaf_block_bytes(const sheaf_heap *heap, const sheaf_block *block);

/*
 * Change the size; what fits is kept, what is new is zero.  Returns the bytes.
 * Does not return when memory is refused: the job ends with SHEAF_NO_MEMORY.
 * Growing by half or more at a time keeps appending linear.
 */
SHEAF_EXPORT void *sheaf_block_resize(sheaf_heap *heap, sheaf_block *block, size_t size);

/* -- the operator -------------------------------------------------------------------------- */

typedef struct sheaf_operator {
    const char *about; /* one line, shown by `sheaf operators` */

    sheaf_input inputs[SHEAF_FIELDS_MAX]; /* each list ends at the first without a name */
    sheaf_output outputs[SHEAF_FIELDS_MAX];
    sheaf_option options[SHEAF_FIELDS_MAX];

    size_t state_size;
    size_t options_size;
    bool keep_missing;
    bool exact;     /* the answer does not depend on where the data is cut, to the last bit */
    const char *by; /* the key when the user names none; NULL: one state for all rows */

    void (*begin)(void *state, const void *options); /* optional: zero is not nothing */
    void (*fold)(void *state, const sheaf_batch *batch);
    void (*combine)(void *state, const void *later);
    void (*finish)(void *state); /* optional: derive outputs */

    /* Optional and faster than fold when there are many keys: row r belongs to the state at
     * (char *)states + key[r] * stride. */
    void (*fold_keyed)(void *states, size_t stride, const uint32_t *key, const sheaf_batch *batch);

    /* In place of combine and finish where the options or a heap are needed. */
    void (*combine_with)(void *state, const void *later, const sheaf_gluing *with);
    void (*finish_with)(void *state, const sheaf_gluing *with);

    /* In place of state_size where it depends on options. */
    size_t (*measure)(const void *options);

    /* In place of outputs taken from the state: any number of rows, one value for each output. */
    void (*answer)(sheaf_rows *rows, const void *state, const sheaf_gluing *with);

    /* In place of all the above: rows in, rows out, before another operator folds them. */
    void (*map)(sheaf_rows *rows, const sheaf_batch *batch);
} sheaf_operator;

/* What a plug-in carries in the ELF note section .note.sheaf, read before it is loaded. */
typedef struct sheaf_stamp {
    uint32_t name_size, data_size, type; /* the head of an ELF note: 8, the rest, 1 */
    char owner[8];                       /* "sheaf" */
    uint32_t abi;                        /* SHEAF_OPERATOR_ABI */
    uint32_t operator_size;              /* sizeof(sheaf_operator) */
    uint32_t batch_rows;                 /* SHEAF_BATCH_ROWS */
    char name[52];                       /* the operator's name, cut */
} sheaf_stamp;

/*
 * Define an operator:  SHEAF_OPERATOR(total) = { .about = "...", ... };
 * It becomes the entry of a plug-in, or sheaf_operator_total when SHEAF_BUILT_IN
 * is defined: in a program that links it, declare extern const sheaf_operator sheaf_operator_total.
 */
/* clang-format off */
#ifdef SHEAF_BUILT_IN
#define SHEAF_OPERATOR(id)                            \
    extern const sheaf_operator sheaf_operator_##id;  \
    const sheaf_operator sheaf_operator_##id
#else
#define SHEAF_OPERATOR(id)                                                                      \
    __attribute__((section(".note.sheaf"), used, aligned(4)))                                   \
    static const sheaf_stamp sheaf_stamp_ = {8, sizeof(sheaf_stamp) - 20, 1, "sheaf",           \
        SHEAF_OPERATOR_ABI, sizeof(sheaf_operator), SHEAF_BATCH_ROWS, #id};                     \
    extern SHEAF_EXPORT const sheaf_operator sheaf_plugin;                                      \
    SHEAF_EXPORT const sheaf_operator sheaf_plugin
#endif

/* The type is taken from the member: no second place to keep in step. */
#define SHEAF_TYPE_OF(value)                                                                    \
    _Generic((value), bool: SHEAF_BOOL, int8_t: SHEAF_I8, int16_t: SHEAF_I16,                   \
        int32_t: SHEAF_I32, int64_t: SHEAF_I64, uint8_t: SHEAF_U8, uint16_t: SHEAF_U16,         \
        uint32_t: SHEAF_U32, uint64_t: SHEAF_U64, float: SHEAF_F32, double: SHEAF_F64,          \
        sheaf_int128: SHEAF_WIDE, sheaf_block: SHEAF_TEXT, const char *: SHEAF_TEXT)
#define SHEAF_OUTPUT(type, member)                                                              \
    { #member, SHEAF_TYPE_OF(((type *)0)->member), offsetof(type, member), 0 }
/* The same, missing where the int64_t member `count` is 0. */
#define SHEAF_OUTPUT_IF(type, member, count)                                                    \
    { #member, SHEAF_TYPE_OF(((type *)0)->member), offsetof(type, member), 1 + offsetof(type, count) }
#define SHEAF_OPTION(type, member, standard, about)                                             \
    { #member, SHEAF_TYPE_OF(((type *)0)->member), offsetof(type, member), standard, about }
/* clang-format on */

/* -- rows out: append a copy of a value to an output column ---------------------------------- */

/* Each row is complete when all columns have got a value; columns may be filled in any order. */
SHEAF_EXPORT void sheaf_append_bool(sheaf_rows *rows, size_t column, bool value);
SHEAF_EXPORT void sheaf_append_i64(sheaf_rows *rows, size_t column, int64_t value);
SHEAF_EXPORT void sheaf_append_f64(sheaf_rows *rows, size_t column, double value);
SHEAF_EXPORT void sheaf_append_text(sheaf_rows *rows, size_t column, const char *bytes, size_t size);
SHEAF_EXPORT void sheaf_append_missing(sheaf_rows *rows, size_t column);

#ifdef __cplusplus
}
#endif
#endif
