/*
 * A program that writes programs, as run-time compilers and linkers do: fresh functions are written and called a few
 * times, constants inside a running loop are patched, and data is written beside code in the same page.
 */
#include "bench.h"

const char bench_name[] = "self-modifying";

enum { PAGES = 4, PAGE_BYTES = 4096, SLOT_BYTES = 64, GENERATIONS = 3000, CALLS = 40, PATCHES = 2000, NEIGHBOURS = 600000 };
typedef u32 (*function)(u32);

static u8 *emit32(u8 *at, u32 value) {
  memcpy(at, &value, 4);
  return at + 4;
}

/* mov eax, [esp+4]; mov ecx, count; loop: add eax, a; xor eax, b; rol eax, c; dec ecx; jnz loop; ret */
static void emit_function(u8 *at, u32 count, u32 a, u32 b, u32 c) {
  *at++ = 0x8b, *at++ = 0x44, *at++ = 0x24, *at++ = 0x04;
  *at++ = 0xb9, at = emit32(at, count);
  *at++ = 0x05, at = emit32(at, a);
  *at++ = 0x35, at = emit32(at, b);
  *at++ = 0xc1, *at++ = 0xc0, *at++ = c;
  *at++ = 0x49;
  *at++ = 0x75, *at++ = (u8)-16;
  *at = 0xc3;
}

enum { ADDEND_OFFSET = 10 };

u32 bench_round(void) {
  u8 *code = map_pages(PAGES * PAGE_BYTES, 1);
  u32 seed = 41, value = 1, checksum = CHECKSUM_SEED;
  for (u32 generation = 0; generation < GENERATIONS; generation++) {
    u8 *slot = code + next_random(&seed) % (PAGES * PAGE_BYTES / SLOT_BYTES) * SLOT_BYTES;
    emit_function(slot, 20, next_random(&seed), next_random(&seed), generation & 31);
    for (u32 call = 0; call < CALLS; call++) value = ((function)slot)(value);
    checksum = fold(checksum, value);
  }
  /* One constant of a function that is hot by now changes before each call. */
  emit_function(code, 1000, 1, 2, 3);
  for (u32 patch = 0; patch < PATCHES; patch++) {
    emit32(code + ADDEND_OFFSET, patch * 77);
    value = ((function)code)(value);
  }
  /* Data beside code: stores to a page that holds a hot function, never to its bytes. */
  u32 *counters = (u32 *)(code + SLOT_BYTES * 4);
  emit_function(code, 4, 5, 6, 7);
  memset(counters, 0, SLOT_BYTES);
  for (u32 i = 0; i < NEIGHBOURS; i++) {
    value = ((function)code)(value);
    counters[value & 15] += i;
  }
  for (u32 i = 0; i < 16; i++) checksum = fold(checksum, counters[i]);
  unmap_pages(code, PAGES * PAGE_BYTES);
  return fold(checksum, value);
}
