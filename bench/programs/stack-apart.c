/* The loop of stack-loop.h with its stack in the page behind that of its code. */
#include "stack-loop.h"

const char bench_name[] = "stack-apart";

u32 bench_round(void) {
  return run_stack_loop(STACK_APART_LOOPS, 1);
}
