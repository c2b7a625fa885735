/* Quick sort of 32-bit integers with an insertion sort for short runs: unpredictable branches, loads and stores. */
#include "bench.h"

const char bench_name[] = "quicksort";

enum { ITEMS = 200000, SHORT_RUN = 12, PASSES = 10 };
static s32 items[ITEMS];

static void sort(s32 *low, s32 *high) {
  while (high - low > SHORT_RUN) {
    s32 pivot = low[(high - low) / 2];
    s32 *left = low, *right = high;
    while (left <= right) {
      while (*left < pivot) left++;
      while (*right > pivot) right--;
      if (left <= right) {
        s32 held = *left;
        *left++ = *right;
        *right-- = held;
      }
    }
    if (right - low < high - left) {
      sort(low, right);
      low = left;
    } else {
      sort(left, high);
      high = right;
    }
  }
  for (s32 *next = low + 1; next <= high; next++) {
    s32 held = *next, *hole = next;
    for (; hole > low && hole[-1] > held; hole--) *hole = hole[-1];
    *hole = held;
  }
}

u32 bench_round(void) {
  u32 checksum = CHECKSUM_SEED, seed = 7;
  for (u32 pass = 0; pass < PASSES; pass++) {
    for (u32 i = 0; i < ITEMS; i++) items[i] = (s32)next_random(&seed);
    sort(items, items + ITEMS - 1);
    for (u32 i = 1; i < ITEMS; i++) checksum = fold(checksum, items[i] >= items[i - 1]);
    for (u32 i = 0; i < ITEMS; i += 997) checksum = fold(checksum, items[i]);
  }
  return checksum;
}
