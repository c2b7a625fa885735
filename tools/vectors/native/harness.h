/*
 * Runs one guest instruction on the real CPU and reports what it did. See harness.c.
 */
#ifndef TABPC_HARNESS_H
#define TABPC_HARNESS_H
#include "random.h"

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS };

enum {
  CF = 1 << 0, PF = 1 << 2, AF = 1 << 4, ZF = 1 << 6, SF = 1 << 7, TF = 1 << 8, IF = 1 << 9, DF = 1 << 10,
  OF = 1 << 11, NT = 1 << 14, RF = 1 << 16, AC = 1 << 18, ID = 1 << 21,
};
#define ARITHMETIC_FLAGS (CF | PF | AF | ZF | SF | OF)
/* EFLAGS bits that a vector records: TF and RF belong to the tracer. */
#define RECORDED_FLAGS (ARITHMETIC_FLAGS | IF | DF | NT | AC | ID | 2)

/* The arena: linear addresses, the same for every case. Around each range lies unmapped space. */
#define LOW_BASE 0x00004000u
#define DATA_BASE 0x10000000u
#define READ_ONLY_BASE 0x10010000u
#define STACK_BASE 0x18000000u
#define CODE_BASE 0x20000000u
#define ARENA_BYTES 0x2000u
#define READ_ONLY_BYTES 0x1000u

/* Selectors: the host's flat segments, then the LDT entries that harness_start makes. */
#define SELECTOR_CODE32 0x23
#define SELECTOR_DATA32 0x2B
#define SELECTOR_FS 0x07
#define SELECTOR_GS 0x0F
#define SELECTOR_CODE16 0x17
#define SELECTOR_STACK16 0x1F
#define SELECTOR_READ_ONLY 0x27
#define SELECTOR_EXPAND_DOWN 0x2F
#define SELECTOR_EXECUTE_ONLY 0x37
#define SELECTOR_ABSENT_DATA 0x3F
#define SELECTOR_EXPAND_DOWN16 0x47
#define SELECTOR_ABSENT_CODE 0x4F
#define FS_BASE 0x0FFFBFF8u
#define GS_BASE 0x10000100u
#define GS_LIMIT 0xEFFu
#define READ_ONLY_SEGMENT_BASE 0x10000010u
#define READ_ONLY_SEGMENT_LIMIT 0x1FEFu
/* Expand-down: offsets above the limit are valid. The second data page; all of data behind 0x800. */
#define EXPAND_DOWN_BASE 0x0FFF0000u
#define EXPAND_DOWN_LIMIT 0x10FFFu
#define EXPAND_DOWN16_BASE 0x0FFF4000u
#define EXPAND_DOWN16_LIMIT 0xC7FFu
#define STACK16_BASE (STACK_BASE - LOW_BASE)
#define CODE16_BASE CODE_BASE

/* Environments: the segment registers a case starts with. */
enum { ENV_FLAT32, ENV_CODE16, ENV_COUNT };

/* Vector and x87 state as the fields of an FXSAVE image hold it. MM registers by number, whatever TOP is. */
typedef struct {
  u8 xmm[8][16];
  u64 mm[8];
  u32 mxcsr;
  u16 control, status, tags; /* tags: one bit per register, set when it is in use */
  u16 exponent[8];           /* of the x87 register that an MM register is the significand of */
  /* Last instruction and operand, before the case only: the kernel does not hand them back. */
  u32 instruction_offset, data_offset;
  u16 instruction_selector, data_selector, opcode;
} extended_state;

typedef struct {
  u32 gpr[8];
  u32 eflags;
  u32 eip; /* offset in CS */
  u16 selector[6];
  extended_state extended; /* only in families that have it */
} cpu_state;

#define NO_FAULT 0xFF
typedef struct {
  cpu_state state;
  u8 vector; /* exception vector, or NO_FAULT */
  u32 error_code;
  u32 address; /* CR2, for page faults only */
} outcome;

#define MAX_PATCHES 6
typedef struct {
  u32 address;
  u32 bytes;
  u8 data[256];
} patch;

typedef struct {
  const char *name;
  u32 base, bytes;
  u8 *expected; /* contents before the instruction */
} arena_range;
#define RANGE_COUNT 4
extern arena_range ranges[RANGE_COUNT];

/* Whether cases load and report extended state. */
extern int harness_extended;

void harness_start(void);
/* Sets `bytes` of arena memory for the next case only; parts outside the arena are dropped. */
void harness_patch(const patch *p);
/* Executes the single instruction at `in->eip`. Returns 0 when the outcome does not belong in a vector. */
int harness_run(const cpu_state *in, u32 code_linear, const u8 *code, u32 length, outcome *out);
/* Calls `each` for every run of changed bytes, of MAX_CHANGE_RUN bytes at most. */
#define MAX_CHANGE_RUN 255
void harness_changes(void (*each)(u32 address, const u8 *data, u32 bytes));
/* Puts the pattern back. */
void harness_reset(void);
u32 segment_base(u16 selector);
#endif
