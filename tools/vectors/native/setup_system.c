/*
 * Operand preparation for what faults by nature and for what loads or uses segment registers: selectors good and bad,
 * far pointers, limits, alignment checks, instructions that are too long or run off the mapped code.
 */
#include "generate.h"
#include <string.h>

#define LINUX_SYSTEM_CALL_VECTOR 0x80
#define FETCH_SLACK 1

/* Selectors whose meaning is the same in every GDT that environment.ts describes: never one of the kernel's own. */
static const u16 data_selectors[] = {
  0, 1, 2, 3, SELECTOR_CODE32, SELECTOR_DATA32, SELECTOR_FS, SELECTOR_GS, SELECTOR_CODE16, SELECTOR_STACK16,
  SELECTOR_READ_ONLY, SELECTOR_EXPAND_DOWN, SELECTOR_EXECUTE_ONLY, SELECTOR_ABSENT_DATA, SELECTOR_EXPAND_DOWN16,
  SELECTOR_ABSENT_CODE, SELECTOR_DATA32 & ~3, SELECTOR_FS & ~3, (SELECTOR_GS & ~3) | 1, (SELECTOR_STACK16 & ~3) | 2,
  0x57, 0x5C, 0x83, 0x1003, 0xFFFB, 0x2007, 0xFFFF,
};
static const u16 code_selectors[] = {
  SELECTOR_CODE32, SELECTOR_CODE32, SELECTOR_CODE32, SELECTOR_CODE16, SELECTOR_CODE16, SELECTOR_EXECUTE_ONLY,
  SELECTOR_EXECUTE_ONLY, SELECTOR_CODE32 & ~3, (SELECTOR_CODE16 & ~3) | 2, 0, 3, SELECTOR_DATA32, SELECTOR_FS,
  SELECTOR_STACK16, SELECTOR_ABSENT_CODE, SELECTOR_ABSENT_DATA, 0x57, 0x83, 0xFFFF,
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static u16 some_data_selector(void) { return data_selectors[below(COUNT(data_selectors))]; }
static u16 some_code_selector(void) { return code_selectors[below(COUNT(code_selectors))]; }

/* An offset in the code segment `selector`, not at the instruction itself; sometimes beyond the limit. */
static u32 code_offset(test_case *t, u16 selector) {
  u32 start = t->in.eip & (ARENA_BYTES - 1), offset;
  do offset = below(ARENA_BYTES); while (offset - start + 1 < MAX_CODE);
  if ((selector & ~3) == (SELECTOR_CODE16 & ~3)) return chance(8) ? offset + 0x10000 : offset;
  return offset + CODE_BASE;
}

/* EIP, CS and perhaps EFLAGS on the stack. */
static void far_frame(test_case *t, u32 linear, int with_flags) {
  u32 bytes = (u32)t->size / 8;
  u16 selector = some_code_selector();
  patch_value(t, linear, code_offset(t, selector), t->size);
  patch_value(t, linear + bytes, selector | (t->size == 32 ? random_word() << 16 : 0), t->size);
  if (with_flags) patch_value(t, linear + 2 * bytes, flags_image(), t->size);
}

/* Whether the upper half of a pushed selector is written or left alone is up to the CPU: it is zero before. */
static void clear_below_stack(test_case *t, u32 linear, u32 bytes) {
  static const u8 zeros[8];
  add_patch(t, linear - bytes, zeros, bytes);
}

static void special_segments(test_case *t) {
  static const u16 selectors[] = {
    0, 0, SELECTOR_READ_ONLY, SELECTOR_READ_ONLY, SELECTOR_EXPAND_DOWN, SELECTOR_EXPAND_DOWN, SELECTOR_EXPAND_DOWN16,
    SELECTOR_CODE16, SELECTOR_GS, SELECTOR_STACK16,
  };
  t->in.selector[SEG_FS] = selectors[below(COUNT(selectors))];
  t->in.selector[SEG_GS] = selectors[below(COUNT(selectors))];
  if (chance(25)) t->in.selector[SEG_ES] = chance(50) ? 0 : SELECTOR_EXPAND_DOWN;
}

/* A stack of GS_LIMIT + 1 bytes, with the pointer at its ends mostly. */
static void limited_stack(test_case *t) {
  u32 bytes = (u32)t->size / 8, offset = GS_LIMIT + 1;
  t->in.selector[SEG_SS] = SELECTOR_GS;
  switch (below(4)) {
    case 0: offset = below(3 * bytes); break;
    case 1: offset = GS_LIMIT + 1 - below(3 * bytes); break;
    case 2: offset = GS_LIMIT + 1 + below(2 * bytes); break;
    default: offset = 0x100 + (below(0xC00) & ~3u); break;
  }
  set_part(t, ESP, 32, offset);
  t->displaced_stack = t->row->access == WR ? (int)bytes : 0;
  if (t->memory_form && chance(40)) t->override = SEG_SS;
  if (t->row->modrm == NONE) set_part(t, EBP, 32, chance(50) ? offset : 0x80 + below(0xE00));
  t->has_immediate = t->row->immediate == IWIB;
  t->immediate = below(0x40);
  t->immediate2 = below(3);
}

void prepare_system(test_case *t) {
  u32 bytes = (u32)t->size / 8, linear;
  switch (t->row->setup) {
    case BOUNDS: t->has_reg_value = 1, t->reg_value = some_value(t->size); break;
    case INTERRUPT:
      t->has_immediate = 1;
      do t->immediate = chance(20) ? 3 + below(2) : random_word() & 0xFF;
      while (t->immediate == LINUX_SYSTEM_CALL_VECTOR);
      break;
    case PORT:
      set_part(t, EDX, 16, random_word());
      set_part(t, ECX, 32, 1 + below(4));
      if (chance(30)) t->repeat = 0xF3;
      break;
    case LONG:
      plain(t);
      t->padding = 5 + (int)below(10);
      break;
    case FETCH: plain(t); break;
    case LOCKED:
      plain(t);
      t->lock = 0xF0;
      break;
    case SELECTOR:
      t->has_rm_value = 1;
      t->rm_value = chance(92) ? some_data_selector() : (u32)(some_data_selector() | random_word() << 16);
      break;
    case PUSH_SEGMENT:
      linear = place_stack(t, bytes, 0);
      clear_below_stack(t, linear, bytes);
      break;
    case POP_SEGMENT:
      linear = place_stack(t, 0, bytes);
      patch_value(t, linear, some_data_selector() | (t->size == 32 ? random_word() << 16 : 0), t->size);
      break;
    case LOAD_FAR: plain(t); break;
    case FAR_IMMEDIATE:
    case FAR_MEMORY: {
      u16 selector = some_code_selector();
      t->has_immediate = 1;
      t->immediate = code_offset(t, selector);
      t->immediate2 = selector;
      if (t->row->flags & FAR_CALL) {
        linear = place_stack(t, 2 * bytes, 0);
        clear_below_stack(t, linear, 2 * bytes);
      }
      break;
    }
    case FAR_RET:
      linear = place_stack(t, 0, 2 * bytes);
      far_frame(t, linear, 0);
      t->has_immediate = 1;
      t->immediate = chance(70) ? below(0x40) : random_word() & 0xFFFF;
      break;
    case INTERRUPT_RET:
      linear = place_stack(t, 0, 3 * bytes);
      far_frame(t, linear, 1);
      break;
    case SEGMENTED:
      special_segments(t);
      if (t->row->flags & (STRING_SOURCE | STRING_DEST)) prepare_string(t);
      else plain(t);
      break;
    case STACK_LIMIT: limited_stack(t); break;
    case ALIGNMENT:
      t->in.eflags |= AC;
      if (t->row->flags & (STRING_SOURCE | STRING_DEST)) prepare_string(t);
      else if (t->row->modrm == NONE) {
        linear = place_stack(t, bytes, bytes);
        if (chance(50)) t->in.gpr[ESP] ^= below(4);
      } else plain(t);
      break;
    default: break;
  }
}

static int all_writable(u32 linear, u32 bytes) {
  for (int i = 0; i < RANGE_COUNT; i++) {
    u32 offset = linear - ranges[i].base;
    if (offset < ranges[i].bytes && offset + bytes <= ranges[i].bytes) return ranges[i].base != READ_ONLY_BASE;
  }
  return 0;
}

void finish_system(test_case *t) {
  switch (t->row->setup) {
    case BOUNDS: {
      /* Lower and upper bound around the index, as likely in order as not. */
      u32 index = get_register(t, t->reg, t->size), low = index - below(3), high = index + below(3) - 1;
      if (chance(40)) low = some_value(t->size);
      if (chance(40)) high = some_value(t->size);
      patch_value(t, t->operand_linear, low, t->size);
      patch_value(t, t->operand_linear + (u32)t->size / 8, high, t->size);
      break;
    }
    case LOAD_FAR:
    case FAR_MEMORY: {
      if ((t->operand_linear & ~(ARENA_BYTES - 1)) == READ_ONLY_BASE) t->reject = 1;
      u32 selector = t->row->setup == LOAD_FAR ? some_data_selector() : t->immediate2;
      u32 offset = t->row->setup == LOAD_FAR ? some_value(t->size) : t->immediate;
      patch_value(t, t->operand_linear, offset, t->size);
      patch_value(t, t->operand_linear + (u32)t->size / 8, selector, 16);
      break;
    }
    case SELECTOR: {
      /* A selector out of the memory pattern might be one of the kernel's own. */
      u32 page = t->operand_linear & ~(ARENA_BYTES - 1);
      if (t->memory_form && !t->patch_count && page == READ_ONLY_BASE) t->reject = 1;
      break;
    }
    case ALIGNMENT:
      /* Whether #AC or #PF comes first when both apply is up to the CPU. */
      if (t->row->modrm == NONE) t->operand_linear = t->in.gpr[ESP] - t->operand_bytes, t->operand_bytes *= 2;
      if (!t->memory_form && t->row->modrm != NONE) return;
      if (!all_writable(t->operand_linear, t->operand_bytes)) t->reject = 1;
      break;
    case FETCH:
      /* From not reaching the end of the mapped code to starting behind it. */
      t->in.eip = CODE_BASE + ARENA_BYTES - below(t->length + FETCH_SLACK);
      break;
    default: break;
  }
}
