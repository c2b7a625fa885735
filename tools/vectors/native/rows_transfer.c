/* Rows: data movement, flags, strings, stack, branches (SDM vol. 2). */
#include "rows_families.h"

const row move_rows[] = {
  { "mov", "Eb_Gb", 0x88, REG, B, NOIMM, WR },
  { "mov", "Ev_Gv", 0x89, REG, V, NOIMM, WR },
  { "mov", "Gb_Eb", 0x8A, REG, B, NOIMM, RD },
  { "mov", "Gv_Ev", 0x8B, REG, V, NOIMM, RD },
  { "mov", "AL_Ob", 0xA0, NONE, B, MOFFS, RD },
  { "mov", "eAX_Ov", 0xA1, NONE, V, MOFFS, RD },
  { "mov", "Ob_AL", 0xA2, NONE, B, MOFFS, WR },
  { "mov", "Ov_eAX", 0xA3, NONE, V, MOFFS, WR },
  { "mov", "Zb_Ib", 0xB0, NONE, B, IB, NOMEM, PLAIN, PLUS_R | BYTE_REG },
  { "mov", "Zv_Iz", 0xB8, NONE, V, IZ, NOMEM, PLAIN, PLUS_R },
  { "mov", "Eb_Ib", 0xC6, 0, B, IB, WR },
  { "mov", "Ev_Iz", 0xC7, 0, V, IZ, WR },
  { "movzx", "Gv_Eb", 0x0FB6, REG, V, NOIMM, RD, PLAIN, RM8 },
  { "movzx", "Gv_Ew", 0x0FB7, REG, V, NOIMM, RD, PLAIN, RM16 },
  { "movsx", "Gv_Eb", 0x0FBE, REG, V, NOIMM, RD, PLAIN, RM8 },
  { "movsx", "Gv_Ew", 0x0FBF, REG, V, NOIMM, RD, PLAIN, RM16 },
  { "lea", "Gv_M", 0x8D, REG, V, NOIMM, ADDRESS, PLAIN, MEM_ONLY, .weight = 400 },
  { "xchg", "Eb_Gb", 0x86, REG, B, NOIMM, RW, PLAIN, LOCKABLE },
  { "xchg", "Ev_Gv", 0x87, REG, V, NOIMM, RW, PLAIN, LOCKABLE },
  { "xchg", "Zv_eAX", 0x90, NONE, V, NOIMM, NOMEM, PLAIN, PLUS_R },
  { "xadd", "Eb_Gb", 0x0FC0, REG, B, NOIMM, RW, PLAIN, LOCKABLE },
  { "xadd", "Ev_Gv", 0x0FC1, REG, V, NOIMM, RW, PLAIN, LOCKABLE },
  { "cmpxchg", "Eb_Gb", 0x0FB0, REG, B, NOIMM, RW, COMPARE_EXCHANGE, LOCKABLE, .weight = 200 },
  { "cmpxchg", "Ev_Gv", 0x0FB1, REG, V, NOIMM, RW, COMPARE_EXCHANGE, LOCKABLE, .weight = 200 },
  { "cmpxchg8b", "Mq", 0x0FC7, 1, Q, NOIMM, RW, COMPARE_EXCHANGE8, LOCKABLE | MEM_ONLY, .weight = 300 },
  { "cmovcc", "Gv_Ev", 0x0F40, REG, V, NOIMM, RD, PLAIN, CONDITION, .weight = 500 },
  { "setcc", "Eb", 0x0F90, REG, B, NOIMM, WR, PLAIN, CONDITION, .weight = 400 },
  { "xlat", "", 0xD7, NONE, B, NOIMM, RD, XLAT },
  { "cbw", "", 0x98, NONE, V, NOIMM, NOMEM },
  { "cwd", "", 0x99, NONE, V, NOIMM, NOMEM },
  { "lahf", "", 0x9F, NONE, B, NOIMM, NOMEM },
  { "sahf", "", 0x9E, NONE, B, NOIMM, NOMEM },
  { "salc", "", 0xD6, NONE, B, NOIMM, NOMEM, .weight = 30 },
  { "cmc", "", 0xF5, NONE, B, NOIMM, NOMEM, .weight = 30 },
  { "clc", "", 0xF8, NONE, B, NOIMM, NOMEM, .weight = 30 },
  { "stc", "", 0xF9, NONE, B, NOIMM, NOMEM, .weight = 30 },
  { "cld", "", 0xFC, NONE, B, NOIMM, NOMEM, .weight = 30 },
  { "std", "", 0xFD, NONE, B, NOIMM, NOMEM, .weight = 30 },
  { "nop", "", 0x90, NONE, V, NOIMM, NOMEM, .weight = 20 },
  { "nop", "Ev", 0x0F1F, 0, V, NOIMM, ADDRESS, .weight = 40 },
  { "pause", "", 0x90, NONE, B, NOIMM, NOMEM, PLAIN, 0, 0xF3, .weight = 10 },
};
const u32 move_row_count = sizeof move_rows / sizeof *move_rows;

#define STRING_OP(m, form8, formv, op, access, flags) \
  { m, form8, op, NONE, B, NOIMM, access, STRING, flags, .weight = 400 }, \
  { m, formv, op + 1, NONE, V, NOIMM, access, STRING, flags, .weight = 400 }

#define STRING_LONG(m, form8, formv, op, access, flags, percent) \
  { m, form8, op, NONE, B, NOIMM, access, STRING_BULK, flags, .weight = percent }, \
  { m, formv, op + 1, NONE, V, NOIMM, access, STRING_BULK, flags, .weight = percent }

const row string_rows[] = {
  STRING_OP("movs", "Yb_Xb", "Yv_Xv", 0xA4, WR, STRING_SOURCE | STRING_DEST),
  STRING_OP("cmps", "Xb_Yb", "Xv_Yv", 0xA6, RD, STRING_SOURCE | STRING_DEST),
  STRING_OP("stos", "Yb_AL", "Yv_eAX", 0xAA, WR, STRING_DEST),
  STRING_OP("lods", "AL_Xb", "eAX_Xv", 0xAC, RD, STRING_SOURCE),
  STRING_OP("scas", "AL_Yb", "eAX_Yv", 0xAE, RD, STRING_DEST),
  STRING_LONG("movs", "Yb_Xb", "Yv_Xv", 0xA4, WR, STRING_SOURCE | STRING_DEST, 24),
  STRING_LONG("cmps", "Xb_Yb", "Xv_Yv", 0xA6, RD, STRING_SOURCE | STRING_DEST, 60),
  STRING_LONG("stos", "Yb_AL", "Yv_eAX", 0xAA, WR, STRING_DEST, 60),
  STRING_LONG("lods", "AL_Xb", "eAX_Xv", 0xAC, RD, STRING_SOURCE, 40),
  STRING_LONG("scas", "AL_Yb", "eAX_Yv", 0xAE, RD, STRING_DEST, 60),
};
const u32 string_row_count = sizeof string_rows / sizeof *string_rows;

const row stack_rows[] = {
  { "push", "Zv", 0x50, NONE, V, NOIMM, NOMEM, PUSH, PLUS_R, .weight = 200 },
  { "pop", "Zv", 0x58, NONE, V, NOIMM, NOMEM, POP, PLUS_R, .weight = 200 },
  { "push", "Iz", 0x68, NONE, V, IZ, NOMEM, PUSH },
  { "push", "Ib", 0x6A, NONE, V, IB, NOMEM, PUSH },
  { "push", "Ev", 0xFF, 6, V, NOIMM, RD, PUSH, 0, .weight = 200 },
  { "pop", "Ev", 0x8F, 0, V, NOIMM, WR, POP, 0, .weight = 300 },
  { "pusha", "", 0x60, NONE, V, NOIMM, NOMEM, PUSHA },
  { "popa", "", 0x61, NONE, V, NOIMM, NOMEM, POPA },
  { "enter", "Iw_Ib", 0xC8, NONE, V, IWIB, NOMEM, ENTER, 0, .weight = 300 },
  { "leave", "", 0xC9, NONE, V, NOIMM, NOMEM, LEAVE },
  { "pushf", "", 0x9C, NONE, V, NOIMM, NOMEM, PUSHF },
  { "popf", "", 0x9D, NONE, V, NOIMM, NOMEM, POPF, 0, .weight = 200 },
};
const u32 stack_row_count = sizeof stack_rows / sizeof *stack_rows;

const row branch_rows[] = {
  { "jcc", "Jb", 0x70, NONE, V, JB, NOMEM, BRANCH, CONDITION, .weight = 500 },
  { "jcc", "Jz", 0x0F80, NONE, V, JZ, NOMEM, BRANCH, CONDITION, .weight = 500 },
  { "jmp", "Jb", 0xEB, NONE, V, JB, NOMEM, BRANCH },
  { "jmp", "Jz", 0xE9, NONE, V, JZ, NOMEM, BRANCH },
  { "jmp", "Ev", 0xFF, 4, V, NOIMM, RD, BRANCH_RM },
  { "loopne", "Jb", 0xE0, NONE, V, JB, NOMEM, LOOP, 0, .weight = 150 },
  { "loope", "Jb", 0xE1, NONE, V, JB, NOMEM, LOOP, 0, .weight = 150 },
  { "loop", "Jb", 0xE2, NONE, V, JB, NOMEM, LOOP, 0, .weight = 150 },
  { "jcxz", "Jb", 0xE3, NONE, V, JB, NOMEM, LOOP, 0, .weight = 150 },
  { "call", "Jz", 0xE8, NONE, V, JZ, NOMEM, CALL },
  { "call", "Ev", 0xFF, 2, V, NOIMM, RD, CALL_RM },
  { "ret", "Iw", 0xC2, NONE, V, IW, NOMEM, RET },
  { "ret", "", 0xC3, NONE, V, NOIMM, NOMEM, RET },
};
const u32 branch_row_count = sizeof branch_rows / sizeof *branch_rows;
