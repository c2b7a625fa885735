/*
 * Processes: fork, writes to pages that parent and child share, execve of a small program (this one, as `child`), exit,
 * wait. Address spaces are copied, replaced and torn down, which is what a shell script or a build does all the time.
 */
#include "bench.h"

const char bench_name[] = "fork-exec";

enum { PROCESSES = 100, PAGE_BYTES = 4096, PAGES = 32, FORK_FAILED = 255 };
static u8 shared[PAGES * PAGE_BYTES];

/* The exit status of the program started by execve. */
u32 bench_child(u32 number) {
  return (number * 7 + 3) & 127;
}

static void start(u32 number) {
  char digits[4] = {'0' + number / 100 % 10, '0' + number / 10 % 10, '0' + number % 10, 0};
  const char *arguments[] = {bench_path, "child", digits, 0};
  const char *environment[] = {0};
  for (u32 page = number & 1; page < PAGES; page += 2) shared[page * PAGE_BYTES + number] ^= 0xff;
  /* Each fourth child does its work without another program. */
  if ((number & 3) == 3) system_call(SYS_EXIT, shared[number] & 63, 0, 0);
  system_call(SYS_EXECVE, (s32)bench_path, (s32)arguments, (s32)environment);
  system_call(SYS_EXIT, FORK_FAILED, 0, 0);
}

u32 bench_round(void) {
  u32 checksum = CHECKSUM_SEED;
  memset(shared, 1, sizeof shared);
  for (u32 number = 0; number < PROCESSES; number++) {
    s32 status = -1;
    s32 child = system_call(SYS_FORK, 0, 0, 0);
    if (child == 0) start(number);
    s32 waited = system_call(SYS_WAITPID, child, (s32)&status, 0);
    shared[(number % PAGES) * PAGE_BYTES] += number;
    checksum = fold(fold(checksum, status), waited == child);
  }
  for (u32 page = 0; page < PAGES; page++) checksum = fold(checksum, shared[page * PAGE_BYTES]);
  return checksum;
}
