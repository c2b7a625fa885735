/*
 * Rows: x87 instructions and FXSAVE, FXRSTOR (SDM vol. 2; vol. 1, ch. 8). Memory forms are named by a digit in
 * ModR/M.reg, forms with ST(i) likewise with ModR/M.rm as i, the rest by both opcode bytes. setup_x87.c prepares them.
 * Transcendental instructions have rows of operands for which the result is defined to the last bit.
 */
#include "rows_families.h"

#define X87_ROW(m, form, opcode, digit, size, access, setup, flags, feature, weight, bytes, elements) \
  { m, form, opcode, digit, size, NOIMM, access, setup, flags, 0, feature, weight, bytes, elements, 0 }
#define LOADS(m, form, opcode, digit, bytes, elements) \
  X87_ROW(m, form, opcode, digit, D, RD, X87, MEM_ONLY, 0, 0, bytes, elements)
#define STORES(m, form, opcode, digit, bytes, elements) \
  X87_ROW(m, form, opcode, digit, D, WR, X87, MEM_ONLY, 0, 0, bytes, elements)
/* ST(i) in ModR/M.rm. */
#define STACK(m, form, opcode, digit) X87_ROW(m, form, opcode, digit, D, NOMEM, X87, REG_ONLY, 0, 0, 0, X_NONE)
/* Both bytes of the opcode. */
#define PLAIN_X87(m, opcode) X87_ROW(m, "", opcode, NONE, D, NOMEM, X87, 0, 0, 0, 0, X_NONE)
#define DEFINED(m, opcode) X87_ROW(m, "", opcode, NONE, D, NOMEM, X87_DEFINED, 0, 0, 0, 0, X_NONE)
#define CONTROL(m, form, opcode) X87_ROW(m, form, opcode, NONE, D, NOMEM, X87_CONTROL, 0, 0, 0, 0, X_NONE)
#define CONTROL_MEMORY(m, opcode, digit, access) \
  X87_ROW(m, "Mw", opcode, digit, D, access, X87_CONTROL, MEM_ONLY, 0, 0, 2, X_CONTROL)
/* Images whose size the operand size gives. */
#define IMAGE(m, opcode, digit, access, elements) \
  X87_ROW(m, "M", opcode, digit, V, access, X87_CONTROL, MEM_ONLY, 0, 300, 0, elements)
#define FX(m, digit, access) \
  { m, "M", 0x0FAE, digit, D, NOIMM, access, X87_FX, MEM_ONLY, 0, "sse", 400, 512, X_FX, 1 }

#define ARITHMETIC_MEMORY(name, digit) \
  LOADS("f" name, "Md", 0xD8, digit, 4, X_SINGLE), LOADS("f" name, "Mq", 0xDC, digit, 8, X_DOUBLE), \
  LOADS("fi" name, "Md", 0xDA, digit, 4, X_INTEGER32), LOADS("fi" name, "Mw", 0xDE, digit, 2, X_INTEGER16)
/* The reversed operations change places where ST(i) is the destination. */
#define ARITHMETIC(name, digit, other, other_digit) \
  ARITHMETIC_MEMORY(name, digit), STACK("f" name, "ST0_STi", 0xD8, digit), \
  STACK("f" other, "STi_ST0", 0xDC, digit), STACK("f" other "p", "STi_ST0", 0xDE, digit)

const row x87_rows[] = {
  ARITHMETIC("add", 0, "add", 0),
  ARITHMETIC("mul", 1, "mul", 1),
  ARITHMETIC("sub", 4, "subr", 5),
  ARITHMETIC("subr", 5, "sub", 4),
  ARITHMETIC("div", 6, "divr", 7),
  ARITHMETIC("divr", 7, "div", 6),
  ARITHMETIC_MEMORY("com", 2),
  ARITHMETIC_MEMORY("comp", 3),
  STACK("fcom", "STi", 0xD8, 2),
  STACK("fcomp", "STi", 0xD8, 3),
  STACK("fcom", "STi", 0xDC, 2),
  STACK("fcomp", "STi", 0xDC, 3),
  STACK("fcomp", "STi", 0xDE, 2),
  PLAIN_X87("fcompp", 0xDED9),
  STACK("fucom", "STi", 0xDD, 4),
  STACK("fucomp", "STi", 0xDD, 5),
  PLAIN_X87("fucompp", 0xDAE9),
  STACK("fcomi", "ST0_STi", 0xDB, 6),
  STACK("fcomip", "ST0_STi", 0xDF, 6),
  STACK("fucomi", "ST0_STi", 0xDB, 5),
  STACK("fucomip", "ST0_STi", 0xDF, 5),
  PLAIN_X87("ftst", 0xD9E4),
  PLAIN_X87("fxam", 0xD9E5),
  PLAIN_X87("fchs", 0xD9E0),
  PLAIN_X87("fabs", 0xD9E1),
  PLAIN_X87("fsqrt", 0xD9FA),
  PLAIN_X87("frndint", 0xD9FC),
  PLAIN_X87("fscale", 0xD9FD),
  PLAIN_X87("fxtract", 0xD9F4),
  PLAIN_X87("fprem", 0xD9F8),
  PLAIN_X87("fprem1", 0xD9F5),
  PLAIN_X87("fld1", 0xD9E8),
  PLAIN_X87("fldl2t", 0xD9E9),
  PLAIN_X87("fldl2e", 0xD9EA),
  PLAIN_X87("fldpi", 0xD9EB),
  PLAIN_X87("fldlg2", 0xD9EC),
  PLAIN_X87("fldln2", 0xD9ED),
  PLAIN_X87("fldz", 0xD9EE),
  PLAIN_X87("fdecstp", 0xD9F6),
  PLAIN_X87("fincstp", 0xD9F7),
  PLAIN_X87("fnop", 0xD9D0),
  LOADS("fld", "Md", 0xD9, 0, 4, X_SINGLE),
  LOADS("fld", "Mq", 0xDD, 0, 8, X_DOUBLE),
  LOADS("fld", "Mt", 0xDB, 5, 10, X_EXTENDED),
  LOADS("fild", "Mw", 0xDF, 0, 2, X_INTEGER16),
  LOADS("fild", "Md", 0xDB, 0, 4, X_INTEGER32),
  LOADS("fild", "Mq", 0xDF, 5, 8, X_INTEGER64),
  LOADS("fbld", "Mt", 0xDF, 4, 10, X_DECIMAL),
  STORES("fst", "Md", 0xD9, 2, 4, X_SINGLE),
  STORES("fstp", "Md", 0xD9, 3, 4, X_SINGLE),
  STORES("fst", "Mq", 0xDD, 2, 8, X_DOUBLE),
  STORES("fstp", "Mq", 0xDD, 3, 8, X_DOUBLE),
  STORES("fstp", "Mt", 0xDB, 7, 10, X_EXTENDED),
  STORES("fist", "Mw", 0xDF, 2, 2, X_INTEGER16),
  STORES("fistp", "Mw", 0xDF, 3, 2, X_INTEGER16),
  STORES("fist", "Md", 0xDB, 2, 4, X_INTEGER32),
  STORES("fistp", "Md", 0xDB, 3, 4, X_INTEGER32),
  STORES("fistp", "Mq", 0xDF, 7, 8, X_INTEGER64),
  STORES("fbstp", "Mt", 0xDF, 6, 10, X_DECIMAL),
  X87_ROW("fisttp", "Mw", 0xDF, 1, D, WR, X87, MEM_ONLY, "sse3", 0, 2, X_INTEGER16),
  X87_ROW("fisttp", "Md", 0xDB, 1, D, WR, X87, MEM_ONLY, "sse3", 0, 4, X_INTEGER32),
  X87_ROW("fisttp", "Mq", 0xDD, 1, D, WR, X87, MEM_ONLY, "sse3", 0, 8, X_INTEGER64),
  STACK("fld", "STi", 0xD9, 0),
  STACK("fxch", "STi", 0xD9, 1),
  STACK("fxch", "STi", 0xDD, 1),
  STACK("fxch", "STi", 0xDF, 1),
  STACK("fst", "STi", 0xDD, 2),
  STACK("fstp", "STi", 0xDD, 3),
  STACK("fstp", "STi", 0xDF, 2),
  STACK("fstp", "STi", 0xDF, 3),
  STACK("ffree", "STi", 0xDD, 0),
  STACK("ffreep", "STi", 0xDF, 0),
  STACK("fcmovb", "ST0_STi", 0xDA, 0),
  STACK("fcmove", "ST0_STi", 0xDA, 1),
  STACK("fcmovbe", "ST0_STi", 0xDA, 2),
  STACK("fcmovu", "ST0_STi", 0xDA, 3),
  STACK("fcmovnb", "ST0_STi", 0xDB, 0),
  STACK("fcmovne", "ST0_STi", 0xDB, 1),
  STACK("fcmovnbe", "ST0_STi", 0xDB, 2),
  STACK("fcmovnu", "ST0_STi", 0xDB, 3),
  DEFINED("f2xm1", 0xD9F0),
  DEFINED("fyl2x", 0xD9F1),
  DEFINED("fptan", 0xD9F2),
  DEFINED("fpatan", 0xD9F3),
  DEFINED("fyl2xp1", 0xD9F9),
  DEFINED("fsincos", 0xD9FB),
  DEFINED("fsin", 0xD9FE),
  DEFINED("fcos", 0xD9FF),
  CONTROL("wait", "", 0x9B),
  CONTROL("fnclex", "", 0xDBE2),
  CONTROL("fninit", "", 0xDBE3),
  CONTROL("fneni", "", 0xDBE0),
  CONTROL("fndisi", "", 0xDBE1),
  CONTROL("fnsetpm", "", 0xDBE4),
  CONTROL("fnstsw", "AX", 0xDFE0),
  CONTROL_MEMORY("fldcw", 0xD9, 5, RD),
  CONTROL_MEMORY("fnstcw", 0xD9, 7, WR),
  CONTROL_MEMORY("fnstsw", 0xDD, 7, WR),
  IMAGE("fldenv", 0xD9, 4, RD, X_ENVIRONMENT),
  IMAGE("fnstenv", 0xD9, 6, WR, X_ENVIRONMENT),
  IMAGE("frstor", 0xDD, 4, RD, X_STATE),
  IMAGE("fnsave", 0xDD, 6, WR, X_STATE),
  FX("fxsave", 0, WR),
  FX("fxrstor", 1, RD),
};
const u32 x87_row_count = sizeof x87_rows / sizeof *x87_rows;
