/* Into the guest's kernel and back: system calls that do little, so that the way there and back is what takes time. */
#include "bench.h"

const char bench_name[] = "system-calls";

enum { CALLS = 160000, MASK = 022, STDOUT = 1, NAME_BYTES = 390 };

u32 bench_round(void) {
  static char name[NAME_BYTES];
  u32 checksum = CHECKSUM_SEED;
  system_call(SYS_UMASK, MASK, 0, 0);
  for (u32 i = 0; i < CALLS; i++) {
    switch (i & 15) {
    case 0: checksum = fold(checksum, system_call(SYS_UMASK, MASK, 0, 0)); break;
    case 4: checksum = fold(checksum, system_call(SYS_CLOSE, system_call(SYS_DUP, STDOUT, 0, 0), 0, 0)); break;
    case 8: checksum = fold(checksum, system_call(SYS_UNAME, (s32)name, 0, 0) + name[0]); break;
    case 12: checksum = fold(checksum, system_call(SYS_WRITE, STDOUT, 0, 0)); break;
    default: system_call(SYS_GETPPID, 0, 0, 0);
    }
  }
  return checksum;
}
