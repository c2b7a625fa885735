/*
 * What every guest benchmark program shares. A program defines bench_name and bench_round;
 * start.c calls bench_round once per round and prints the markers that the host times.
 * Freestanding on purpose: a C library chooses its string routines by CPUID, so two engines
 * that report different CPUs would not run the same instructions.
 */
#ifndef BENCH_H
#define BENCH_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#define NOINLINE __attribute__((noinline))
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The word that names the program in its markers. */
extern const char bench_name[];

/* Does one round: a fixed amount of work, the same in each round. Returns the checksum of its results. */
u32 bench_round(void);

/*
 * Bits of EDX of CPUID leaf 1 that the program cannot do without, and what to call them. Where the CPU does not
 * announce them all, start.c prints "BENCH name unsupported <feature>" and runs no round. Defined where needed.
 */
struct cpu_feature { u32 edx; char name[16]; };
extern const struct cpu_feature bench_feature __attribute__((weak));

/* For a program that starts itself: what PROGRAM child DIGITS does. Returns the exit status. Defined where needed. */
u32 bench_child(u32 number) __attribute__((weak));
/* The path by which the program was started. */
extern const char *bench_path;

void *memcpy(void *to, const void *from, u32 bytes);
void *memmove(void *to, const void *from, u32 bytes);
void *memset(void *to, int value, u32 bytes);
int memcmp(const void *left, const void *right, u32 bytes);

/* Linux system calls by number (int 0x80), results as the kernel returns them. */
s32 system_call(s32 number, s32 first, s32 second, s32 third);
enum {
  SYS_EXIT = 1, SYS_FORK = 2, SYS_READ = 3, SYS_WRITE = 4, SYS_CLOSE = 6, SYS_WAITPID = 7, SYS_EXECVE = 11,
  SYS_DUP = 41, SYS_PIPE = 42, SYS_UMASK = 60, SYS_GETPPID = 64, SYS_MUNMAP = 91, SYS_UNAME = 122, SYS_MMAP2 = 192
};
/* mmap of anonymous private memory, in bytes. */
void *map_pages(u32 bytes, int executable);
void unmap_pages(void *pages, u32 bytes);

/* One step of a xorshift generator: never returns 0 for a seed other than 0. */
static inline u32 next_random(u32 *seed) {
  u32 x = *seed;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *seed = x;
}

/* Folds a value into a checksum (FNV-1a on 32-bit words). */
static inline u32 fold(u32 checksum, u32 value) {
  return (checksum ^ value) * 16777619u;
}

#define CHECKSUM_SEED 2166136261u

#endif
