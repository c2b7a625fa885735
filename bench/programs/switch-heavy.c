/* A bytecode interpreter: one indirect jump per virtual instruction, the shape of most language run-times. */
#include "bench.h"

const char bench_name[] = "switch-heavy";

enum opcode {
  OP_PUSH, OP_LOAD, OP_STORE, OP_ADD, OP_SUB, OP_MUL, OP_XOR, OP_AND, OP_SHR, OP_SHL, OP_DUP, OP_SWAP, OP_DROP,
  OP_LESS, OP_JUMP_IF, OP_JUMP, OP_NEXT, OP_HALT
};

/*
 * locals: 0 = counter, 1 = accumulator, 2 = limit
 * loop: accumulator = ((accumulator ^ counter) * 3 + (accumulator >> 5)) - (counter & 7); counter++ while counter < limit
 */
static const u8 program[] = {
  OP_LOAD, 1, OP_LOAD, 0, OP_XOR, OP_PUSH, 3, OP_MUL,
  OP_LOAD, 1, OP_PUSH, 5, OP_SHR, OP_ADD,
  OP_LOAD, 0, OP_PUSH, 7, OP_AND, OP_SUB,
  OP_DUP, OP_STORE, 1, OP_PUSH, 1, OP_SHL, OP_DROP,
  OP_NEXT, 0, OP_LOAD, 0, OP_LOAD, 2, OP_SWAP, OP_LESS, OP_JUMP_IF, 39, OP_JUMP, 0,
  OP_HALT
};

enum { ITERATIONS = 900000 };

static NOINLINE u32 execute(const u8 *code, u32 *locals) {
  u32 stack[16];
  u32 *top = stack;
  u32 pc = 0, executed = 0;
  for (;;) {
    executed++;
    switch (code[pc++]) {
    case OP_PUSH: *top++ = code[pc++]; break;
    case OP_LOAD: *top++ = locals[code[pc++]]; break;
    case OP_STORE: locals[code[pc++]] = *--top; break;
    case OP_ADD: top--; top[-1] += top[0]; break;
    case OP_SUB: top--; top[-1] -= top[0]; break;
    case OP_MUL: top--; top[-1] *= top[0]; break;
    case OP_XOR: top--; top[-1] ^= top[0]; break;
    case OP_AND: top--; top[-1] &= top[0]; break;
    case OP_SHR: top--; top[-1] >>= top[0]; break;
    case OP_SHL: top--; top[-1] <<= top[0]; break;
    case OP_DUP: top[0] = top[-1]; top++; break;
    case OP_SWAP: { u32 x = top[-1]; top[-1] = top[-2]; top[-2] = x; break; }
    case OP_DROP: top--; break;
    case OP_LESS: top--; top[-1] = top[-1] < top[0]; break;
    case OP_JUMP_IF: top--; pc = *top ? code[pc] : pc + 1; break;
    case OP_JUMP: pc = code[pc]; break;
    case OP_NEXT: locals[code[pc++]]++; break;
    case OP_HALT: return executed;
    }
  }
}

u32 bench_round(void) {
  u32 locals[3] = {0, 1, ITERATIONS};
  u32 executed = execute(program, locals);
  return fold(fold(CHECKSUM_SEED, executed), locals[1]);
}
