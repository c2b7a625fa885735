/*
 * Operands of MMX and SSE instructions: elements at the edges of their types, floats of every class and in pairs that
 * cancel, overflow, underflow or are halfway between two others, MXCSR with every rounding mode and masks left out,
 * x87 state that an MMX instruction has to change.
 */
#include "generate.h"
#include <string.h>

#define MXCSR_DEFAULT 0x1F80u
#define MXCSR_FLAGS 0x3Fu
#define MXCSR_DAZ 0x40u
#define MXCSR_FTZ 0x8000u
#define MXCSR_ROUNDING_SHIFT 13
#define MXCSR_MASKS_SHIFT 7
/* AMD has bit 17 (MM), Intel does not. */
#define MXCSR_DISPUTED 0x20000u
#define CONTROL_DEFAULT 0x37F
#define EXPONENT_DEFAULT 0x3FFF
#define TOP_SHIFT 11
/* IE pending and unmasked: IE, ES, B. */
#define STATUS_PENDING 0x8081
/* Slots of case_word; test/vectors/extended-state.ts has the same. */
#define XMM_SLOT 16
#define MM_SLOT 48
#define TOP_SLOT 64
#define TAGS_SLOT 65
#define POINTERS_SLOT 66
#define OPCODE_MASK 0x7FF

void default_extended(extended_state *e, u32 file_seed, u32 index) {
  for (u32 i = 0; i < 32; i++) {
    u32 word = case_word(file_seed, index, XMM_SLOT + i);
    memcpy(&e->xmm[i / 4][i % 4 * 4], &word, 4);
  }
  for (u32 i = 0; i < 8; i++)
    e->mm[i] = case_word(file_seed, index, MM_SLOT + 2 * i) |
               (u64)case_word(file_seed, index, MM_SLOT + 2 * i + 1) << 32;
  e->mxcsr = MXCSR_DEFAULT;
  e->control = CONTROL_DEFAULT;
  e->status = (u16)((case_word(file_seed, index, TOP_SLOT) & 7) << TOP_SHIFT);
  e->tags = (u16)(case_word(file_seed, index, TAGS_SLOT) & 0xFF);
  for (u32 i = 0; i < 8; i++) e->exponent[i] = EXPONENT_DEFAULT;
  u32 selectors = case_word(file_seed, index, POINTERS_SLOT + 2);
  e->instruction_offset = case_word(file_seed, index, POINTERS_SLOT);
  e->data_offset = case_word(file_seed, index, POINTERS_SLOT + 1);
  e->instruction_selector = (u16)selectors;
  e->data_selector = (u16)(selectors >> 16);
  e->opcode = case_word(file_seed, index, POINTERS_SLOT + 3) & OPCODE_MASK;
}

static u64 random_wide(void) {
  u64 high = random_word();
  return high << 32 | random_word();
}

/* All floats of a case lie just above the denormals, so that their sums reach them. */
static int all_low;

/* A float of `fraction` fraction bits; `top` is the largest exponent field. */
static u64 float_of(int fraction, u32 top) {
  u64 mask = ((u64)1 << fraction) - 1, bits = random_wide() & mask, bias = top >> 1;
  u64 sign = (u64)below(2) << (fraction + (top > 255 ? 11 : 8));
  /* Few significant bits make exact results and ties. */
  if (chance(40)) bits &= ~(mask >> (1 + below((u32)fraction)));
  u64 field;
  if (all_low) return sign | (u64)below(4) << fraction | bits;
  switch (below(20)) {
    case 0: return sign;
    case 1: return sign | (u64)top << fraction;
    case 2: return sign | (u64)top << fraction | (u64)1 << (fraction - 1) | bits;
    case 3: return sign | (u64)top << fraction | (bits & mask >> 1) | 1;
    case 4: case 5: return sign | (bits ? bits : 1);
    case 6: return sign | ((chance(50) ? (u64)1 << fraction : (u64)top << fraction) - below(3) % 2);
    case 7: field = top - 1 - below(4); break;
    case 8: field = 1 + below(4); break;
    case 9: field = (bias + bias / 2) + below(8) - 4; break;
    case 10: field = bias / 2 + below(8) - 4; break;
    /* Around the limits of integers. */
    case 11: field = bias + 29 + below(4); break;
    case 12: field = bias - 2 + below(4); break;
    case 13: return sign | (u64)bias << fraction;
    case 14: field = 1 + below(top - 1); break;
    default: field = bias - 10 + below(32); break;
  }
  return sign | field << fraction | bits;
}

/* A partner that makes the operation with `other` interesting: itself, its negative, a neighbour. */
static u64 partner_of(u64 other, int fraction, u32 top) {
  u64 sign = (u64)1 << (fraction + (top > 255 ? 11 : 8));
  switch (below(10)) {
    case 0: return other;
    case 1: return other ^ sign;
    case 2: return (other ^ sign) + below(5) - 2;
    case 3: return other + below(3) - 1;
    case 4: return (other ^ (below(2) ? sign : 0)) - ((u64)below(30) << fraction);
    /* Doubles that round to floats of 32 bits at their limits. */
    case 5:
      if (top > 255) return (other & sign) | (u64)(below(2) ? 1023 + 126 + below(3) : 1023 - 150 + below(28)) << fraction | (random_wide() & (((u64)1 << fraction) - 1));
      return float_of(fraction, top);
    default: return float_of(fraction, top);
  }
}

static void fill_singles(u8 *at, const u8 *partner) {
  for (u32 i = 0; i < 4; i++) {
    u32 other;
    memcpy(&other, partner + 4 * i, 4);
    u32 value = (u32)(chance(50) ? partner_of(other, 23, 255) : float_of(23, 255));
    memcpy(at + 4 * i, &value, 4);
  }
}

static void fill_doubles(u8 *at, const u8 *partner) {
  for (u32 i = 0; i < 2; i++) {
    u64 other;
    memcpy(&other, partner + 8 * i, 8);
    u64 value = chance(50) ? partner_of(other, 52, 2047) : float_of(52, 2047);
    memcpy(at + 8 * i, &value, 8);
  }
}

/* Elements of one size, at the edges of their type. */
static void fill_integers(u8 *at) {
  u32 bytes = 1u << below(4);
  for (u32 i = 0; i < 16; i += bytes) {
    u64 value = bytes < 8 ? edge_value((int)bytes * 8) : (u64)edge_value(32) << 32 | edge_value(32);
    if (chance(40)) value = random_wide();
    memcpy(at + i, &value, bytes);
  }
}

/* Strings: few different characters, an end somewhere. */
static void fill_text(u8 *at) {
  u32 bytes = 1 + below(2), kinds = 2 + below(4);
  for (u32 i = 0; i < 16; i += bytes) {
    u32 value = chance(15) ? below(256) : chance(6) ? 0 : 'a' + below(kinds);
    if (bytes == 2 && chance(10)) value |= random_word() & 0xFF00;
    memcpy(at + i, &value, bytes);
  }
}

static void fill(u8 *at, const u8 *partner, int elements) {
  if (elements == SINGLES) fill_singles(at, partner);
  else if (elements == DOUBLES) fill_doubles(at, partner);
  else if (elements == TEXT) fill_text(at);
  else if (chance(60)) fill_integers(at);
}

static u32 some_mxcsr(void) {
  u32 value = MXCSR_DEFAULT;
  if (chance(30)) return value;
  if (chance(30)) return value | 0x20;
  if (chance(60)) value |= below(4) << MXCSR_ROUNDING_SHIFT;
  if (chance(25)) value |= MXCSR_DAZ;
  if (chance(25)) value |= MXCSR_FTZ;
  if (chance(50)) value |= random_word() & MXCSR_FLAGS;
  if (chance(30)) value &= ~(1u << (MXCSR_MASKS_SHIFT + below(6)));
  if (chance(10)) value &= ~(random_word() & MXCSR_DEFAULT);
  return value;
}

static int uses_mmx(const row *r) { return strpbrk(r->form, "PQN") != 0 || !strcmp(r->mnemonic, "emms"); }

void prepare_vector(test_case *t) {
  const row *r = t->row;
  extended_state *e = &t->in.extended;
  e->mxcsr = r->elements == SINGLES || r->elements == DOUBLES || chance(10) ? some_mxcsr() : MXCSR_DEFAULT;
  if (uses_mmx(r) && chance(3)) {
    e->control &= ~1;
    e->status |= STATUS_PENDING;
  }
  all_low = chance(8);
  u8 left[16], right[16];
  memcpy(left, e->xmm[t->reg], 16);
  memcpy(right, e->xmm[t->rm], 16);
  fill(left, right, r->elements);
  fill(right, left, r->elements);
  if (r->elements == COUNTS && chance(90)) {
    u64 count = chance(80) ? below(70) : edge_value(32);
    memcpy(right, &count, 8);
  }
  if (r->modrm == REG) {
    memcpy(e->xmm[t->reg], left, 16);
    memcpy(&e->mm[t->reg], left, 8);
  }
  memcpy(e->xmm[t->rm], right, 16);
  memcpy(&e->mm[t->rm], right, 8);
  memcpy(t->vector_operand, right, 16);
  if (r->elements == INTEGERS) t->has_rm_value = 1, t->rm_value = some_value(32), memcpy(t->vector_operand, &t->rm_value, 4);
  /* The implicit mask of the blends. */
  if (!strncmp(r->mnemonic, "blendv", 6) || !strcmp(r->mnemonic, "pblendvb")) fill_integers(e->xmm[0]);
  t->has_immediate = 1;
  t->immediate = chance(50) ? below(20) : random_word() & 0xFF;
  if (!strncmp(r->mnemonic, "cmp", 3)) t->immediate &= 7;
  /* Bits above the rounding mode are reserved. */
  if (!strncmp(r->mnemonic, "round", 5)) t->immediate &= 15;
  if (r->elements == TEXT) {
    t->immediate = random_word() & 0x7F;
    /* Explicit lengths. */
    set_register(t, EAX, 32, chance(80) ? below(20) - 2 : edge_value(32));
    set_register(t, EDX, 32, chance(80) ? below(20) - 2 : edge_value(32));
    t->protect |= 1u << EAX | 1u << EDX;
  }
  if (r->setup == MASKED_STORE) {
    int segment = data_segment(t), bits = t->address_bits;
    u32 linear = pick_linear(t, segment, bits, (u32)r->memory_bytes, WR);
    set_part(t, EDI, bits, linear - segment_linear(t, segment));
  }
  if (r->setup == MXCSR_IMAGE) {
    u32 image = chance(85) ? some_mxcsr() : random_word() & ~MXCSR_DISPUTED;
    memcpy(t->vector_operand, &image, 4);
  }
}

void finish_vector(test_case *t) {
  if (t->memory_form && t->row->access != WR)
    add_patch(t, t->operand_linear, t->vector_operand, t->operand_bytes);
}
