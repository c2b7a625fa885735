/*
 * Turns a row into bytes and a machine state: picks registers, solves the effective address backwards from a chosen
 * target, adds prefixes and assembles. Encoding: SDM vol. 2, chapter 2.
 */
#include "generate.h"
#include <string.h>

static u32 stream;
void random_seed(u32 seed) { stream = seed; }
u32 random_word(void) { return mix(stream += GOLDEN); }
u32 below(u32 n) { return (u32)(((u64)random_word() * n) >> 32); }
int chance(u32 percent) { return below(100) < percent; }

u32 size_mask(int size) { return size >= 32 ? 0xFFFFFFFFu : (1u << size) - 1; }

u32 edge_value(int size) {
  u32 top = 1u << (size >= 32 ? 31 : size - 1);
  switch (below(14)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return size_mask(size);
    case 3: return top;
    case 4: return top - 1;
    case 5: return top + 1;
    case 6: return size_mask(size) - 1;
    case 7: return 0x55555555u & size_mask(size);
    case 8: return 0xAAAAAAAAu & size_mask(size);
    case 9: return (1u << below(size >= 32 ? 32 : size)) & size_mask(size);
    case 10: return 0x7F & size_mask(size);
    case 11: return 0x80 & size_mask(size);
    case 12: return (below(2) ? 0x8000u : 0xFFFFu) & size_mask(size);
    default: return below(20) & size_mask(size);
  }
}

u32 some_value(int size) {
  if (chance(60)) return edge_value(size);
  /* A random number of significant bits: small values are as likely as large ones. */
  return (random_word() >> below(size >= 32 ? 32 : size)) & size_mask(size);
}

void set_register(test_case *t, int index, int size, u32 value) {
  u32 *r = t->in.gpr;
  if (size == 8) {
    int shift = index & 4 ? 8 : 0;
    r[index & 3] = (r[index & 3] & ~(0xFFu << shift)) | ((value & 0xFF) << shift);
  } else if (size == 16) r[index] = (r[index] & 0xFFFF0000u) | (value & 0xFFFF);
  else r[index] = value;
}

u32 get_register(const test_case *t, int index, int size) {
  if (size == 8) return (t->in.gpr[index & 3] >> (index & 4 ? 8 : 0)) & 0xFF;
  return t->in.gpr[index] & size_mask(size);
}

void add_patch(test_case *t, u32 linear, const void *data, u32 bytes) {
  if (t->patch_count == MAX_PATCHES || !bytes) return;
  /* What lies outside the arena or in the read-only page cannot be patched. */
  for (u32 k = 0; k < bytes; k++) {
    int inside = 0;
    for (int i = 0; i < RANGE_COUNT; i++)
      if (linear + k - ranges[i].base < ranges[i].bytes) inside = ranges[i].base != READ_ONLY_BASE;
    if (inside) continue;
    bytes = k;
    break;
  }
  if (!bytes) return;
  patch *p = &t->patches[t->patch_count++];
  p->address = linear;
  p->bytes = bytes;
  memcpy(p->data, data, bytes);
}

void patch_value(test_case *t, u32 linear, u32 value, int size) { add_patch(t, linear, &value, (u32)size / 8); }

u32 segment_linear(const test_case *t, int segment) { return segment_base(t->in.selector[segment]); }

/* Effective segment of string sources, XLAT and moffs. */
int data_segment(const test_case *t) { return t->override >= 0 ? t->override : SEG_DS; }

/* A linear address for `bytes` of memory that segment can reach, mostly valid, sometimes at or over an edge. */
u32 pick_linear(test_case *t, int segment, int bits, u32 bytes, int access) {
  u32 base = DATA_BASE, size = ARENA_BYTES;
  u16 selector = t->in.selector[segment];
  if (selector == SELECTOR_GS) base = GS_BASE, size = GS_LIMIT + 1;
  else if (selector == SELECTOR_STACK16) base = STACK_BASE;
  else if (selector == SELECTOR_READ_ONLY) base = READ_ONLY_SEGMENT_BASE, size = READ_ONLY_SEGMENT_LIMIT + 1;
  else if (selector == SELECTOR_EXPAND_DOWN) {
    base = EXPAND_DOWN_BASE + EXPAND_DOWN_LIMIT + 1, size = DATA_BASE + ARENA_BYTES - base;
  } else if (selector == SELECTOR_EXPAND_DOWN16) {
    base = EXPAND_DOWN16_BASE + EXPAND_DOWN16_LIMIT + 1, size = DATA_BASE + ARENA_BYTES - base;
  }
  else if (selector == SELECTOR_CODE16) base = CODE_BASE;
  else if (selector == SELECTOR_FS) base = DATA_BASE;
  else if (bits == 16) base = LOW_BASE;
  else if (chance(access == RD ? 10 : 3)) base = READ_ONLY_BASE, size = READ_ONLY_BYTES;
  u32 kind = below(100), middle = base + 0x1000;
  if (size > 0x1000 && bytes > 1 && kind < 10) return middle - 1 - below(bytes - 1);
  if (kind < 50) return base + (below(size - bytes - 8) & ~(bytes > 8 ? 7 : bytes - 1));
  if (kind < 55) return base + size - bytes;
  if (kind < 58) return base;
  if (kind < 61) return base + size - (bytes > 1 ? 1 + below(bytes - 1) : 0);
  if (kind < 63) return base + size + below(0x100);
  if (kind < 64) return base - 1 - below(0x100);
  return base + below(size - bytes + 1);
}

static int default_segment(int base) { return base == ESP || base == EBP ? SEG_SS : SEG_DS; }

/* Chooses the target, once the default segment is known. */
static u32 choose_offset(test_case *t, int segment) {
  int effective = t->override >= 0 ? t->override : segment;
  t->operand_linear = pick_linear(t, effective, t->address_bits, t->operand_bytes, t->row->access);
  if (t->row->aligned && chance(90)) t->operand_linear &= ~15u;
  return t->operand_linear - segment_linear(t, effective);
}

static int is_protected(const test_case *t, int reg) { return t->protect >> reg & 1; }

/* Displacement of a form that is not solved through it. */
static u32 free_displacement(int bits) {
  if (bits == 8) return (u32)(int)(signed char)random_word();
  return chance(50) ? random_word() : (u32)(int)below(0x2000) - 0x1000;
}

/* 32-bit ModR/M, SIB and displacement (SDM vol. 2, tables 2-2 and 2-3). Returns the bytes written. */
static u32 encode32(test_case *t, u8 *out) {
  int free_address = t->row->access == ADDRESS;
  for (;;) {
    int mod = (int)below(3), rm = (int)below(8), scale = 0, index = -1, base = rm, sib_base = 0;
    if (rm == 4) {
      scale = (int)below(4);
      index = (int)below(8);
      sib_base = base = (int)below(8);
      if (base == 5 && mod == 0) base = -1;
      if (index == 4) index = -1;
    } else if (rm == 5 && mod == 0) base = -1;
    u32 *r = t->in.gpr;
    int solve_by_displacement = base < 0 || base == index || is_protected(t, base);
    if (solve_by_displacement && base >= 0 && mod != 2 && !free_address) continue;
    u32 displacement = mod == 1 ? free_displacement(8) : mod == 2 || base < 0 ? free_displacement(32) : 0;
    u32 offset = choose_offset(t, default_segment(base));
    if (!free_address) {
      u32 indexed = index < 0 ? 0 : r[index] << scale;
      if (solve_by_displacement) {
        u32 value = base < 0 ? 0 : r[base] + (base == ESP ? (u32)t->displaced_stack : 0);
        displacement = offset - value - indexed;
      } else {
        r[base] = offset - indexed - displacement - (base == ESP ? (u32)t->displaced_stack : 0);
        /* An index that is also the stack pointer cannot occur; a base that equals the index was excluded. */
      }
    }
    u32 n = 0;
    out[n++] = (u8)(mod << 6 | t->reg << 3 | rm);
    if (rm == 4) out[n++] = (u8)(scale << 6 | (index < 0 ? 4 : index) << 3 | sib_base);
    if (mod == 1) out[n++] = (u8)displacement;
    else if (mod == 2 || base < 0) {
      memcpy(out + n, &displacement, 4);
      n += 4;
    }
    return n;
  }
}

/* 16-bit ModR/M (SDM vol. 2, table 2-1). */
static u32 encode16(test_case *t, u8 *out) {
  static const int first[8] = { EBX, EBX, EBP, EBP, ESI, EDI, EBP, EBX };
  static const int second[8] = { ESI, EDI, ESI, EDI, -1, -1, -1, -1 };
  int free_address = t->row->access == ADDRESS;
  for (;;) {
    int mod = (int)below(3), rm = (int)below(8), base = first[rm], index = second[rm];
    if (mod == 0 && rm == 6) base = -1;
    u32 *r = t->in.gpr;
    int solve_by_displacement = base < 0 || is_protected(t, base);
    if (solve_by_displacement && base >= 0 && mod != 2 && !free_address) continue;
    u32 displacement = mod == 1 ? free_displacement(8) : mod == 2 || base < 0 ? free_displacement(32) : 0;
    u32 offset = choose_offset(t, default_segment(base));
    if (!free_address) {
      u32 indexed = index < 0 ? 0 : r[index];
      if (solve_by_displacement) displacement = offset - (base < 0 ? 0 : r[base]) - indexed;
      else r[base] = (r[base] & 0xFFFF0000u) | ((offset - indexed - displacement) & 0xFFFF);
    }
    u32 n = 0;
    out[n++] = (u8)(mod << 6 | t->reg << 3 | rm);
    if (mod == 1) out[n++] = (u8)displacement;
    else if (mod == 2 || base < 0) {
      memcpy(out + n, &displacement, 2);
      n += 2;
    }
    return n;
  }
}

static const u8 segment_prefix[6] = { 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65 };

/* Legacy prefixes in random order; REP-class prefixes that are part of the opcode stay last. */
static void write_prefixes(test_case *t) {
  u8 list[MAX_CODE];
  u32 n = 0;
  int sized = t->row->size == V && t->size != t->code_bits;
  if (sized) list[n++] = 0x66;
  if (t->address_bits != t->code_bits) list[n++] = 0x67;
  if (t->override >= 0) {
    /* The last of several segment prefixes counts; the first ones go in front below. */
    if (chance(3)) t->code[t->length++] = segment_prefix[below(6)];
    list[n++] = segment_prefix[t->override];
  }
  if (t->lock) list[n++] = (u8)t->lock;
  if (t->repeat) list[n++] = (u8)t->repeat;
  for (int i = 0; i < t->padding; i++) {
    if (sized && chance(50)) list[n++] = 0x66;
    else list[n++] = segment_prefix[t->override >= 0 ? t->override : SEG_DS];
  }
  for (u32 i = n; i > 1; i--) {
    u32 j = below(i);
    u8 swap = list[i - 1];
    list[i - 1] = list[j];
    list[j] = swap;
  }
  memcpy(t->code + t->length, list, n);
  t->length += n;
  if (t->row->prefix) t->code[t->length++] = (u8)t->row->prefix;
}

static void emit(test_case *t, u32 value, u32 bytes) {
  memcpy(t->code + t->length, &value, bytes);
  t->length += bytes;
}

static void write_immediate(test_case *t) {
  u32 wide = t->size == 16 ? 2 : 4;
  u32 value = t->has_immediate ? t->immediate : some_value(t->size == 64 ? 32 : t->size);
  switch (t->row->immediate) {
    case IB: emit(t, t->has_immediate ? value : some_value(8), 1); break;
    case IW: emit(t, value, 2); break;
    case IZ: emit(t, value, wide); break;
    case IWIB:
      emit(t, value, 2);
      emit(t, t->immediate2, 1);
      break;
    case JB:
      /* Not back into the instruction itself. */
      do value = random_word() & 0xFF; while (value >= 0x100 - MAX_CODE);
      emit(t, value, 1);
      break;
    case JZ: emit(t, t->relative_target - (t->in.eip + t->length + wide), wide); break;
    case FAR:
      emit(t, value, wide);
      emit(t, t->immediate2, 2);
      break;
    case MOFFS: {
      t->operand_bytes = (u32)t->size / 8;
      int segment = data_segment(t);
      t->operand_linear = pick_linear(t, segment, t->address_bits, t->operand_bytes, t->row->access);
      emit(t, t->operand_linear - segment_linear(t, segment), (u32)t->address_bits / 8);
      break;
    }
    default: break;
  }
}

static void assemble(test_case *t) {
  const row *r = t->row;
  write_prefixes(t);
  u32 opcode = r->opcode + (u32)t->opcode_low;
  if (opcode > 0xFFFF) emit(t, opcode >> 16, 1);
  if (opcode > 0xFF) emit(t, opcode >> 8, 1);
  emit(t, opcode, 1);
  if (r->modrm != NONE) {
    u8 *at = t->code + t->length;
    if (!t->memory_form) emit(t, (u32)(0xC0 | t->reg << 3 | t->rm), 1);
    else t->length += t->address_bits == 16 ? encode16(t, at) : encode32(t, at);
  }
  write_immediate(t);
}

static int is_string(const row *r) { return r->setup == STRING || r->setup == STRING_BULK; }

/* The other stack width in a fifth of the cases that use the stack. */
static void choose_stack(test_case *t) {
  switch (t->row->setup) {
    case PUSH: case POP: case PUSHA: case POPA: case ENTER: case LEAVE: case PUSHF: case POPF:
    case CALL: case CALL_RM: case RET:
    case PUSH_SEGMENT: case POP_SEGMENT: case FAR_IMMEDIATE: case FAR_MEMORY: case FAR_RET: case INTERRUPT_RET:
      if (chance(80)) return;
      t->stack_bits = 48 - t->stack_bits;
      t->in.selector[SEG_SS] = t->stack_bits == 16 ? SELECTOR_STACK16 : SELECTOR_DATA32;
      return;
    default: return;
  }
}

static void choose_form(test_case *t) {
  const row *r = t->row;
  t->reg = r->modrm >= 0 ? r->modrm : (int)below(8);
  t->rm = (int)below(8);
  t->rm_size = r->flags & RM8 ? 8 : r->flags & RM16 ? 16 : t->size;
  if (r->modrm != NONE) t->memory_form = r->flags & MEM_ONLY ? 1 : r->flags & REG_ONLY ? 0 : (int)chance(55);
  t->operand_bytes = (u32)t->rm_size / 8;
  if (r->memory_bytes) t->operand_bytes = (u32)r->memory_bytes;
  if (r->flags & PAIR) t->operand_bytes = r->setup == BOUNDS ? 2u * (u32)t->size / 8 : (u32)t->size / 8 + 2;
  if (r->flags & PLUS_R) t->opcode_low = (int)below(8);
  if (r->flags & CONDITION) t->opcode_low = (int)below(16);
  int accesses = t->memory_form || r->immediate == MOFFS || r->flags & STRING_SOURCE || r->setup == XLAT;
  /* 67 also changes the count of LOOP and JCXZ and the registers of the string instructions. */
  if ((accesses || r->setup == LOOP || is_string(r)) && chance(20)) t->address_bits = 48 - t->code_bits;
  if (accesses && chance(15)) {
    t->override = (int)below(6);
    if (t->override == SEG_CS && r->access != RD && chance(70)) t->override = SEG_ES;
  }
  if (accesses && r->setup == SEGMENTED && chance(80)) t->override = chance(50) ? SEG_FS : SEG_GS;
  if (t->memory_form && r->flags & LOCKABLE && r->access == RW && chance(12)) t->lock = 0xF0;
}

int make_case(test_case *t, const row *r, int environment, int size, u32 file_seed, u32 index) {
  memset(t, 0, sizeof *t);
  t->row = r;
  t->environment = environment;
  t->size = size;
  t->code_bits = t->stack_bits = environment == ENV_CODE16 ? 16 : 32;
  t->address_bits = t->code_bits;
  t->override = -1;
  for (u32 i = 0; i < 8; i++) t->in.gpr[i] = case_word(file_seed, index, i);
  t->in.eflags = (case_word(file_seed, index, 8) & ARITHMETIC_FLAGS) | IF | 2;
  t->in.eip = 0x100 + case_word(file_seed, index, 9) % 0x1D00;
  u16 selectors[6] = { SELECTOR_DATA32, SELECTOR_CODE32, SELECTOR_DATA32, SELECTOR_DATA32, SELECTOR_FS, SELECTOR_GS };
  if (environment == ENV_CODE16) {
    selectors[SEG_CS] = SELECTOR_CODE16;
    selectors[SEG_SS] = SELECTOR_STACK16;
  } else t->in.eip += CODE_BASE;
  memcpy(t->in.selector, selectors, sizeof selectors);
  default_extended(&t->in.extended, file_seed, index);

  choose_form(t);
  choose_stack(t);
  prepare_operands(t);
  if (t->has_rm_value && r->modrm != NONE && !t->memory_form) set_register(t, t->rm, t->rm_size, t->rm_value);
  if (t->has_reg_value) set_register(t, t->reg, t->size, t->reg_value);
  assemble(t);
  finish_operands(t);
  t->code_linear = segment_linear(t, SEG_CS) + t->in.eip;
  /* Sixteen bytes are one too many for the CPU, which is worth a few cases. */
  return !t->reject && t->length <= 16;
}
