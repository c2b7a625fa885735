/* Integers, floats of three widths and long long arithmetic, as gcc compiles them. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t state = 1;
static uint32_t next(void) { return state = state * 1664525u + 1013904223u; }

int main(void) {
  uint64_t sum = 0, mixed = 0x9e3779b97f4a7c15u;
  int64_t quotient = 0;
  for (int i = 0; i < 200000; i++) {
    uint64_t a = (uint64_t)next() << 32 | next(), b = next() | 1u;
    sum += a / b + a % b;
    mixed ^= mixed << 13 ^ a, mixed ^= mixed >> 7, mixed ^= mixed << 17;
    quotient += (int64_t)a / (int32_t)b ^ (int64_t)(a >> (b & 63));
  }
  printf("%llu %llu %lld\n", (unsigned long long)sum, (unsigned long long)mixed, (long long)quotient);
  float f = 1;
  double d = 1;
  long double l = 1;
  for (int i = 1; i < 5000; i++) f += 1.0f / i, d += 1.0 / i / i, l += 1.0L / i / i / i;
  printf("%.6f %.13f %.17Lf\n", f, d, l);
#ifndef FAST
  double edges[] = {0.0, -0.0, 1e-310, 1e308, 0.5, 1.5, 2.5, -3.7, 1e15 + 0.3};
  for (unsigned i = 0; i < sizeof edges / sizeof *edges; i++) {
    uint64_t bits;
    double root = sqrt(fabs(edges[i]));
    memcpy(&bits, &root, 8);
    printf("%g %ld %lld %016llx %d %g %g\n", edges[i], lrint(edges[i] < 1e9 ? edges[i] : 1), (long long)(edges[i] < 1e18 ? edges[i] : 0),
           (unsigned long long)bits, fpclassify(edges[i]), fmod(edges[i], 0.3), nearbyint(edges[i] < 1e300 ? edges[i] : 0));
  }
#endif
  double m[8][8], p = 0;
  for (int i = 0; i < 64; i++) m[i / 8][i % 8] = (int)(next() >> 20) / 64.0;
  for (int k = 0; k < 50; k++)
    for (int i = 0; i < 8; i++)
      for (int j = 0; j < 8; j++) p += m[i][k % 8] * m[k % 8][j] * (i == j ? 1 : -0.25);
  printf("%.9g %.10g %.10g %.10g\n", p, sin(p), exp(p / 1e7), pow(1.0000001, 12345678));
  char text[256] = "";
  for (int i = 0; i < 40; i++) sprintf(text + strlen(text), "%x", next() >> 28);
  printf("%s %d %d\n", text, (int)strspn(text, "0123456789abcdef"), __builtin_popcount(next()));
  return 0;
}
