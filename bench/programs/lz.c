/* LZ77 compression with a hash of three bytes, and its decoder: byte loads, table look-ups, short copies. */
#include "bench.h"

const char bench_name[] = "lz";

enum { TEXT_BYTES = 256 * 1024, HASH_ENTRIES = 4096, WINDOW = 8191, LONGEST = 66, SHORTEST = 3, PASSES = 16 };
static u8 text[TEXT_BYTES], packed[TEXT_BYTES * 2], unpacked[TEXT_BYTES];
static u32 latest[HASH_ENTRIES];
static u32 previous[TEXT_BYTES];

static u32 hash(const u8 *at) {
  return ((u32)at[0] * 506832829u ^ (u32)at[1] << 11 ^ (u32)at[2] * 2654435u) >> 7 & (HASH_ENTRIES - 1);
}

/* Tokens: 0 and a byte, or length - 2 and a distance of two bytes. */
static NOINLINE u32 pack(void) {
  u8 *out = packed;
  memset(latest, 0xff, sizeof latest);
  for (u32 at = 0; at < TEXT_BYTES;) {
    u32 best = 0, distance = 0;
    if (at + LONGEST < TEXT_BYTES) {
      u32 candidate = latest[hash(text + at)];
      for (u32 tries = 8; tries && candidate != ~0u && at - candidate <= WINDOW; tries--) {
        u32 same = 0;
        while (same < LONGEST && text[candidate + same] == text[at + same]) same++;
        if (same > best) best = same, distance = at - candidate;
        candidate = previous[candidate];
      }
    }
    u32 taken = best >= SHORTEST ? best : 1;
    if (taken == 1) {
      *out++ = 0;
      *out++ = text[at];
    } else {
      *out++ = taken - 2;
      *out++ = distance;
      *out++ = distance >> 8;
    }
    for (; taken; taken--, at++) {
      if (at + SHORTEST > TEXT_BYTES) continue;
      u32 slot = hash(text + at);
      previous[at] = latest[slot];
      latest[slot] = at;
    }
  }
  return out - packed;
}

static NOINLINE u32 unpack(u32 bytes) {
  u8 *out = unpacked;
  for (const u8 *in = packed; in < packed + bytes;) {
    u32 token = *in++;
    if (token == 0) {
      *out++ = *in++;
      continue;
    }
    const u8 *from = out - (in[0] | in[1] << 8);
    in += 2;
    for (u32 count = token + 2; count; count--) *out++ = *from++;
  }
  return out - unpacked;
}

u32 bench_round(void) {
  u32 seed = 23, checksum = CHECKSUM_SEED;
  /* Words of a small vocabulary, so that matches are found and most are short. */
  for (u32 at = 0; at < TEXT_BYTES;) {
    u32 word = next_random(&seed) % 700 * 2654435761u;
    for (u32 count = 3 + (word >> 28) / 3; count && at < TEXT_BYTES; count--, word = word >> 3 | word << 29)
      text[at++] = 'a' + (word & 15);
    if (at < TEXT_BYTES) text[at++] = ' ';
  }
  for (u32 pass = 0; pass < PASSES; pass++) {
    u32 bytes = pack();
    checksum = fold(fold(checksum, bytes), unpack(bytes));
    checksum = fold(checksum, memcmp(text, unpacked, TEXT_BYTES));
    for (u32 at = 0; at < bytes; at += 61) checksum = fold(checksum, packed[at]);
  }
  return checksum;
}
