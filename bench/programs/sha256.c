/* SHA-256 (FIPS 180-4) of a buffer, again and again: rotates, 32-bit adds, everything spilled to the stack. */
#include "bench.h"

const char bench_name[] = "sha256";

enum { BUFFER_BYTES = 64 * 1024, PASSES = 75, BLOCK_BYTES = 64 };
static u8 buffer[BUFFER_BYTES];
static u32 constants[64];

static u32 rotate(u32 value, u32 count) {
  return value >> count | value << (32 - count);
}

/* The first 32 fraction bits of the cube roots of the first 64 primes, by integer search. */
static void make_constants(void) {
  u32 found = 0;
  for (u32 candidate = 2; found < 64; candidate++) {
    int prime = 1;
    for (u32 factor = 2; factor * factor <= candidate; factor++)
      if (candidate % factor == 0) prime = 0;
    if (!prime) continue;
    /* Largest root with root^3 <= candidate * 2^96, built bit by bit; root < 2^35, compared in 128 bits. */
    u64 root = 0;
    for (int bit = 34; bit >= 0; bit--) {
      u64 trial = root | 1ull << bit;
      u64 high = trial >> 18, low = trial & 0x3ffff;
      /* trial = high * 2^18 + low, high < 2^17: square = a * 2^36 + b, b < 2^36. */
      u64 cross = 2 * high * low, low_square = low * low;
      u64 b = ((cross & 0x3ffff) << 18) + low_square;
      u64 a = high * high + (cross >> 18) + (b >> 36);
      b &= (1ull << 36) - 1;
      /* cube = square * trial in pieces of 36 bits: c2 * 2^72 + c1 * 2^36 + c0. */
      u64 b_low = (b & 0x3ffff) * trial, b_high = (b >> 18) * trial;
      u64 c0 = b_low + ((b_high & 0x3ffff) << 18);
      u64 c1 = (b_high >> 18) + (c0 >> 36);
      u64 a_low = (a & 0x3ffff) * trial, a_high = (a >> 18) * trial;
      u64 a_part = a_low + ((a_high & 0x3ffff) << 18);
      c1 += a_part & ((1ull << 36) - 1);
      u64 c2 = (a_high >> 18) + (a_part >> 36) + (c1 >> 36);
      /* candidate * 2^96 = (candidate << 24) * 2^72. */
      if (c2 < (u64)candidate << 24) root = trial;
    }
    constants[found++] = (u32)root;
  }
}

static NOINLINE void compress(u32 *state, const u8 *block) {
  u32 w[64];
  for (u32 t = 0; t < 16; t++)
    w[t] = (u32)block[t * 4] << 24 | (u32)block[t * 4 + 1] << 16 | (u32)block[t * 4 + 2] << 8 | block[t * 4 + 3];
  for (u32 t = 16; t < 64; t++) {
    u32 s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
    u32 s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  u32 a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
  for (u32 t = 0; t < 64; t++) {
    u32 sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    u32 t1 = h + sum1 + ((e & f) ^ (~e & g)) + constants[t] + w[t];
    u32 sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    u32 t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

u32 bench_round(void) {
  if (!constants[0]) make_constants();
  u32 seed = 1;
  for (u32 i = 0; i < BUFFER_BYTES; i++) buffer[i] = next_random(&seed);
  u32 state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (u32 pass = 0; pass < PASSES; pass++)
    for (u32 offset = 0; offset < BUFFER_BYTES; offset += BLOCK_BYTES) compress(state, buffer + offset);
  u32 checksum = CHECKSUM_SEED;
  for (u32 i = 0; i < 8; i++) checksum = fold(checksum, state[i]);
  return checksum;
}
