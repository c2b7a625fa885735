/* Calls and returns: deep recursion, mutual recursion, and small functions through pointers. */
#include "bench.h"

const char bench_name[] = "call-heavy";

enum { FIBONACCI = 32, ACKERMANN_N = 7, POINTER_CALLS = 12000000 };

static NOINLINE u32 fibonacci(u32 n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static NOINLINE u32 ackermann(u32 m, u32 n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

static NOINLINE u32 add(u32 a, u32 b) { return a + b; }
static NOINLINE u32 subtract(u32 a, u32 b) { return a - b; }
static NOINLINE u32 mix(u32 a, u32 b) { return (a ^ b) * 5; }
static NOINLINE u32 swap(u32 a, u32 b) { return (a >> 7 | a << 25) + b; }

typedef u32 (*operation)(u32, u32);
static operation volatile operations[4] = {add, subtract, mix, swap};

u32 bench_round(void) {
  u32 checksum = fold(fold(CHECKSUM_SEED, fibonacci(FIBONACCI)), ackermann(3, ACKERMANN_N));
  u32 value = 1;
  for (u32 i = 0; i < POINTER_CALLS; i++) value = operations[(value ^ i) & 3](value, i);
  return fold(checksum, value);
}
