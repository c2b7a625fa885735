/* The row arrays that make the families in families.c. */
#ifndef TABPC_ROWS_FAMILIES_H
#define TABPC_ROWS_FAMILIES_H
#include "rows.h"
extern const row arithmetic_rows[], multiply_rows[], shift_rows[], bit_rows[], move_rows[], string_rows[], stack_rows[],
  branch_rows[], fault_rows[], segment_rows[], mmx_rows[], sse_rows[], sse2_rows[], sse3_rows[], ssse3_rows[], sse41_rows[], sse42_rows[], aes_rows[], x87_rows[];
extern const u32 arithmetic_row_count, multiply_row_count, shift_row_count, bit_row_count, move_row_count,
  string_row_count, stack_row_count, branch_row_count, fault_row_count, segment_row_count,
  mmx_row_count, sse_row_count, sse2_row_count, sse3_row_count, ssse3_row_count, sse41_row_count, sse42_row_count, aes_row_count, x87_row_count;
#endif
