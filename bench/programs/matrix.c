/* Integer matrix product: multiply and add in three nested loops, one operand walked down its columns. */
#include "bench.h"

const char bench_name[] = "matrix";

enum { SIDE = 160, PASSES = 12 };
static s32 left[SIDE][SIDE], right[SIDE][SIDE], product[SIDE][SIDE];

u32 bench_round(void) {
  u32 seed = 11, checksum = CHECKSUM_SEED;
  for (u32 i = 0; i < SIDE; i++)
    for (u32 j = 0; j < SIDE; j++) {
      left[i][j] = (s32)next_random(&seed) >> 20;
      right[i][j] = (s32)next_random(&seed) >> 20;
    }
  for (u32 pass = 0; pass < PASSES; pass++) {
    for (u32 i = 0; i < SIDE; i++)
      for (u32 j = 0; j < SIDE; j++) {
        s32 sum = 0;
        for (u32 k = 0; k < SIDE; k++) sum += left[i][k] * right[k][j];
        product[i][j] = sum;
      }
    for (u32 i = 0; i < SIDE; i++)
      for (u32 j = 0; j < SIDE; j++) {
        checksum = fold(checksum, product[i][j]);
        left[i][j] = product[i][j] >> 14;
      }
  }
  return checksum;
}
