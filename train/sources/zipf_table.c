#include "train/sources/zipf_table.h"

#include <math.h>

uint32_t *zipf_table_create(int symbols, double exponent, Arena *arena) {
    const double whole = 4e9; /* with one more for each of up to 65,536 symbols: below 2³² */
    uint32_t *cumulative = ARENA_ARRAY(arena, uint32_t, (size_t)symbols);
    double total = 0;
    for (int rank = 1; rank <= symbols; rank++)
        total += pow(rank, -exponent);
    uint32_t sum = 0;
    for (int rank = 1; rank <= symbols; rank++) {
        sum += (uint32_t)fmax(1, round(whole * pow(rank, -exponent) / total));
        cumulative[rank - 1] = sum;
    }
    return cumulative;
}
