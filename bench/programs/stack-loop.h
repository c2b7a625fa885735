/*
 * One loop of pushes, pops, calls and locals, copied into a page of its own and run with its stack either in another page
 * (stack-apart.c) or in the other half of its own (stack-in-code.c), as boot loaders, small kernels and trampolines have
 * it. The instructions are the same: the difference in time is what a store beside code costs. The copy is made in the
 * first round and stays for the others: what an engine pays to know it is part of the cold figure, as in each other
 * program. A round runs the loop
 * STACK_APART_LOOPS or STACK_IN_CODE_LOOPS times (groups.ts), because it would be over too soon otherwise.
 */
#include "bench.h"

enum { PAGE_BYTES = 4096, ITERATIONS = 600000 };

/* u32 loop(u32 iterations, void *stack_top): position independent, cdecl for its caller, on its own stack inside. */
extern const u8 loop_start[], loop_end[];
__asm__(".section .rodata\n"
        "loop_start:\n"
        "\tpush %ebx\n\tpush %esi\n\tpush %edi\n"
        "\tmov 16(%esp), %ecx\n\tmov %esp, %esi\n\tmov 20(%esp), %esp\n"
        "\tmov $1, %eax\n"
        "1:\tpush %ecx\n\tpush %eax\n\tcall 2f\n\tadd $4, %esp\n\tpop %ecx\n\tdec %ecx\n\tjnz 1b\n"
        "\tmov %esi, %esp\n\tpop %edi\n\tpop %esi\n\tpop %ebx\n\tret\n"
        "2:\tsub $8, %esp\n\tmov 12(%esp), %edx\n\tmov %edx, (%esp)\n\timul $1664525, %edx\n\tmov %edx, 4(%esp)\n"
        "\trorl $7, (%esp)\n\tmov (%esp), %eax\n\tadd 4(%esp), %eax\n\tadd $1013904223, %eax\n\tadd $8, %esp\n\tret\n"
        "loop_end:\n"
        ".previous\n");

typedef u32 (*stack_loop)(u32 iterations, void *stack_top);

/* One round: the loop `times` times, with the top of the stack at the end of the page `stack_page` behind the code's. */
static u32 run_stack_loop(u32 times, u32 stack_page) {
  static u8 *pages;
  u32 checksum = CHECKSUM_SEED;
  if (!pages) {
    pages = map_pages(2 * PAGE_BYTES, 1);
    memcpy(pages, loop_start, loop_end - loop_start);
  }
  for (; times; times--)
    checksum = fold(checksum, ((stack_loop)pages)(ITERATIONS, pages + (stack_page + 1) * PAGE_BYTES));
  return checksum;
}
