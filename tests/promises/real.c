/*
 * real.c - real files, answers found another way
 *
 * The expected values were computed with Python's csv, decimal and fractions from
 * the same files (doubles as doubles: wind_speed has too many digits for a decimal); counts are
 * computed here once more by awk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/shell.h"

static const char *folder;

static void weather_by_airport(void)
{
    static const char expected[] = "origin,rows,total,low,high,average\n"
                                   "EWR,8703,483366.10,10.94,100.04,55.546552516662835\n"
                                   "JFK,8706,474234.54,12.02,98.06,54.47215024121296\n"
                                   "LGA,8706,485469.24,12.02,98.96,55.76260509993108\n";
    static const char *const ways[] = {"", "--inline", "-j 3 --shard-size 10k"};

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        SHELL_EXPECT(
            shell("sheaf group origin 'count() as rows sum(temp) as total min(temp) as low "
                  "max(temp) as high mean(temp) as average' %s/nyc-weather.csv --null NA %s",
                  folder, ways[i]),
            0, expected);
}

static void weather_as_awk_counts_it(void)
{
    SHELL_EXPECT(
        shell("f=%s/nyc-weather.csv; sheaf freq month $f --null NA | tail -n +2 | sort > a; "
              "awk -F, 'NR > 1 { n[$3]++ } END { for (m in n) print m \",\" n[m] }' $f | sort | "
              "cmp - a && "
              "sheaf where 'wind_gust > 40 and origin != \"JFK\"' $f --null NA > a; "
              "awk -F, 'NR == 1 || ($11 != \"NA\" && $11 > 40 && $1 != \"JFK\")' $f | sed "
              "'s/NA//g' > b; "
              "sed 's/NA//g' a | cmp - b && wc -l < a",
              folder),
        0, NULL);
    SHELL_EXPECT(shell("sheaf where 'precip > 0 and origin == \"JFK\"' then count "
                       "%s/nyc-weather.csv --null NA",
                       folder),
                 0, "count\n576\n");
    SHELL_EXPECT(
        shell("sheaf group '' 'distinct(time_hour) as n min(time_hour) as a max(time_hour) as b' "
              "%s/nyc-weather.csv",
              folder),
        0, "n,a,b\n8714,2013-01-01T06:00:00Z,2013-12-30T23:00:00Z\n");
    SHELL_EXPECT(
        shell("sheaf group '' 'mean(wind_speed)' %s/nyc-weather.csv --null NA | tail -n 1", folder),
        0, "10.517488384205889\n");
}

static void planes(void)
{
    SHELL_EXPECT(
        shell("sheaf freq manufacturer %s/nyc-planes.csv -n 4", folder), 0,
        "manufacturer,count\nBOEING,1630\nAIRBUS INDUSTRIE,400\nBOMBARDIER INC,368\nAIRBUS,336\n");
    SHELL_EXPECT(shell("sheaf group '' 'count() as n sum(seats) as seats min(year) as first "
                       "mean(year) as year "
                       "distinct(model) as models' %s/nyc-planes.csv --null NA",
                       folder),
                 0, "n,seats,first,year,models\n3322,512639,1956,2000.4840098400985,127\n");
    SHELL_EXPECT(
        shell("sheaf run moments %s/nyc-planes.csv --bind value=seats | sheaf select variance - "
              "| tail -n 1",
              folder),
        0, "5425.055251178306\n");
    SHELL_EXPECT(shell("sheaf count %s/nyc-planes.csv --by engines --sort engines", folder), 0,
                 "engines,count\n1,27\n2,3288\n3,3\n4,4\n");
    SHELL_EXPECT(
        shell("sheaf where 'year is missing' then count %s/nyc-planes.csv --null NA", folder), 0,
        "count\n70\n");
}

static void several_files_are_one_table(void)
{
    SHELL_EXPECT(
        shell("f=%s/nyc-weather.csv; sheaf group '' 'count() as n sum(temp) as s' $f $f --null NA",
              folder),
        0, "n,s\n52230,2886139.76\n");
}

int main(void)
{
    static const struct unit_test tests[] = {
        UNIT(weather_by_airport),
        UNIT(weather_as_awk_counts_it),
        UNIT(planes),
        UNIT(several_files_are_one_table),
        {0},
    };
    static const struct unit_test none[] = {{0}};
    int failed;

    folder = unit_folder("SHEAF_DATA", "nyc-weather.csv and nyc-planes.csv");
    shell_begin();
    if (!folder)
        unit_skip("SHEAF_DATA is not set", 4);
    failed = unit_run("real", folder ? tests : none);
    shell_end();
    return failed;
}
