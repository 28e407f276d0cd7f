/* gen_tables.h - the block functions of the datasets: see gen.h */
#ifndef SHEAF_APP_GEN_TABLES_H
#define SHEAF_APP_GEN_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "gen_buffer.h"

#define GEN_TAXI_HEADER                                                                     \
    "vendor,pickup_at,dropoff_at,passengers,distance,rate,stored,pickup_zone,dropoff_zone," \
    "payment,fare,extra,tax,tip,tolls,improvement,total,congestion,comment\n"
#define GEN_NASTY_HEADER "\xEF\xBB\xBFid,text,\"the \"\"number\"\"\",note,\"last, one\"\r\n"

void gen_1brc(uint64_t seed, uint64_t first_row, size_t rows, struct gen_buffer *out);
void gen_h2o(uint64_t seed, uint64_t first_row, size_t rows, struct gen_buffer *out);
void gen_numbers(uint64_t seed, uint64_t first_row, size_t rows, struct gen_buffer *out);
void gen_taxi(uint64_t seed, uint64_t first_row, size_t rows, struct gen_buffer *out);
void gen_nasty(uint64_t seed, uint64_t first_row, size_t rows, struct gen_buffer *out);

#endif
