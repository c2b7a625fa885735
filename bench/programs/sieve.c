/* Sieve of Eratosthenes over two million bytes: short loops of byte stores with a stride. */
#include "bench.h"

const char bench_name[] = "sieve";

enum { LIMIT = 2000000, PASSES = 18 };
static u8 composite[LIMIT];

u32 bench_round(void) {
  u32 checksum = CHECKSUM_SEED;
  for (u32 pass = 0; pass < PASSES; pass++) {
    memset(composite, 0, LIMIT);
    for (u32 factor = 2; factor * factor < LIMIT; factor++) {
      if (composite[factor]) continue;
      for (u32 multiple = factor * factor; multiple < LIMIT; multiple += factor) composite[multiple] = 1;
    }
    u32 primes = 0, last = 0;
    for (u32 candidate = 2; candidate < LIMIT - pass; candidate++) {
      if (!composite[candidate]) {
        primes++;
        last = candidate;
      }
    }
    checksum = fold(fold(checksum, primes), last);
  }
  return checksum;
}
