/* dialect.c - how a delimited file is written: see dialect.h */
#include "input/dialect.h"

struct sheaf_dialect sheaf_dialect_default(void)
{
    return (struct sheaf_dialect){
        .delimiter = ',',
        .quote = '"',
        .has_quote = true,
        .doublequote = true,
    };
}

struct role {
    const char *name;
    const char *flag;
    int byte; /* -1: no byte has this role */
};

static bool is_newline(int byte)
{
    return byte == '\n' || byte == '\r';
}

static sheaf_status refuse(sheaf_error *error, const struct role *role, const char *why)
{
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "the %s can not be byte 0x%02X: %s", role->name,
                    (unsigned)role->byte, why);
    sheaf_error_help(error, "Choose another byte with %s", role->flag);
    return SHEAF_BAD_ARGUMENT;
}

static sheaf_status check_roles(const struct sheaf_dialect *dialect, sheaf_error *error)
{
    const struct role roles[] = {
        {"delimiter", "-d", dialect->delimiter},
        {"quote", "--quote", dialect->has_quote ? dialect->quote : -1},
        {"escape", "--escape", dialect->has_escape ? dialect->escape : -1},
        {"comment byte", "--comment", dialect->has_comment ? dialect->comment : -1},
    };
    const size_t count = sizeof roles / sizeof roles[0];

    for (size_t i = 1; i < count; i++) {
        if (is_newline(roles[i].byte))
            return refuse(error, &roles[i], "it ends records");
        for (size_t k = 0; k < i; k++)
            if (roles[i].byte >= 0 && roles[i].byte == roles[k].byte)
                return refuse(error, &roles[i], "it has another meaning already");
        if (dialect->skip_initial_space && roles[i].byte == ' ')
            return refuse(error, &roles[i], "initial spaces are skipped");
    }
    if (dialect->skip_initial_space && dialect->delimiter == ' ')
        return refuse(error, &roles[0], "initial spaces are skipped");
    return SHEAF_OK;
}

/* libcsv knows a delimiter and a quote, and nothing else. */
static sheaf_status check_libcsv(const struct sheaf_dialect *dialect, sheaf_error *error)
{
    const char *feature = NULL;

    if (!dialect->has_quote)
        feature = "--no-quote";
    else if (!dialect->doublequote)
        feature = "--no-doublequote";
    else if (dialect->has_escape)
        feature = "--escape";
    else if (dialect->has_comment)
        feature = "--comment";
    else if (dialect->keep_blank)
        feature = "--keep-blank";
    else if (dialect->newline != SHEAF_NEWLINE_ANY)
        feature = "--newline";
    else if (is_newline(dialect->delimiter))
        feature = "a newline as delimiter";
    if (!feature)
        return SHEAF_OK;
    sheaf_error_set(error, SHEAF_BAD_ARGUMENT, "libcsv does not know %s", feature);
    sheaf_error_help(error, "Leave --libcsv away: the canonical reading knows it");
    return SHEAF_BAD_ARGUMENT;
}

sheaf_status sheaf_dialect_check(struct sheaf_dialect *dialect, sheaf_error *error)
{
    if (dialect->has_escape && dialect->has_quote && dialect->escape == dialect->quote) {
        dialect->has_escape = false;
        dialect->doublequote = true;
    }
    SHEAF_TRY(check_roles(dialect, error));
    if (dialect->reading == SHEAF_LIBCSV)
        return check_libcsv(dialect, error);
    return SHEAF_OK;
}

struct sheaf_rules sheaf_dialect_rules(const struct sheaf_dialect *dialect)
{
    return (struct sheaf_rules){
        .delimiter = dialect->delimiter,
        .quote = dialect->quote,
        .escape = dialect->escape,
        .comment = dialect->comment,
        .has_quote = dialect->has_quote,
        .has_escape = dialect->has_escape,
        .has_comment = dialect->has_comment,
        .doublequote = dialect->doublequote,
        .keep_blank = dialect->keep_blank,
        .skip_initial_space = dialect->skip_initial_space,
        .newline = dialect->newline,
    };
}
