/* hist.c - how many values fall between equally spaced edges
 *
 *     sheaf run hist weather.csv --bind value=temperature --set low=-20,high=40,bins=12
 *
 * A bin holds its lower edge and not its upper one, except that the last holds
 * `high` too.  What lies outside is counted in a row whose other edge is missing.
 * Edge i is low + i * (high - low) / bins as a double; a value is compared with
 * those very edges, so that what is printed is what was counted.
 */
#include <sheaf/operator.h>

struct options {
    int64_t bins;
    double low, high;
};

struct hist {
    int64_t below, above;
    int64_t not_numbers;
    int64_t counts[]; /* `bins` */
};

static double edge(const struct options *options, int64_t index)
{
    if (index == options->bins)
        return options->high;
    return options->low + (double)index * ((options->high - options->low) / (double)options->bins);
}

/* The bin of a value that lies within low and high. */
static int64_t find_bin(const struct options *options, double value)
{
    double share = (value - options->low) / (options->high - options->low);
    int64_t bin = (int64_t)(share * (double)options->bins);

    bin = bin < 0 ? 0 : bin >= options->bins ? options->bins - 1 : bin;
    while (bin > 0 && value < edge(options, bin))
        bin--;
    while (bin < options->bins - 1 && value >= edge(options, bin + 1))
        bin++;
    return bin;
}

static size_t measure(const void *given)
{
    const struct options *options = given;
    double width = options->high - options->low;

    if (options->bins < 1 || options->bins > 10000000 || !isfinite(width) || !(width > 0))
        return 0; /* options that make no sense */
    return sizeof(struct hist) + (size_t)options->bins * sizeof(int64_t);
}

static void fold(void *state, const sheaf_batch *batch)
{
    const struct options *options = batch->options;
    struct hist *hist = state;

    for (size_t row = 0; row < batch->rows; row++) {
        double value;

        __builtin_memcpy(&value, (const char *)batch->columns[0].values + row * sizeof value,
                         sizeof value);
        if (isnan(value))
            hist->not_numbers++;
        else if (value < options->low)
            hist->below++;
        else if (value > options->high)
            hist->above++;
        else
            hist->counts[find_bin(options, value)]++;
    }
}

static void combine_with(void *state, const void *later, const sheaf_gluing *with)
{
    const struct options *options = with->options;
    struct hist *hist = state;
    const struct hist *more = later;

    hist->below += more->below;
    hist->above += more->above;
    hist->not_numbers += more->not_numbers;
    for (int64_t bin = 0; bin < options->bins; bin++)
        hist->counts[bin] += more->counts[bin];
}

static void append(sheaf_rows *rows, double low, double high, int64_t count)
{
    if (isnan(low))
        sheaf_append_missing(rows, 0);
    else
        sheaf_append_f64(rows, 0, low);
    if (isnan(high))
        sheaf_append_missing(rows, 1);
    else
        sheaf_append_f64(rows, 1, high);
    sheaf_append_i64(rows, 2, count);
}

static void answer(sheaf_rows *rows, const void *state, const sheaf_gluing *with)
{
    const struct options *options = with->options;
    const struct hist *hist = state;

    append(rows, (double)NAN, options->low, hist->below);
    for (int64_t bin = 0; bin < options->bins; bin++)
        append(rows, edge(options, bin), edge(options, bin + 1), hist->counts[bin]);
    append(rows, options->high, (double)NAN, hist->above);
    if (hist->not_numbers)
        append(rows, (double)NAN, (double)NAN, hist->not_numbers);
}

SHEAF_OPERATOR(hist) = {
    .about = "how many values fall between equally spaced edges",
    .inputs = {{"value", SHEAF_F64}},
    .outputs = {{"low", SHEAF_F64, 0, 0}, {"high", SHEAF_F64, 0, 0}, {"count", SHEAF_I64, 0, 0}},
    .options = {SHEAF_OPTION(struct options, bins, "20", "how many bins, 1 to 10000000"),
                SHEAF_OPTION(struct options, low, NULL, "the lower edge of the first bin"),
                SHEAF_OPTION(struct options, high, NULL, "the upper edge of the last bin")},
    .options_size = sizeof(struct options),
    .exact = true,
    .measure = measure,
    .fold = fold,
    .combine_with = combine_with,
    .answer = answer,
};
