/*
 * Operand preparation, by the kind of instruction: what makes its cases interesting (counts, quotients that fit or
 * just do not, equal comparands, strings that run into an unmapped page, stacks at their edges).
 */
#include "generate.h"
#include <string.h>

#define STRING_SHORT 12
#define STRING_LONG 60
#define STRING_BULK_FEWEST 64
#define STRING_BULK_BYTES 2500

/* Low 16 bits only, when `bits` is 16: the upper half must survive. */
void set_part(test_case *t, int reg, int bits, u32 value) {
  set_register(t, reg, bits, value);
  t->protect |= 1u << reg;
}

void plain(test_case *t) {
  const row *r = t->row;
  if (chance(60)) t->has_rm_value = 1, t->rm_value = some_value(t->rm_size);
  if (r->modrm == REG && chance(60)) t->has_reg_value = 1, t->reg_value = some_value(t->size == 64 ? 32 : t->size);
  int register_size = r->flags & BYTE_REG ? 8 : t->size;
  if (r->flags & PLUS_R && chance(60)) set_register(t, t->opcode_low, register_size, some_value(t->size));
  if (r->modrm == NONE && chance(60)) set_register(t, EAX, t->size, some_value(t->size));
}

static u32 shift_count(int size) {
  u32 kind = below(10);
  if (kind < 5) return below(33);
  if (kind < 7) return (u32)size - 1 + below(3);
  return below(256);
}

static void shift(test_case *t) {
  int doubles = t->row->setup == DOUBLE_CL || t->row->setup == DOUBLE_IMM;
  t->has_rm_value = chance(60);
  t->rm_value = some_value(t->size);
  if (doubles && chance(60)) t->has_reg_value = 1, t->reg_value = some_value(t->size);
  u32 count;
  /* A 16-bit double shift by more than 16 has no defined result (SDM vol. 2, SHLD). */
  do count = shift_count(t->size); while (doubles && t->size == 16 && (count & 31) > 16);
  if (t->row->setup == SHIFT_CL || t->row->setup == DOUBLE_CL) {
    t->protect |= 1u << ECX;
    set_register(t, ECX, 8, count);
    /* When ECX is the operand as well, its value is whatever makes the count. */
    if (!t->memory_form && (t->size == 8 ? t->rm & 3 : t->rm) == ECX) t->has_rm_value = 0;
    if (t->row->modrm == REG && t->reg == ECX) t->has_reg_value = 0;
  } else t->has_immediate = 1, t->immediate = count;
}

/* Dividends: a quotient in or just out of range times the divisor plus a remainder, or anything. */
static void divide(test_case *t) {
  int size = t->size, is_signed = t->row->modrm == 7;
  u32 mask = size_mask(size), divisor = some_value(size);
  u64 dividend = (u64)random_word() << 32 | random_word();
  if (chance(75)) {
    u64 quotient = chance(30) ? edge_value(size) : some_value(size);
    if (chance(8)) quotient = (u64)mask + 1 - below(3) + below(2);
    if (is_signed) {
      int spare = 64 - size;
      int64_t q = (int64_t)(quotient << spare) >> spare, d = (int64_t)((u64)divisor << spare) >> spare;
      if (chance(8)) q = ((int64_t)1 << (size - 1)) - 1 + (int64_t)below(3);
      if (chance(50)) q = -q;
      u32 magnitude = (u32)(d < 0 ? -d : d);
      dividend = (u64)(q * d + (magnitude ? (int64_t)(random_word() % magnitude) : 0));
    } else dividend = quotient * divisor + (divisor ? random_word() % divisor : 0);
  } else dividend >>= below(64);
  if (size == 8) set_register(t, EAX, 16, (u32)dividend);
  else {
    set_register(t, EAX, size, (u32)dividend & mask);
    set_register(t, EDX, size, (u32)(dividend >> size) & mask);
  }
  t->has_rm_value = 1;
  t->rm_value = divisor;
  if (!t->memory_form) {
    int operand = size == 8 ? t->rm & 3 : t->rm;
    if (operand == EAX || operand == EDX) t->has_rm_value = 0;
  }
}

static void bit_offset(test_case *t) {
  t->has_rm_value = chance(50);
  t->rm_value = some_value(t->size);
  if (t->row->setup == BIT_IMM) {
    t->has_immediate = 1;
    t->immediate = chance(70) ? below(32) : below(256);
    return;
  }
  t->has_reg_value = 1;
  /* With memory the offset reaches beyond the operand, both ways; kept within the neighbourhood. */
  u32 value = t->memory_form ? below(2048) - 1024 : chance(50) ? below(32) : random_word();
  if (t->memory_form && chance(50)) value = below(t->size == 16 ? 16 : 32);
  t->reg_value = value;
  t->protect |= 1u << t->reg;
  set_register(t, t->reg, t->size, value);
}

/* Puts the stack pointer where `below_bytes` can be pushed and `above_bytes` popped, mostly. Returns linear. */
u32 place_stack(test_case *t, u32 below_bytes, u32 above_bytes) {
  u32 margin = 0x100, kind = below(100), linear;
  linear = STACK_BASE + margin + 0x200 + below(ARENA_BYTES - 0x800);
  if (kind < 70) linear &= ~3u;
  else if (kind < 80) linear = STACK_BASE + 0x1000 - below(5) + (below_bytes ? below(below_bytes) : 0);
  else if (kind < 84) linear = STACK_BASE + below_bytes;
  else if (kind < 88) linear = STACK_BASE + ARENA_BYTES - above_bytes;
  else if (kind < 91 && below_bytes) linear = STACK_BASE + below(below_bytes);
  else if (kind < 94 && above_bytes) linear = STACK_BASE + ARENA_BYTES - below(above_bytes);
  set_part(t, ESP, t->stack_bits, linear - segment_linear(t, SEG_SS));
  return linear;
}

static u32 code_target(test_case *t) {
  u32 offset;
  /* Not into the instruction itself: the filler there is the instruction. */
  do offset = below(ARENA_BYTES); while (offset - (t->in.eip & (ARENA_BYTES - 1)) + 1 < MAX_CODE);
  return offset + (t->code_bits == 32 ? CODE_BASE : 0);
}

void prepare_string(test_case *t) {
  static const int repeats[3] = { 0, 0xF3, 0xF2 };
  const row *r = t->row;
  t->repeat = repeats[below(3)];
  if (chance(35)) t->in.eflags |= DF;
  u32 bytes = (u32)t->size / 8;
  u32 count = chance(8) ? 0 : chance(85) ? 1 + below(STRING_SHORT) : 1 + below(STRING_LONG);
  int bits = t->address_bits;
  int bulk = r->setup == STRING_BULK;
  if (bulk) {
    t->repeat = repeats[1 + below(2)];
    count = STRING_BULK_FEWEST + below(STRING_BULK_BYTES / bytes - STRING_BULK_FEWEST);
  }
  if (t->repeat) set_part(t, ECX, bits, count);
  u32 span = (t->repeat ? count : 1) * bytes;
  int down = t->in.eflags & DF ? 1 : 0;
  u32 source = 0, destination = 0;
  for (int i = 0; i < 2; i++) {
    int segment = i ? SEG_ES : data_segment(t);
    u32 linear = pick_linear(t, segment, bits, span ? span : 1, RD);
    if (i && t->in.selector[segment] != SELECTOR_GS && chance(85)) {
      /* Writes go to writable memory mostly. */
      while (linear - READ_ONLY_BASE < READ_ONLY_BYTES) linear = pick_linear(t, segment, bits, span ? span : 1, WR);
    }
    /* Overlapping, in the way that repeats what was just stored as well as in the harmless one. */
    if (i && r->opcode <= 0xA5 && source && chance(bulk ? 60 : 20)) linear = source + below(17) - 8;
    /* Compared with itself, a string is equal to its end. */
    if (i && bulk && (r->opcode & ~1u) == 0xA6 && chance(60)) linear = down ? source + bytes - span : source;
    /* The first element is the highest one when the direction is down. */
    u32 start = down && span ? linear + span - bytes : linear;
    set_part(t, i ? EDI : ESI, bits, start - segment_linear(t, segment));
    if (i) destination = start; else source = start;
  }
  if (r->opcode == 0xA6 || r->opcode == 0xA7) {
    /* A run of equal elements, then a difference somewhere (or not). */
    u32 equal = t->repeat == 0xF2 ? (chance(50) ? 1 : 0) : below(count + 2), length = equal * bytes;
    if (length > 200) length = 200;
    u8 copy[256];
    u32 from = down ? source + bytes - length : source, to = down ? destination + bytes - length : destination;
    for (u32 k = 0; k < length; k++) copy[k] = pattern_byte(from + k);
    add_patch(t, to, copy, length);
  } else if (r->opcode >= 0xAE) {
    u32 at = below(count + 1), value = 0;
    u32 linear = down ? destination - at * bytes : destination + at * bytes;
    for (u32 k = 0; k < bytes; k++) value |= (u32)pattern_byte(linear + k) << (8 * k);
    if (t->repeat == 0xF3) {
      u8 equal[256];
      u32 length = at * bytes > 200 ? 200 / bytes * bytes : at * bytes;
      for (u32 k = 0; k < length; k++) equal[k] = (u8)(value >> (8 * (k % bytes)));
      add_patch(t, down ? destination + bytes - length : destination, equal, length);
    }
    set_register(t, EAX, t->size, value);
  }
}

u32 flags_image(void) {
  u32 image = random_word() & (ARITHMETIC_FLAGS | IF | DF | NT | AC | ID | 3 << 12);
  return image | (below(2) ? 2u : 0u);
}

static void prepare_stack(test_case *t) {
  u32 bytes = (u32)t->size / 8, linear;
  switch (t->row->setup) {
    case PUSH:
    case PUSHF:
      plain(t);
      t->in.eflags |= chance(30) ? DF : 0;
      if (t->row->setup == PUSHF) t->in.eflags |= random_word() & (NT | ID);
      place_stack(t, bytes, 0);
      if (t->row->modrm != NONE && !t->memory_form && t->rm == ESP) t->has_rm_value = 0;
      break;
    case POP:
      linear = place_stack(t, 0, bytes);
      t->displaced_stack = (int)bytes;
      if (chance(50)) patch_value(t, linear, some_value(t->size), t->size);
      break;
    case PUSHA: place_stack(t, 8 * bytes, 0); break;
    case POPA: place_stack(t, 0, 8 * bytes); break;
    case POPF:
      linear = place_stack(t, 0, bytes);
      patch_value(t, linear, flags_image(), t->size);
      break;
    case LEAVE:
      linear = place_stack(t, 0, bytes);
      set_part(t, EBP, t->stack_bits, linear - segment_linear(t, SEG_SS));
      t->in.gpr[ESP] = case_word(t->in.gpr[EAX], 0, 0);
      break;
    case ENTER: {
      u32 level = chance(50) ? below(4) : below(256);
      place_stack(t, 2 * bytes, 0);
      u32 frame = STACK_BASE + 0x400 + below(0x1800);
      set_part(t, EBP, t->stack_bits, frame - segment_linear(t, SEG_SS));
      t->has_immediate = 1;
      t->immediate = chance(80) ? below(0x80) : random_word() & 0xFFFF;
      t->immediate2 = level;
      break;
    }
    default: break;
  }
}

static void prepare_branch(test_case *t) {
  u32 bytes = (u32)t->size / 8, linear;
  t->relative_target = code_target(t);
  switch (t->row->setup) {
    case LOOP: set_part(t, ECX, t->address_bits, chance(60) ? below(3) : some_value(t->address_bits)); break;
    case BRANCH_RM:
    case CALL_RM:
      t->has_rm_value = 1;
      t->rm_value = t->relative_target;
      if (t->row->setup == CALL_RM) {
        place_stack(t, bytes, 0);
        if (!t->memory_form && t->rm == ESP) t->rm = EAX;
      }
      break;
    case CALL: place_stack(t, bytes, 0); break;
    case RET:
      linear = place_stack(t, 0, bytes);
      patch_value(t, linear, t->relative_target, t->size);
      t->has_immediate = 1;
      t->immediate = chance(70) ? below(0x40) : random_word() & 0xFFFF;
      break;
    default: break;
  }
}

void prepare_operands(test_case *t) {
  switch (t->row->setup) {
    case SHIFT_CL: case SHIFT_IMM: case SHIFT_ONE: case DOUBLE_CL: case DOUBLE_IMM: shift(t); break;
    case DIVIDE: divide(t); break;
    case MULTIPLY:
      plain(t);
      set_register(t, EAX, t->size, some_value(t->size));
      break;
    case BCD:
      plain(t);
      if (chance(50)) set_register(t, EAX, 16, below(10) << 8 | below(16) << 4 | below(16));
      if (t->row->immediate == IB) t->has_immediate = 1, t->immediate = chance(50) ? 10 : below(chance(50) ? 256 : 16);
      break;
    case BIT_REG: case BIT_IMM: bit_offset(t); break;
    case COMPARE_EXCHANGE:
      plain(t);
      set_register(t, EAX, t->size, some_value(t->size));
      if (chance(50)) t->has_rm_value = 1, t->rm_value = get_register(t, EAX, t->size);
      break;
    case STRING: case STRING_BULK: prepare_string(t); break;
    case XLAT: {
      int segment = data_segment(t);
      t->operand_bytes = 1;
      t->operand_linear = pick_linear(t, segment, t->address_bits, 1, RD);
      u32 offset = t->operand_linear - segment_linear(t, segment);
      set_part(t, EBX, t->address_bits, offset - (t->in.gpr[EAX] & 0xFF));
      break;
    }
    case PUSH: case POP: case PUSHA: case POPA: case ENTER: case LEAVE: case PUSHF: case POPF: prepare_stack(t); break;
    case BRANCH: case BRANCH_RM: case CALL: case CALL_RM: case RET: case LOOP: prepare_branch(t); break;
    case SWAP: break;
    case PLAIN: case COMPARE_EXCHANGE8: plain(t); break;
    case VECTOR: case MASKED_STORE: case MXCSR_IMAGE: prepare_vector(t); break;
    case X87: case X87_DEFINED: case X87_CONTROL: case X87_FX: prepare_x87(t); break;
    default: prepare_system(t); break;
  }
}

/* Memory operands, now that their address is known. */
void finish_operands(test_case *t) {
  const row *r = t->row;
  if (r->setup >= X87) {
    finish_x87(t);
    return;
  }
  if (r->setup >= VECTOR) {
    finish_vector(t);
    return;
  }
  if (r->setup >= BOUNDS) finish_system(t);
  if (!t->memory_form) return;
  if (r->setup == COMPARE_EXCHANGE8 && chance(50)) {
    u32 low = 0, high = 0;
    for (u32 k = 0; k < 4; k++) {
      low |= (u32)pattern_byte(t->operand_linear + k) << (8 * k);
      high |= (u32)pattern_byte(t->operand_linear + 4 + k) << (8 * k);
    }
    /* Registers that form the address have to stay: then the comparison simply fails. */
    u32 pair[2] = { t->in.gpr[EAX], t->in.gpr[EDX] };
    if (chance(80)) add_patch(t, t->operand_linear, pair, 8);
    else if (chance(50)) patch_value(t, t->operand_linear, low ^ 1, 32);
    else patch_value(t, t->operand_linear + 4, high ^ 1, 32);
    return;
  }
  if (t->has_rm_value && r->access != ADDRESS && r->access != WR && t->rm_size <= 32)
    patch_value(t, t->operand_linear, t->rm_value, t->rm_size);
}
