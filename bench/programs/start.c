/*
 * Entry point, system calls and memory routines of the benchmark programs (see bench.h).
 * Usage in the guest: PROGRAM [ROUNDS]. Each round prints "BENCH name begin", works, prints "BENCH name end <checksum>".
 */
#include "bench.h"

enum { SYS_EXIT = 1, SYS_WRITE = 4, SYS_MUNMAP = 91, SYS_MMAP2 = 192 };
enum { STDOUT = 1, DEFAULT_ROUNDS = 1 };
enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20 };

s32 system_call(s32 number, s32 first, s32 second, s32 third) {
  s32 result;
  __asm__ volatile("int $0x80" : "=a"(result) : "0"(number), "b"(first), "c"(second), "d"(third) : "memory");
  return result;
}

void *map_pages(u32 bytes, int executable) {
  s32 result;
  s32 protection = PROT_READ | PROT_WRITE | (executable ? PROT_EXEC : 0);
  /* EBP carries the sixth argument and GCC may not clobber it by name. */
  __asm__ volatile("push %%ebp\n\txor %%ebp, %%ebp\n\tint $0x80\n\tpop %%ebp"
                   : "=a"(result)
                   : "0"(SYS_MMAP2), "b"(0), "c"(bytes), "d"(protection), "S"(MAP_PRIVATE | MAP_ANONYMOUS), "D"(-1)
                   : "memory");
  return (void *)result;
}

void unmap_pages(void *pages, u32 bytes) {
  system_call(SYS_MUNMAP, (s32)pages, (s32)bytes, 0);
}

void *memcpy(void *to, const void *from, u32 bytes) {
  void *cursor = to;
  u32 words = bytes >> 2;
  __asm__ volatile("rep movsl\n\tmov %3, %%ecx\n\trep movsb"
                   : "+D"(cursor), "+S"(from), "+c"(words)
                   : "r"(bytes & 3)
                   : "memory");
  return to;
}

void *memmove(void *to, const void *from, u32 bytes) {
  u8 *target = to;
  const u8 *source = from;
  if (target <= source || target >= source + bytes) return memcpy(to, from, bytes);
  while (bytes--) target[bytes] = source[bytes];
  return to;
}

void *memset(void *to, int value, u32 bytes) {
  void *cursor = to;
  u32 words = bytes >> 2;
  __asm__ volatile("rep stosl\n\tmov %3, %%ecx\n\trep stosb"
                   : "+D"(cursor), "+c"(words)
                   : "a"((u8)value * 0x01010101u), "r"(bytes & 3)
                   : "memory");
  return to;
}

int memcmp(const void *left, const void *right, u32 bytes) {
  const u8 *a = left, *b = right;
  for (; bytes; bytes--, a++, b++)
    if (*a != *b) return *a - *b;
  return 0;
}

static char *append(char *line, const char *text) {
  while (*text) *line++ = *text++;
  return line;
}

/* One write per marker, so that the line leaves the guest whole. */
static void print_marker(const char *event, const u32 *checksum) {
  char line[96];
  char *end = append(line, "BENCH ");
  end = append(end, bench_name);
  end = append(end, event);
  if (checksum) {
    *end++ = ' ';
    for (int shift = 28; shift >= 0; shift -= 4) *end++ = "0123456789abcdef"[(*checksum >> shift) & 15];
  }
  *end++ = '\n';
  system_call(SYS_WRITE, STDOUT, (s32)line, end - line);
}

/* Called by _start with the stack the kernel made: argc, then argv. */
__attribute__((used, noreturn)) static void bench_main(s32 *stack) {
  u32 rounds = DEFAULT_ROUNDS;
  if (stack[0] > 1) {
    const char *digits = (const char *)stack[2];
    for (rounds = 0; *digits >= '0' && *digits <= '9'; digits++) rounds = rounds * 10 + (*digits - '0');
  }
  for (; rounds; rounds--) {
    print_marker(" begin", 0);
    u32 checksum = bench_round();
    print_marker(" end", &checksum);
  }
  system_call(SYS_EXIT, 0, 0, 0);
  __builtin_unreachable();
}

__asm__(".globl _start\n_start:\n\tmov %esp, %eax\n\tand $-16, %esp\n\tsub $12, %esp\n\tpush %eax\n\tcall bench_main\n");
