/* Copies and fills of many sizes: REP MOVS and REP STOS, unrolled loads and stores, misaligned and overlapping moves. */
#include "bench.h"

const char bench_name[] = "memory-copy";

enum { BUFFER_BYTES = 256 * 1024, PASSES = 600 };
static u8 source[BUFFER_BYTES + 64], target[BUFFER_BYTES + 64];

static NOINLINE void copy_words(u32 *to, const u32 *from, u32 words) {
  for (; words >= 4; words -= 4, to += 4, from += 4) {
    u32 a = from[0], b = from[1], c = from[2], d = from[3];
    to[0] = a, to[1] = b, to[2] = c, to[3] = d;
  }
}

u32 bench_round(void) {
  u32 seed = 17, checksum = CHECKSUM_SEED;
  for (u32 i = 0; i < BUFFER_BYTES; i++) source[i] = next_random(&seed);
  for (u32 pass = 0; pass < PASSES; pass++) {
    memcpy(target, source, BUFFER_BYTES);
    checksum = fold(checksum, target[(pass * 7919) & (BUFFER_BYTES - 1)]);
    for (u32 bytes = 1; bytes < 4096; bytes += bytes / 3 + 1) {
      memcpy(target + (bytes & 63), source + (pass & 31), bytes);
      memset(target + BUFFER_BYTES / 2, pass, bytes);
      checksum = fold(checksum, target[bytes] + target[BUFFER_BYTES / 2 + bytes - 1]);
    }
    copy_words((u32 *)source, (const u32 *)target, BUFFER_BYTES / 4);
    copy_words((u32 *)(target + 1), (const u32 *)(source + 3), BUFFER_BYTES / 4 - 4);
    memmove(source + 5, source, BUFFER_BYTES / 8);
    checksum = fold(checksum, *(u32 *)(target + 1 + (pass * 1021 & (BUFFER_BYTES - 4))) ^ source[pass]);
  }
  return checksum;
}
