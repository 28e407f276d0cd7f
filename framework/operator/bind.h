/*
 * bind.h - operators bound to columns: which inputs they read, where their state lies
 *
 * Several operators may share one key: their states lie side by side in one
 * combined state.  The frame is the list of columns that a job decodes or
 * derives; inputs are indices into it.
 */
#ifndef SHEAF_OPERATOR_BIND_H
#define SHEAF_OPERATOR_BIND_H

#include "column/schema.h"
#include <sheaf/operator.h>

struct sheaf_bound {
    const sheaf_operator *op; /* functions may be NULL until loaded in this process */
    const char *name;
    void *options;       /* options_size bytes, parsed from --set; owned */
    size_t state_size;   /* rounded up to 16 */
    size_t state_offset; /* in the combined state, a multiple of 16 */
    uint32_t inputs;
    int32_t input[SHEAF_FIELDS_MAX];         /* index into the frame */
    sheaf_kind input_kind[SHEAF_FIELDS_MAX]; /* the kind fold sees: frame columns have it already */
    uint32_t outputs;
    char *output_name[SHEAF_FIELDS_MAX];      /* owned */
    sheaf_kind output_kind[SHEAF_FIELDS_MAX]; /* SAME resolved; scale for decimals and wides */
};

struct sheaf_aggregate {
    struct sheaf_bound *bound;
    size_t count;
    size_t stride; /* bytes of the combined state */
};

/*
 * The kind an input of type `wanted` takes from a column of kind `have`:
 *
 *   wanted         takes                                  and sees
 *   NUMBER         any number                             i64, decimal or f64
 *   ANY            anything                               the same; integers as i64, f32 as f64
 *   F64            any number                             f64
 *   I64            integers                               i64
 *   DECIMAL        decimals, integers                     decimal; integers have scale 0
 *   other integer  integers, none of which does not fit   the wanted type
 *   TEXT           bool i64 f64 decimal date time text    text, as it stands in the data
 *   BYTES          bytes, text                            bytes
 *   any other      just its own type                      the column's kind
 *
 * SHEAF_BAD_ARGUMENT (E223) names operator, input, column, both types and a remedy.
 */
SHEAF_CHECKED sheaf_status sheaf_bind_kind(const char *operator_name, const sheaf_input *input,
                                           const char *column, sheaf_kind have, sheaf_kind *kind,
                                           sheaf_error *error);

/*
 * Parse "bins=64,low=0" into options (all standards first); help lists what exists.
 * `set` may be NULL or empty.  A value that begins with a double quote goes to the next one and may
 * hold commas; "" stands for a quote.  *options is one allocation, texts included, for free();
 * NULL if the operator has none.  SHEAF_BAD_ARGUMENT (E222).
 */
SHEAF_CHECKED sheaf_status sheaf_bind_options(const char *operator_name, const sheaf_operator *op,
                                              const char *set, void **options, sheaf_error *error);

/* Set state_size from the size that the operator said (.state_size, or what .measure gave:
 * sheaf_plugin_state_size()).  SHEAF_BAD_OPERATOR (E706) if an output lies outside;
 * SHEAF_BAD_ARGUMENT (E222) if .measure gave 0: that is how it refuses options. */
SHEAF_CHECKED sheaf_status sheaf_bind_state(struct sheaf_bound *bound, size_t size,
                                            sheaf_error *error);

/* Fill state offsets and stride once all members of bound[] but these are set. */
void sheaf_aggregate_layout(struct sheaf_aggregate *aggregate);
void sheaf_aggregate_free(struct sheaf_aggregate *aggregate);

/*
 * Set `outputs` and resolve output kinds from input kinds.  SAME: type and scale of the first
 * input.  WIDE: the exact sum of the first input, a wide integer of its scale, or, when that input
 * is f64, an f64 in the first 8 bytes of the member.  DECIMAL and TIME: the scale of the first
 * input of that type, else 0.
 */
void sheaf_bind_outputs(struct sheaf_bound *bound);

#endif
