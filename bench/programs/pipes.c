/* Two processes and two pipes: words to and fro, each a change of process, then bytes in bulk one way. */
#include "bench.h"

const char bench_name[] = "pipes";

enum { EXCHANGES = 4000, CHUNK_BYTES = 16384, CHUNKS = 256, FAILED = 1 };
static u32 chunk[CHUNK_BYTES / 4];

/* Reads all of `bytes`; 0 when the pipe ended before. */
static int read_all(s32 end, void *to, u32 bytes) {
  for (u8 *at = to; bytes;) {
    s32 got = system_call(SYS_READ, end, (s32)at, bytes);
    if (got <= 0) return 0;
    at += got;
    bytes -= got;
  }
  return 1;
}

static NOINLINE u32 sum_chunk(u32 sum) {
  for (u32 i = 0; i < LENGTH(chunk); i += 8) sum = (sum << 5 | sum >> 27) + chunk[i];
  return sum;
}

static u32 serve(s32 from, s32 to) {
  for (u32 i = 0; i < EXCHANGES; i++) {
    u32 word;
    if (!read_all(from, &word, sizeof word)) return FAILED;
    word = word * 1664525 + i;
    system_call(SYS_WRITE, to, (s32)&word, sizeof word);
  }
  u32 sum = 0;
  for (u32 i = 0; i < CHUNKS; i++) {
    if (!read_all(from, chunk, CHUNK_BYTES)) return FAILED;
    sum = sum_chunk(sum);
  }
  system_call(SYS_WRITE, to, (s32)&sum, sizeof sum);
  return 0;
}

u32 bench_round(void) {
  s32 there[2], back[2], status = -1;
  system_call(SYS_PIPE, (s32)there, 0, 0);
  system_call(SYS_PIPE, (s32)back, 0, 0);
  s32 child = system_call(SYS_FORK, 0, 0, 0);
  if (child == 0) {
    system_call(SYS_CLOSE, there[1], 0, 0);
    system_call(SYS_EXIT, (s32)serve(there[0], back[1]), 0, 0);
  }
  system_call(SYS_CLOSE, there[0], 0, 0);
  system_call(SYS_CLOSE, back[1], 0, 0);

  u32 seed = 47, word = 1, checksum = CHECKSUM_SEED;
  for (u32 i = 0; i < EXCHANGES; i++) {
    system_call(SYS_WRITE, there[1], (s32)&word, sizeof word);
    if (!read_all(back[0], &word, sizeof word)) break;
    checksum = fold(checksum, word);
  }
  for (u32 i = 0; i < LENGTH(chunk); i++) chunk[i] = next_random(&seed);
  for (u32 i = 0; i < CHUNKS; i++) {
    chunk[i * 8] ^= i;
    system_call(SYS_WRITE, there[1], (s32)chunk, CHUNK_BYTES);
  }
  u32 sum = 0;
  read_all(back[0], &sum, sizeof sum);
  system_call(SYS_CLOSE, there[1], 0, 0);
  system_call(SYS_CLOSE, back[0], 0, 0);
  system_call(SYS_WAITPID, child, (s32)&status, 0);
  return fold(fold(checksum, sum), status);
}
