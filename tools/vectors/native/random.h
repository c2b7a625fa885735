/*
 * The random numbers of the capture: a stateless 32-bit mixer, so that the reader (test/vectors/format.ts) can
 * derive the initial registers and the initial memory of every case instead of storing them.
 * Source: the finalizer of MurmurHash3 (Austin Appleby, public domain).
 */
#ifndef TABPC_RANDOM_H
#define TABPC_RANDOM_H
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define GOLDEN 0x9E3779B9u
/* Tells the memory pattern from every other use of the mixer. */
#define PATTERN_SEED 0x7AB9C386u

static inline u32 mix(u32 a) {
  a ^= a >> 16;
  a *= 0x85EBCA6Bu;
  a ^= a >> 13;
  a *= 0xC2B2AE35u;
  return a ^ (a >> 16);
}

/* Byte of untouched arena memory at a linear address. */
static inline u8 pattern_byte(u32 address) { return (u8)(mix((address & ~3u) ^ PATTERN_SEED) >> (8 * (address & 3))); }

/* Word `slot` (0..7 registers, 8 EFLAGS, 9 EIP) of the initial state of case `index`. */
static inline u32 case_word(u32 file_seed, u32 index, u32 slot) {
  return mix(mix(file_seed + index * GOLDEN) + slot * GOLDEN + 1);
}

/* The generator's own stream. */
void random_seed(u32 seed);
u32 random_word(void);
/* Uniform enough in 0..n-1. */
u32 below(u32 n);
/* True in `percent` of the calls. */
int chance(u32 percent);
#endif
