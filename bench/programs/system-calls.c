/* Into the guest's kernel and back: system calls that do little, bytes through a pipe, interrupts of the CPU's own. */
#include "bench.h"

const char bench_name[] = "system-calls";

enum { SYS_READ = 3, SYS_WRITE = 4, SYS_CLOSE = 6, SYS_PIPE = 42, SYS_UMASK = 60, SYS_GETPPID = 64 };
enum { CALLS = 120000, TRANSFERS = 12000, MASK = 022 };

u32 bench_round(void) {
  u32 checksum = CHECKSUM_SEED;
  system_call(SYS_UMASK, MASK, 0, 0);
  for (u32 i = 0; i < CALLS; i++) {
    if (i % 16 == 0) checksum = fold(checksum, system_call(SYS_UMASK, MASK, 0, 0));
    else system_call(SYS_GETPPID, 0, 0, 0);
  }
  s32 ends[2];
  system_call(SYS_PIPE, (s32)ends, 0, 0);
  for (u32 i = 0; i < TRANSFERS; i++) {
    u8 out[512], in[512];
    memset(out, i, sizeof out);
    system_call(SYS_WRITE, ends[1], (s32)out, sizeof out);
    checksum = fold(checksum, system_call(SYS_READ, ends[0], (s32)in, sizeof in) + in[i & 511]);
  }
  system_call(SYS_CLOSE, ends[0], 0, 0);
  system_call(SYS_CLOSE, ends[1], 0, 0);
  return checksum;
}
