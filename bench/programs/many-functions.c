/*
 * 512 small functions spread over 20 pages, called in a shuffled order: a working set of code too large for
 * one hot loop, as in a kernel or a large program.
 */
#include "bench.h"

const char bench_name[] = "many-functions";

enum { FUNCTIONS = 512, ITERATIONS = 7000 };

static u32 data[1024];

#define FUNCTION(n) \
  static NOINLINE u32 function_##n(u32 x) { \
    u32 y = data[(x + n) & 1023]; \
    for (u32 i = 0; i < (n & 3) + 1u; i++) y = (y << (n % 13 + 1)) ^ (y >> (n % 7 + 3)) ^ (x + n); \
    if (y & (n | 1)) data[(x ^ n) & 1023] = y + n * 3; \
    else y -= x * (n + 1); \
    return y ^ (n & 1 ? x >> 2 : x << 3); \
  }
#define F1(n) FUNCTION(n)
#define F8(a) F1(a##0) F1(a##1) F1(a##2) F1(a##3) F1(a##4) F1(a##5) F1(a##6) F1(a##7)
#define F64(a) F8(a##0) F8(a##1) F8(a##2) F8(a##3) F8(a##4) F8(a##5) F8(a##6) F8(a##7)
/* Numbers are octal, so that eight digits of eight name 512 functions. */
F64(00) F64(01) F64(02) F64(03) F64(04) F64(05) F64(06) F64(07)

typedef u32 (*function)(u32);
#define N1(n) function_##n,
#define N8(a) N1(a##0) N1(a##1) N1(a##2) N1(a##3) N1(a##4) N1(a##5) N1(a##6) N1(a##7)
#define N64(a) N8(a##0) N8(a##1) N8(a##2) N8(a##3) N8(a##4) N8(a##5) N8(a##6) N8(a##7)
static const function functions[FUNCTIONS] = {N64(00) N64(01) N64(02) N64(03) N64(04) N64(05) N64(06) N64(07)};

u32 bench_round(void) {
  u32 seed = 19, value = 1, checksum = CHECKSUM_SEED;
  u16 order[FUNCTIONS];
  for (u32 i = 0; i < 1024; i++) data[i] = next_random(&seed);
  for (u32 i = 0; i < FUNCTIONS; i++) order[i] = i;
  for (u32 i = FUNCTIONS - 1; i > 0; i--) {
    u32 j = next_random(&seed) % (i + 1);
    u16 held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  for (u32 iteration = 0; iteration < ITERATIONS; iteration++) {
    for (u32 i = 0; i < FUNCTIONS; i++) value = functions[order[i]](value);
    checksum = fold(checksum, value);
  }
  return checksum;
}
