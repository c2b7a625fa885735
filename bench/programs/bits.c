/* Bit and byte instructions that compilers emit: BSR, BSF, BT, shifts by CL, SHLD, SETcc, CMOV, MOVZX and MOVSX, ROL. */
#include "bench.h"

const char bench_name[] = "bits";

enum { ITERATIONS = 3300000 };
static u32 map[2048];

static NOINLINE u32 gray_rank(u32 value) {
  for (u32 shift = 1; shift < 32; shift <<= 1) value ^= value >> shift;
  return value;
}

static NOINLINE u32 population(u32 value) {
  value -= value >> 1 & 0x55555555;
  value = (value & 0x33333333) + (value >> 2 & 0x33333333);
  return ((value + (value >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}

u32 bench_round(void) {
  u32 seed = 43, checksum = CHECKSUM_SEED, least = ~0u, most = 0;
  u64 wide = 1;
  memset(map, 0, sizeof map);
  for (u32 i = 0; i < ITERATIONS; i++) {
    u32 value = next_random(&seed);
    u32 bit = value >> 16;
    map[bit >> 5] ^= 1u << (bit & 31);
    u32 low = __builtin_ctz(value), high = __builtin_clz(value | 1);
    least = value < least ? value : least;
    most = value > most ? value : most;
    wide = wide << (low + 1) | wide >> (63 - low);
    wide += (s32)(signed char)value * (s32)(short)(value >> 8);
    checksum ^= gray_rank(value) + population(value ^ map[high]);
    checksum = checksum << (value & 31) | checksum >> (-value & 31);
    checksum += (value > 0x7fff0000) + (value < 0x10000) * 2 + __builtin_bswap32(value);
  }
  for (u32 i = 0; i < LENGTH(map); i++) checksum = fold(checksum, map[i]);
  return fold(fold(checksum, least ^ most), (u32)(wide ^ wide >> 32));
}
