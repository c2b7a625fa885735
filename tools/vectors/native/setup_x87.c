/*
 * Operands of x87 instructions: register stacks that are full, empty or almost, values of every class, significands at
 * the places where rounding happens, control words with any mask, precision and rounding, exceptions that are pending,
 * memory operands of each format, and the images of FLDENV, FRSTOR and FXRSTOR.
 * Sources: SDM vol. 1, 4.8 and ch. 8 (formats, encodings, environment), 10.5.1 (FXSAVE image).
 */
#include "generate.h"
#include <string.h>

#define CONTROL_MASKS 0x3Fu
#define CONTROL_FIXED 0x40u
#define CONTROL_DEFAULT 0x37Fu
#define STATUS_CONDITIONS 0x4700u
#define STATUS_STACK_FAULT 0x40u
#define STATUS_PENDING 0x8080u /* ES and B */
#define TOP_SHIFT 11
#define EXPONENT_BIAS 0x3FFF
#define EXPONENT_MAX 0x7FFF
#define SIGN 0x8000
#define INTEGER_BIT ((u64)1 << 63)
#define QUIET_BIT ((u64)1 << 62)
#define MXCSR_DEFAULT 0x1F80u
#define MXCSR_IMPLEMENTED 0xFFFFu
#define ENVIRONMENT_SLOTS 7
#define STATE_REGISTERS_BYTES 80
/* What FXRSTOR reads of its 512 bytes; one patch holds less. */
#define FX_BYTES 288u
#define FX_FIRST_PATCH 160u

typedef struct { u64 significand; u16 exponent; } extended;

static u64 random_wide(void) {
  u64 high = random_word();
  return high << 32 | random_word();
}

/* A significand with patterns at the places where rounding to 24, 53 and 64 bits happens. */
static u64 pattern(void) {
  u64 r = random_wide();
  switch (below(9)) {
    case 0: return r << below(64);
    case 1: return r << 40 | (u64)below(2) << 39;
    case 2: return r << 11 | (u64)below(2) << 10;
    case 3: return ~(u64)0 << below(64);
    case 4: return (u64)1 << below(64) | (u64)1 << below(64);
    case 5: return ~((u64)1 << below(64) | (u64)1 << below(64));
    case 6: return r << 40 | below(3) | (u64)below(3) << 39;
    case 7: return r << 11 | below(3) | (u64)below(3) << 10;
    default: return r;
  }
}

static u16 sign(void) { return below(2) ? SIGN : 0; }

/* Zeros, infinities, NaN, and what the 80387 has ceased to support. */
static extended special_value(void) {
  extended v = { 0, sign() };
  switch (below(7)) {
    case 0: case 1: break;
    case 2: case 3: v.significand = INTEGER_BIT, v.exponent |= EXPONENT_MAX; break;
    case 4: v.significand = INTEGER_BIT | QUIET_BIT | pattern() >> 2, v.exponent |= EXPONENT_MAX; break;
    case 5: v.significand = INTEGER_BIT | pattern() >> 2 | 1, v.exponent |= EXPONENT_MAX; break;
    default: v.significand = pattern() >> 1, v.exponent |= chance(50) ? EXPONENT_MAX : 1 + below(EXPONENT_MAX - 1); break;
  }
  return v;
}

static extended some_extended(const extended *partner) {
  extended v = { pattern() | INTEGER_BIT, sign() };
  u32 near = partner ? partner->exponent & EXPONENT_MAX : 0;
  switch (below(20)) {
    case 0: case 1: return special_value();
    case 2: v.significand = pattern() >> (1 + below(63)); break; /* denormal */
    case 3: break;                                                 /* pseudo-denormal */
    case 4: v.significand = random_wide(), v.exponent = (u16)random_word(); break;
    case 5: v.significand = INTEGER_BIT, v.exponent |= EXPONENT_BIAS; break;
    case 6: v.exponent |= 1 + below(80); break;
    case 7: v.exponent |= EXPONENT_MAX - 1 - below(80); break;
    case 8: v.exponent |= EXPONENT_BIAS / 2 + below(100) - 50; break;
    case 9: v.exponent |= EXPONENT_BIAS + EXPONENT_BIAS / 2 + below(100) - 50; break;
    case 10: case 11: case 12: v.exponent |= EXPONENT_BIAS - 70 + below(140); break;
    case 13: case 14: case 15:
      if (near > 100 && near < EXPONENT_MAX - 100) {
        v.exponent |= near - 67 + below(134);
        if (chance(30)) v.exponent = (u16)(sign() | (near - 1 + below(3))), v.significand = (partner->significand + below(5) - 2) | INTEGER_BIT;
        break;
      }
      /* fall through */
    default: v.exponent |= EXPONENT_BIAS - 20 + below(40); break;
  }
  return v;
}

static u32 some_single(void) {
  u32 s = below(2) << 31, fraction = (u32)(pattern() >> 41);
  switch (below(8)) {
    case 0: return s | (below(2) ? 0x7F800000u : 0);
    case 1: return s | 0x7F800000u | fraction;
    case 2: return s | fraction >> below(23);
    case 3: return random_word();
    default: return s | (127 - 20 + below(40)) << 23 | fraction;
  }
}

static u64 some_double(void) {
  u64 s = (u64)below(2) << 63, fraction = pattern() >> 12;
  switch (below(8)) {
    case 0: return s | (below(2) ? (u64)0x7FF << 52 : 0);
    case 1: return s | (u64)0x7FF << 52 | fraction;
    case 2: return s | fraction >> below(52);
    case 3: return random_wide();
    default: return s | (u64)(1023 - 70 + below(140)) << 52 | fraction;
  }
}

static u64 some_integer(int bits) {
  u64 value = chance(75) ? random_wide() >> below(64) : 0;
  if (below(2)) value = ~value + 1;
  return below(16) ? value : (u64)1 << (bits - 1);
}

/* Eighteen digits; others than 0 to 9 have no defined value. */
static extended some_decimal(void) {
  extended v = { 0, 0 };
  for (int i = 0; i < 16; i++) v.significand = v.significand << 4 | below(10);
  v.exponent = (u16)(sign() | below(128) << 8 | below(10) << 4 | below(10));
  if (chance(25)) v.significand >>= 4 * below(16), v.exponent &= 0xFF00;
  return v;
}

static u16 some_control(void) {
  if (chance(20)) return CONTROL_DEFAULT;
  u32 masks = chance(60) ? CONTROL_MASKS : below(64), precision = chance(67) ? 3 : below(4);
  return (u16)(CONTROL_FIXED | masks | precision << 8 | below(4) << 10 | below(2) << 12);
}

/* TOP, conditions, and flags; with `pending` one of them unmasked if the control word has any. */
static u16 some_status(u32 control, u32 top, int pending) {
  u32 unmasked = ~control & CONTROL_MASKS, flags = chance(50) ? random_word() & control & CONTROL_MASKS : 0;
  if (pending) {
    u32 chosen = random_word() & unmasked;
    flags |= chosen ? chosen : unmasked;
    if (unmasked) flags |= STATUS_PENDING;
  }
  if (chance(15)) flags |= STATUS_STACK_FAULT;
  return (u16)(flags | (random_word() & STATUS_CONDITIONS) | top << TOP_SHIFT);
}

static void set_stack(extended_state *e, u32 i, const extended *v) {
  u32 number = ((u32)e->status >> TOP_SHIFT & 7) + i;
  e->mm[number & 7] = v->significand;
  e->exponent[number & 7] = v->exponent;
}

/* Values near the largest and smallest of a format that `bits` bits of exponent or integer have. */
static void aim(const test_case *t, extended *st0, extended *st1) {
  const row *r = t->row;
  if (chance(25)) return;
  if (r->access == WR) {
    switch (r->elements) {
      case X_SINGLE: st0->exponent = (u16)(sign() | (EXPONENT_BIAS - 155 + (below(2) ? below(40) : 245 + below(45)))); break;
      case X_DOUBLE: st0->exponent = (u16)(sign() | (EXPONENT_BIAS - 1080 + (below(2) ? below(70) : 2070 + below(70)))); break;
      case X_EXTENDED: break;
      default: st0->exponent = (u16)(sign() | (EXPONENT_BIAS - 3 + below(70))); break;
    }
    return;
  }
  switch (r->opcode) {
    case 0xD9FC: st0->exponent = (u16)(sign() | (EXPONENT_BIAS - 3 + below(70))); break; /* FRNDINT */
    case 0xD9FA: if (chance(90)) st0->exponent &= EXPONENT_MAX; break;                    /* FSQRT */
    case 0xD9FD:                                                                         /* FSCALE */
      st1->exponent = (u16)(sign() | (EXPONENT_BIAS - 2 + below(19)));
      st1->significand |= INTEGER_BIT;
      break;
    case 0xD9F8: case 0xD9F5: /* FPREM, FPREM1 */
      if (chance(50)) break;
      st1->significand |= INTEGER_BIT;
      st1->exponent = (u16)(EXPONENT_BIAS + below(200));
      st0->exponent = (u16)(sign() | (st1->exponent + below(140) - 4));
      break;
    default: break;
  }
}

/* Operands of the transcendental instructions for which there is nothing to approximate. */
static void defined_operands(const test_case *t, extended *st0, extended *st1) {
  *st0 = special_value();
  *st1 = special_value();
  extended one = { INTEGER_BIT, EXPONENT_BIAS };
  switch (t->row->opcode) {
    case 0xD9F1: /* FYL2X: an integer times a power of two */
      if (chance(40)) {
        *st0 = one, st0->exponent = (u16)(1 + below(EXPONENT_MAX - 1));
        *st1 = one, st1->exponent = (u16)(sign() | (EXPONENT_BIAS - 100 + below(200)));
      }
      break;
    case 0xD9F2: case 0xD9FB: case 0xD9FE: case 0xD9FF: /* FPTAN FSINCOS FSIN FCOS: out of range */
      if (chance(30)) *st0 = one, st0->exponent = (u16)(sign() | (EXPONENT_BIAS + 63 + below(1000)));
      break;
    default: break;
  }
}

static void put16(u8 *at, u32 value) { at[0] = (u8)value, at[1] = (u8)(value >> 8); }
static void put32(u8 *at, u32 value) { put16(at, value), put16(at + 2, value >> 16); }
static void put_extended(u8 *at, const extended *v) { memcpy(at, &v->significand, 8), put16(at + 8, v->exponent); }

/* Contents of the memory operand. Returns its bytes. */
static u32 memory_image(const test_case *t, u8 *at) {
  u32 single = some_single(), slot = (u32)t->size / 8, control = some_control();
  u64 wide;
  extended v;
  switch (t->row->elements) {
    case X_SINGLE: memcpy(at, &single, 4); return 4;
    case X_DOUBLE: wide = some_double(), memcpy(at, &wide, 8); return 8;
    case X_EXTENDED: v = some_extended(0), put_extended(at, &v); return 10;
    case X_INTEGER16: put16(at, (u32)some_integer(16)); return 2;
    case X_INTEGER32: put32(at, (u32)some_integer(32)); return 4;
    case X_INTEGER64: wide = some_integer(64), memcpy(at, &wide, 8); return 8;
    case X_DECIMAL: v = some_decimal(), put_extended(at, &v); return 10;
    case X_CONTROL: put16(at, chance(70) ? control : random_word()); return 2;
    case X_ENVIRONMENT: case X_STATE: {
      u32 bytes = slot * ENVIRONMENT_SLOTS;
      for (u32 i = 0; i < bytes; i += 2) put16(at + i, random_word());
      if (chance(70)) put16(at, control), put16(at + slot, some_status(control, below(8), chance(20)));
      if (t->row->elements == X_ENVIRONMENT) return bytes;
      for (u32 i = 0; i < 8; i++) v = some_extended(0), put_extended(at + bytes + 10 * i, &v);
      return bytes + STATE_REGISTERS_BYTES;
    }
    case X_FX: {
      for (u32 i = 0; i < FX_BYTES; i += 4) put32(at + i, random_word());
      if (chance(70)) put16(at, control), put16(at + 2, some_status(control, below(8), chance(20)));
      for (u32 i = 0; i < 8; i++) v = some_extended(0), put_extended(at + 32 + 16 * i, &v);
      /* One of the reserved bits that no make has, now and then. */
      put32(at + 24, chance(85) ? random_word() & MXCSR_IMPLEMENTED : MXCSR_DEFAULT | 1u << (18 + below(14)));
      return FX_BYTES;
    }
    default: return 0;
  }
}

void prepare_x87(test_case *t) {
  const row *r = t->row;
  extended_state *e = &t->in.extended;
  if (r->elements == X_ENVIRONMENT || r->elements == X_STATE)
    t->operand_bytes = (u32)t->size / 8 * ENVIRONMENT_SLOTS + (r->elements == X_STATE ? STATE_REGISTERS_BYTES : 0);
  u32 top = e->status >> TOP_SHIFT & 7;
  e->control = some_control();
  int pending = chance(r->setup == X87_CONTROL ? 30 : 4);
  if (r->setup == X87_FX) {
    e->mxcsr = chance(50) ? MXCSR_DEFAULT : random_word() & MXCSR_IMPLEMENTED;
    /* AMD saves the pointers only while an exception is pending, Intel always. */
    pending = 1;
  }
  if (pending) e->control &= (u16)~(1u << below(6));
  e->status = some_status(e->control, top, pending);
  /* Mostly operands for the operation and room for a push. */
  if (chance(85)) e->tags = (u16)((e->tags | 1u << top | 1u << ((top + 1) & 7)) & ~(1u << ((top + 7) & 7)));
  extended st0 = some_extended(0), st1 = some_extended(&st0);
  if (r->setup == X87_DEFINED) defined_operands(t, &st0, &st1);
  else aim(t, &st0, &st1);
  set_stack(e, 0, &st0);
  set_stack(e, r->flags & REG_ONLY && t->rm ? (u32)t->rm : 1, &st1);
  if (r->flags & REG_ONLY && t->rm && chance(80)) e->tags |= (u16)(1u << ((top + (u32)t->rm) & 7));
  if (r->elements == X_ENVIRONMENT || r->elements == X_STATE || r->elements == X_FX)
    for (u32 i = 2; i < 8; i++) if (chance(40)) st1 = some_extended(0), set_stack(e, i, &st1);
}

void finish_x87(test_case *t) {
  if (!t->memory_form || t->row->access == WR) return;
  u8 image[FX_BYTES];
  u32 bytes = memory_image(t, image), first = bytes > FX_FIRST_PATCH ? FX_FIRST_PATCH : bytes;
  add_patch(t, t->operand_linear, image, first);
  add_patch(t, t->operand_linear + first, image + first, bytes - first);
}
