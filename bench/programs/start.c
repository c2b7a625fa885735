/*
 * Entry point, system calls and memory routines of the benchmark programs (see bench.h).
 * Usage in the guest: PROGRAM [ROUNDS]. Each round prints "BENCH name begin", works, prints "BENCH name end <checksum>".
 * Compiled for a plain i686 whatever the program is compiled for: it asks the CPU before the program uses anything.
 */
#include "bench.h"

const char *bench_path;

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

static char *append_hex(char *line, u32 value) {
  for (int shift = 28; shift >= 0; shift -= 4) *line++ = "0123456789abcdef"[(value >> shift) & 15];
  return line;
}

/* One write per marker, so that the line leaves the guest whole. `detail` is what follows the event, or "". */
static void print_marker(const char *event, const char *detail) {
  char line[96];
  char *end = append(append(line, "BENCH "), bench_name);
  *end++ = ' ';
  end = append(append(end, event), detail);
  *end++ = '\n';
  system_call(SYS_WRITE, STDOUT, (s32)line, end - line);
}

static u32 parse_number(const char *digits) {
  u32 number = 0;
  for (; *digits >= '0' && *digits <= '9'; digits++) number = number * 10 + (*digits - '0');
  return number;
}

static int cpu_has(u32 edx_bits) {
  u32 eax = 1, ebx, ecx, edx;
  __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
  return (edx & edx_bits) == edx_bits;
}

static void run_rounds(u32 rounds) {
  if (&bench_feature && !cpu_has(bench_feature.edx)) {
    print_marker("unsupported ", bench_feature.name);
    return;
  }
  for (; rounds; rounds--) {
    char detail[10];
    print_marker("begin", "");
    *append_hex(detail, bench_round()) = 0;
    print_marker("end ", detail);
  }
}

/* Called by _start with the stack the kernel made: argc, then argv. */
__attribute__((used, noreturn)) static void bench_main(s32 *stack) {
  const char **arguments = (const char **)(stack + 1);
  u32 status = 0;
  bench_path = arguments[0];
  if (stack[0] > 2 && bench_child && arguments[1][0] == 'c') status = bench_child(parse_number(arguments[2]));
  else run_rounds(stack[0] > 1 ? parse_number(arguments[1]) : DEFAULT_ROUNDS);
  system_call(SYS_EXIT, (s32)status, 0, 0);
  __builtin_unreachable();
}

__asm__(".globl _start\n_start:\n\tmov %esp, %eax\n\tand $-16, %esp\n\tsub $12, %esp\n\tpush %eax\n\tcall bench_main\n");
