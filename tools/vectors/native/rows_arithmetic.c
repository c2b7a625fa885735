/* Rows: arithmetic, logic, multiply and divide, decimal, shifts, bit instructions (SDM vol. 2). */
#include "rows_families.h"

#define ALU(m, base, digit, access) \
  { m, "Eb_Gb", base + 0, REG, B, NOIMM, access, PLAIN, LOCKABLE }, \
  { m, "Ev_Gv", base + 1, REG, V, NOIMM, access, PLAIN, LOCKABLE }, \
  { m, "Gb_Eb", base + 2, REG, B, NOIMM, RD, PLAIN, 0 }, \
  { m, "Gv_Ev", base + 3, REG, V, NOIMM, RD, PLAIN, 0 }, \
  { m, "AL_Ib", base + 4, NONE, B, IB, NOMEM, PLAIN, 0 }, \
  { m, "eAX_Iz", base + 5, NONE, V, IZ, NOMEM, PLAIN, 0 }, \
  { m, "Eb_Ib", 0x80, digit, B, IB, access, PLAIN, LOCKABLE }, \
  { m, "Ev_Iz", 0x81, digit, V, IZ, access, PLAIN, LOCKABLE }, \
  { m, "Eb_Ib", 0x82, digit, B, IB, access, PLAIN, 0, .weight = 40 }, \
  { m, "Ev_Ib", 0x83, digit, V, IB, access, PLAIN, LOCKABLE }

const row arithmetic_rows[] = {
  ALU("add", 0x00, 0, RW),
  ALU("or", 0x08, 1, RW),
  ALU("adc", 0x10, 2, RW),
  ALU("sbb", 0x18, 3, RW),
  ALU("and", 0x20, 4, RW),
  ALU("sub", 0x28, 5, RW),
  ALU("xor", 0x30, 6, RW),
  ALU("cmp", 0x38, 7, RD),
  { "test", "Eb_Gb", 0x84, REG, B, NOIMM, RD },
  { "test", "Ev_Gv", 0x85, REG, V, NOIMM, RD },
  { "test", "AL_Ib", 0xA8, NONE, B, IB },
  { "test", "eAX_Iz", 0xA9, NONE, V, IZ },
  { "test", "Eb_Ib", 0xF6, 0, B, IB, RD },
  { "test", "Ev_Iz", 0xF7, 0, V, IZ, RD },
  { "test", "Eb_Ib", 0xF6, 1, B, IB, RD, .weight = 40 },
  { "test", "Ev_Iz", 0xF7, 1, V, IZ, RD, .weight = 40 },
  { "inc", "Zv", 0x40, NONE, V, NOIMM, NOMEM, PLAIN, PLUS_R },
  { "dec", "Zv", 0x48, NONE, V, NOIMM, NOMEM, PLAIN, PLUS_R },
  { "inc", "Eb", 0xFE, 0, B, NOIMM, RW, PLAIN, LOCKABLE },
  { "dec", "Eb", 0xFE, 1, B, NOIMM, RW, PLAIN, LOCKABLE },
  { "inc", "Ev", 0xFF, 0, V, NOIMM, RW, PLAIN, LOCKABLE },
  { "dec", "Ev", 0xFF, 1, V, NOIMM, RW, PLAIN, LOCKABLE },
  { "not", "Eb", 0xF6, 2, B, NOIMM, RW, PLAIN, LOCKABLE },
  { "not", "Ev", 0xF7, 2, V, NOIMM, RW, PLAIN, LOCKABLE },
  { "neg", "Eb", 0xF6, 3, B, NOIMM, RW, PLAIN, LOCKABLE },
  { "neg", "Ev", 0xF7, 3, V, NOIMM, RW, PLAIN, LOCKABLE },
};
const u32 arithmetic_row_count = sizeof arithmetic_rows / sizeof *arithmetic_rows;

const row multiply_rows[] = {
  { "mul", "Eb", 0xF6, 4, B, NOIMM, RD, MULTIPLY, 0, .weight = 200 },
  { "mul", "Ev", 0xF7, 4, V, NOIMM, RD, MULTIPLY, 0, .weight = 200 },
  { "imul", "Eb", 0xF6, 5, B, NOIMM, RD, MULTIPLY, 0, .weight = 200 },
  { "imul", "Ev", 0xF7, 5, V, NOIMM, RD, MULTIPLY, 0, .weight = 200 },
  { "div", "Eb", 0xF6, 6, B, NOIMM, RD, DIVIDE, 0, .weight = 400 },
  { "div", "Ev", 0xF7, 6, V, NOIMM, RD, DIVIDE, 0, .weight = 400 },
  { "idiv", "Eb", 0xF6, 7, B, NOIMM, RD, DIVIDE, 0, .weight = 400 },
  { "idiv", "Ev", 0xF7, 7, V, NOIMM, RD, DIVIDE, 0, .weight = 400 },
  { "imul", "Gv_Ev", 0x0FAF, REG, V, NOIMM, RD, PLAIN, 0, .weight = 200 },
  { "imul", "Gv_Ev_Iz", 0x69, REG, V, IZ, RD, PLAIN, 0, .weight = 200 },
  { "imul", "Gv_Ev_Ib", 0x6B, REG, V, IB, RD, PLAIN, 0, .weight = 200 },
  { "aam", "Ib", 0xD4, NONE, B, IB, NOMEM, BCD, 0, .weight = 300 },
  { "aad", "Ib", 0xD5, NONE, B, IB, NOMEM, BCD, 0, .weight = 300 },
  { "daa", "", 0x27, NONE, B, NOIMM, NOMEM, BCD, 0, .weight = 400 },
  { "das", "", 0x2F, NONE, B, NOIMM, NOMEM, BCD, 0, .weight = 400 },
  { "aaa", "", 0x37, NONE, B, NOIMM, NOMEM, BCD, 0, .weight = 400 },
  { "aas", "", 0x3F, NONE, B, NOIMM, NOMEM, BCD, 0, .weight = 400 },
};
const u32 multiply_row_count = sizeof multiply_rows / sizeof *multiply_rows;

#define SHIFT(m, digit) \
  { m, "Eb_Ib", 0xC0, digit, B, IB, RW, SHIFT_IMM, 0, .weight = 150 }, \
  { m, "Ev_Ib", 0xC1, digit, V, IB, RW, SHIFT_IMM, 0, .weight = 150 }, \
  { m, "Eb_1", 0xD0, digit, B, NOIMM, RW, SHIFT_ONE, 0, .weight = 60 }, \
  { m, "Ev_1", 0xD1, digit, V, NOIMM, RW, SHIFT_ONE, 0, .weight = 60 }, \
  { m, "Eb_CL", 0xD2, digit, B, NOIMM, RW, SHIFT_CL, 0, .weight = 150 }, \
  { m, "Ev_CL", 0xD3, digit, V, NOIMM, RW, SHIFT_CL, 0, .weight = 150 }

const row shift_rows[] = {
  SHIFT("rol", 0),
  SHIFT("ror", 1),
  SHIFT("rcl", 2),
  SHIFT("rcr", 3),
  SHIFT("shl", 4),
  SHIFT("shr", 5),
  SHIFT("shl", 6),
  SHIFT("sar", 7),
  { "shld", "Ev_Gv_Ib", 0x0FA4, REG, V, IB, RW, DOUBLE_IMM, 0, .weight = 200 },
  { "shld", "Ev_Gv_CL", 0x0FA5, REG, V, NOIMM, RW, DOUBLE_CL, 0, .weight = 200 },
  { "shrd", "Ev_Gv_Ib", 0x0FAC, REG, V, IB, RW, DOUBLE_IMM, 0, .weight = 200 },
  { "shrd", "Ev_Gv_CL", 0x0FAD, REG, V, NOIMM, RW, DOUBLE_CL, 0, .weight = 200 },
};
const u32 shift_row_count = sizeof shift_rows / sizeof *shift_rows;

const row bit_rows[] = {
  { "bt", "Ev_Gv", 0x0FA3, REG, V, NOIMM, RD, BIT_REG, 0, .weight = 200 },
  { "bts", "Ev_Gv", 0x0FAB, REG, V, NOIMM, RW, BIT_REG, LOCKABLE, .weight = 200 },
  { "btr", "Ev_Gv", 0x0FB3, REG, V, NOIMM, RW, BIT_REG, LOCKABLE, .weight = 200 },
  { "btc", "Ev_Gv", 0x0FBB, REG, V, NOIMM, RW, BIT_REG, LOCKABLE, .weight = 200 },
  { "bt", "Ev_Ib", 0x0FBA, 4, V, IB, RD, BIT_IMM, 0 },
  { "bts", "Ev_Ib", 0x0FBA, 5, V, IB, RW, BIT_IMM, LOCKABLE },
  { "btr", "Ev_Ib", 0x0FBA, 6, V, IB, RW, BIT_IMM, LOCKABLE },
  { "btc", "Ev_Ib", 0x0FBA, 7, V, IB, RW, BIT_IMM, LOCKABLE },
  { "bsf", "Gv_Ev", 0x0FBC, REG, V, NOIMM, RD, PLAIN, 0, .weight = 200 },
  { "bsr", "Gv_Ev", 0x0FBD, REG, V, NOIMM, RD, PLAIN, 0, .weight = 200 },
  { "tzcnt", "Gv_Ev", 0x0FBC, REG, V, NOIMM, RD, PLAIN, 0, 0xF3, "bmi1" },
  { "lzcnt", "Gv_Ev", 0x0FBD, REG, V, NOIMM, RD, PLAIN, 0, 0xF3, "lzcnt" },
  { "popcnt", "Gv_Ev", 0x0FB8, REG, V, NOIMM, RD, PLAIN, 0, 0xF3, "popcnt" },
  { "crc32", "Gd_Eb", 0x0F38F0, REG, B, NOIMM, RD, PLAIN, 0, 0xF2, "sse4.2" },
  { "crc32", "Gd_Ev", 0x0F38F1, REG, V, NOIMM, RD, PLAIN, 0, 0xF2, "sse4.2" },
  { "movbe", "Gv_Mv", 0x0F38F0, REG, V, NOIMM, RD, PLAIN, MEM_ONLY, 0, "movbe" },
  { "movbe", "Mv_Gv", 0x0F38F1, REG, V, NOIMM, WR, PLAIN, MEM_ONLY, 0, "movbe" },
  { "bswap", "Zv", 0x0FC8, NONE, D, NOIMM, NOMEM, SWAP, PLUS_R },
};
const u32 bit_row_count = sizeof bit_rows / sizeof *bit_rows;
