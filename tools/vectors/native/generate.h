/*
 * Makes one test case from one row: bytes, registers, memory. generate.c holds addressing and assembly, setup.c the
 * preparation of operands.
 */
#ifndef TABPC_GENERATE_H
#define TABPC_GENERATE_H
#include "harness.h"
#include "rows.h"

#define MAX_CODE 32

typedef struct {
  const row *row;
  int environment;
  int code_bits;    /* 16 or 32: CS.D */
  int stack_bits;   /* 16 or 32: SS.B */
  int size;         /* operand size, bits */
  int rm_size;      /* size of the r/m operand, bits */
  int address_bits;
  cpu_state in;
  u32 code_linear;
  u8 code[MAX_CODE];
  u32 length;
  patch patches[MAX_PATCHES];
  u32 patch_count;
  int memory_form, reg, rm;
  u32 protect;      /* registers whose value matters, which cannot serve as a free base */
  int override;     /* segment register, or -1 */
  int lock, repeat; /* prefix bytes, or 0 */
  int opcode_low;   /* added to the opcode: register or condition */
  int has_rm_value, has_reg_value, has_immediate, has_relative;
  u32 rm_value, reg_value, immediate, immediate2, relative_target;
  u32 operand_linear, operand_bytes;
  int displaced_stack; /* POP r/m: added to ESP before the address is formed */
  int reject;          /* this attempt makes no usable case */
  u8 vector_operand[16]; /* contents of the r/m operand of a vector instruction */
  int padding;         /* prefixes to add, for long instructions */
} test_case;

/* Fills `t` for attempt after attempt. Returns 0 when this attempt makes no usable case. */
int make_case(test_case *t, const row *r, int environment, int size, u32 file_seed, u32 index);

/* setup.c */
void prepare_operands(test_case *t);
void finish_operands(test_case *t);
void plain(test_case *t);
void prepare_string(test_case *t);
void set_part(test_case *t, int reg, int bits, u32 value);
u32 place_stack(test_case *t, u32 below_bytes, u32 above_bytes);
u32 flags_image(void);

/* setup_system.c */
void prepare_system(test_case *t);
void finish_system(test_case *t);

/* setup_vector.c */
void default_extended(extended_state *e, u32 file_seed, u32 index);
void prepare_vector(test_case *t);
void finish_vector(test_case *t);

/* setup_x87.c */
void prepare_x87(test_case *t);
void finish_x87(test_case *t);

/* generate.c */
u32 edge_value(int size);
u32 some_value(int size);
u32 size_mask(int size);
void set_register(test_case *t, int index, int size, u32 value);
u32 get_register(const test_case *t, int index, int size);
void add_patch(test_case *t, u32 linear, const void *data, u32 bytes);
void patch_value(test_case *t, u32 linear, u32 value, int size);
u32 segment_linear(const test_case *t, int segment);
u32 pick_linear(test_case *t, int segment, int bits, u32 bytes, int access);
int data_segment(const test_case *t);
#endif
