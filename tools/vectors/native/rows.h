/*
 * What the generator knows of an instruction: one row per opcode and operand form. The tables are in rows_*.c,
 * one array per family (= one vector file).
 */
#ifndef TABPC_ROWS_H
#define TABPC_ROWS_H
#include "random.h"

/* Operand size: byte; word and doubleword by prefix; word whatever the prefix; doubleword; quadword (CMPXCHG8B). */
enum { B = 1, V, W, D, Q };
/* ModR/M: none, the reg field is a register operand, the reg field is an opcode digit 0..7. */
enum { NONE = -2, REG = -1 };
/* Immediates behind the operands. */
enum { NOIMM, IB, IZ, IW, IWIB, JB, JZ, MOFFS, FAR };
/* Access of the r/m operand when it is memory. */
enum { NOMEM, RD, WR, RW, ADDRESS };
/* Flags. */
enum {
  LOCKABLE = 1, /* LOCK is legal when r/m is memory */
  REG_ONLY = 2,
  MEM_ONLY = 4,
  PLUS_R = 8,     /* low three opcode bits name a register */
  CONDITION = 16, /* low four opcode bits are a condition: all 16 opcodes */
  RM8 = 32,       /* r/m is a byte whatever the operand size */
  RM16 = 64,
  PAIR = 128,     /* memory holds two operands (BOUND), or offset and selector (LES) */
  BYTE_REG = 256, /* the register operand is a byte register (PLUS_R) */
  STRING_SOURCE = 512,
  STRING_DEST = 1024,
  FAR_CALL = 2048, /* pushes CS and EIP */
  ONLY32 = 8192, /* not in 16-bit code */
};
/* How the operands are prepared: see setup.c; from BOUNDS on, setup_system.c. */
enum {
  PLAIN, SHIFT_CL, SHIFT_IMM, SHIFT_ONE, DOUBLE_CL, DOUBLE_IMM, DIVIDE, MULTIPLY, BCD, BIT_REG, BIT_IMM,
  COMPARE_EXCHANGE, COMPARE_EXCHANGE8, STRING, STRING_BULK, XLAT, PUSH, POP, PUSHA, POPA, ENTER, LEAVE, PUSHF, POPF,
  BRANCH, BRANCH_RM, CALL, CALL_RM, RET, LOOP, SWAP,
  /* setup_system.c */
  BOUNDS, INTERRUPT, PORT, LONG, FETCH, LOCKED, SELECTOR, PUSH_SEGMENT, POP_SEGMENT, LOAD_FAR, FAR_IMMEDIATE,
  FAR_MEMORY, FAR_RET, INTERRUPT_RET, SEGMENTED, STACK_LIMIT, ALIGNMENT,
  /* setup_vector.c */
  VECTOR, MASKED_STORE, MXCSR_IMAGE,
  /* setup_x87.c: numbers; results without approximation; control instructions; FXSAVE and FXRSTOR */
  X87, X87_DEFINED, X87_CONTROL, X87_FX,
};
/* What the elements of a vector operand are. */
enum { BYTES, SINGLES, DOUBLES, INTEGERS, COUNTS, TEXT };
/* What the memory operand of an x87 instruction is. */
enum {
  X_NONE, X_SINGLE, X_DOUBLE, X_EXTENDED, X_INTEGER16, X_INTEGER32, X_INTEGER64, X_DECIMAL, X_CONTROL, X_ENVIRONMENT,
  X_STATE, X_FX,
};

typedef struct {
  const char *mnemonic, *form;
  u32 opcode; /* 0xNN, 0x0FNN, 0x0F38NN, or both bytes of an x87 instruction */
  int modrm;
  int size;
  int immediate;
  int access;
  int setup;
  int flags;
  int prefix;           /* mandatory F2 or F3 */
  const char *feature;  /* CPUID feature it needs, or 0 */
  int weight;           /* cases in relation to the usual number, percent; 0 = 100 */
  /* Vector instructions: bytes of the memory operand, what operands hold, and whether memory must be aligned. */
  int memory_bytes, elements, aligned;
} row;

#endif
