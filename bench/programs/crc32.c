/* CRC-32 by table: one dependent load per byte. */
#include "bench.h"

const char bench_name[] = "crc32";

enum { BUFFER_BYTES = 256 * 1024, PASSES = 160 };
#define POLYNOMIAL 0xedb88320u
static u8 buffer[BUFFER_BYTES];
static u32 table[256];

u32 bench_round(void) {
  u32 seed = 3;
  for (u32 i = 0; i < 256; i++) {
    u32 entry = i;
    for (u32 bit = 0; bit < 8; bit++) entry = entry & 1 ? entry >> 1 ^ POLYNOMIAL : entry >> 1;
    table[i] = entry;
  }
  for (u32 i = 0; i < BUFFER_BYTES; i++) buffer[i] = next_random(&seed);
  u32 crc = ~0u;
  for (u32 pass = 0; pass < PASSES; pass++)
    for (u32 i = 0; i < BUFFER_BYTES; i++) crc = table[(u8)crc ^ buffer[i]] ^ crc >> 8;
  return ~crc;
}
