/* The loop of stack-loop.h with its stack in the page of its code. */
#include "stack-loop.h"

const char bench_name[] = "stack-in-code";

u32 bench_round(void) {
  return run_stack_loop(STACK_IN_CODE_LOOPS, 0);
}
