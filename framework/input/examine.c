/* examine.c - records as evidence of what their columns are: see examine.h */
#include "input/examine.h"

/* The value of a field that does not stand in it in one piece. */
static const char *unquote(struct sheaf_examiner *examiner, const char *raw, size_t size,
                           size_t *value_size, bool *quoted)
{
    sheaf_string_clear(&examiner->scratch);
    if (!sheaf_string_reserve(&examiner->scratch, size + 1))
        return NULL;
    *value_size =
        sheaf_field_unquote(examiner->dialect, raw, size, examiner->scratch.bytes, quoted);
    return examiner->scratch.bytes;
}

void sheaf_examine_field(struct sheaf_examiner *examiner, const char *raw, size_t size, bool plain,
                         struct sheaf_evidence *evidence)
{
    const char *value = raw;
    bool quoted = false;

    if (!plain) {
        size_t raw_size = size;
        value = sheaf_field_view(examiner->dialect, raw, raw_size, &size, &quoted);
        if (!value)
            value = unquote(examiner, raw, raw_size, &size, &quoted);
        if (!value)
            return; /* no memory: remembered by the scratch string */
    }
    if (!quoted && sheaf_is_null(&examiner->nulls, value, size))
        evidence->missing++;
    else
        sheaf_evidence_add(evidence, value, size, quoted);
}

size_t sheaf_examine_records(struct sheaf_examiner *examiner, const struct sheaf_records *records,
                             uint32_t width, const uint32_t *columns, size_t count,
                             struct sheaf_evidence *evidence)
{
    size_t ragged = 0;

    for (size_t r = 0; r < records->count; r++) {
        if (records->fields[r] != width) {
            ragged++;
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            uint32_t c = columns ? columns[i] : (uint32_t)i;
            uint32_t begin = sheaf_field_begin(records, r, c);
            sheaf_examine_field(examiner, records->bytes + begin,
                                sheaf_field_end(records, r, c) - begin, !records->quotes,
                                &evidence[i]);
        }
    }
    return ragged;
}
