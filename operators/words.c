/* words.c - the words of a text column, one row each
 *
 *     sheaf run words count novels.csv --by word
 *
 * A map: it makes rows for another operator, here one for each run of letters.
 * Bytes above 127 are parts of UTF-8 characters and count as letters.
 */
#include <sheaf/operator.h>

static bool is_letter(char byte)
{
    unsigned char c = (unsigned char)byte;

    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

static void split(sheaf_rows *rows, const char *at, const char *end)
{
    while (at < end) {
        const char *word = at;

        while (at < end && is_letter(*at))
            at++;
        if (at > word)
            sheaf_append_text(rows, 0, word, (size_t)(at - word));
        else
            at++;
    }
}

static void map(sheaf_rows *rows, const sheaf_batch *batch)
{
    for (size_t row = 0; row < batch->rows; row++) {
        sheaf_text text = batch->columns[0].text[row];

        if (text.size > 0)
            split(rows, text.bytes, text.bytes + text.size);
    }
}

SHEAF_OPERATOR(words) = {
    .about = "the words of a text column, one row each",
    .inputs = {{"text", SHEAF_TEXT}},
    .outputs = {{"word", SHEAF_TEXT, 0, 0}},
    .map = map,
};
