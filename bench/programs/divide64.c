/* 64-bit divide and multiply on a 32-bit machine: the compiler's helper routines, DIV, MUL, ADC, SBB, SHLD. */
#include "bench.h"

const char bench_name[] = "divide64";

enum { ITERATIONS = 1200000 };

static NOINLINE u64 power_modulo(u64 base, u64 exponent, u64 modulus) {
  u64 result = 1;
  for (; exponent; exponent >>= 1) {
    if (exponent & 1) result = result * base % modulus;
    base = base * base % modulus;
  }
  return result;
}

u32 bench_round(void) {
  u32 seed = 9, checksum = CHECKSUM_SEED;
  for (u32 i = 0; i < ITERATIONS; i++) {
    u64 dividend = (u64)next_random(&seed) << 32 | next_random(&seed);
    u64 divisor = (u64)next_random(&seed) << (i & 31) | 1;
    u64 quotient = dividend / divisor;
    s64 negative = -(s64)(dividend >> 1) / (s64)((divisor >> 2) | 3);
    checksum = fold(checksum, (u32)quotient ^ (u32)(quotient >> 32) ^ (u32)(negative >> 7));
  }
  for (u32 i = 0; i < 8000; i++) {
    u64 value = power_modulo(next_random(&seed) & 0xfffffff, 65537, 0xfffffffbu);
    checksum = fold(checksum, (u32)value);
  }
  return checksum;
}
