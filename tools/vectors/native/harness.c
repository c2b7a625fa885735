/*
 * The native side of the capture: maps the arena, loads a complete guest state, lets the CPU execute one
 * instruction, and takes the state back from the signal that ends it.
 *
 * The code range is filled with INT3, so whatever follows the instruction (or is jumped to) ends the case without
 * the trap flag, which PUSHF would see. A fault ends it as a signal: the kernel hands over the vector (trapno),
 * the error code and CR2 in the signal frame. The handler rewrites the frame to return to the harness.
 *
 *     harness_run -> enter_guest -> [instruction] -> INT3 or fault -> on_signal -> leave_guest -> harness_run
 *
 * Sources: Intel SDM vol. 3 ch. 6 (vectors, error codes); Linux struct sigcontext, modify_ldt(2).
 */
#define _GNU_SOURCE
#include "harness.h"
#include <asm/ldt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum { VECTOR_DB = 1, VECTOR_BP = 3, VECTOR_PF = 14 };
#define PF_FETCH 0x10u
#define INT3 0xCC
#define WATCHDOG_SECONDS 5
/* Linux: the alternate stack counts as unused even when the guest's ESP happens to point into it. */
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
/* modify_ldt function: write, new layout of user_desc. */
#define LDT_WRITE 0x11

arena_range ranges[RANGE_COUNT] = {
  { "low", LOW_BASE, ARENA_BYTES, 0 },
  { "data", DATA_BASE, ARENA_BYTES, 0 },
  { "read-only", READ_ONLY_BASE, READ_ONLY_BYTES, 0 },
  { "stack", STACK_BASE, ARENA_BYTES, 0 },
};
static u8 *pristine[RANGE_COUNT];

int harness_extended;

/* SDM vol. 1, table 10-2: the FXSAVE image. */
typedef struct {
  u16 control, status;
  u8 tags, reserved0;
  u16 opcode;
  u32 instruction_offset;
  u16 instruction_selector, reserved1;
  u32 data_offset;
  u16 data_selector, reserved2;
  u32 mxcsr, mxcsr_mask;
  struct { u64 significand; u16 exponent, reserved[3]; } st[8];
  u8 xmm[8][16];
  u8 reserved3[224];
} __attribute__((packed, aligned(16))) fx_image;

/* Linux: the fpregs pointer of a 32-bit frame leads to an FSAVE image with its status word, then an FXSAVE image. */
#define FXSAVE_IN_FRAME 112
#define MXCSR_DEFAULT 0x1F80
#define TOP_SHIFT 11

fx_image guest_fx;
u32 host_mxcsr = MXCSR_DEFAULT;

/* Read and written by the assembly below. */
u32 guest_gpr[8], guest_eflags, host_esp;
u16 guest_selector[6];
/* Aligned although packed: the loads run with the guest's AC flag. */
struct { u32 offset; u16 selector; } __attribute__((packed, aligned(8))) guest_entry, guest_stack;
static u16 host_selector[6];
static struct { u32 reg[NGREG]; u32 cr2; fx_image fx; } frame;
static volatile int in_guest;

void enter_guest(void);
extern char leave_guest[];

/* ESP last, by LSS with its segment; DS after everything that is read through it; no flag changes behind POPF. */
asm(".text\n"
    ".globl enter_guest, leave_guest\n"
    "enter_guest:\n"
    "  pushal\n  pushfl\n"
    "  movl %esp, host_esp\n"
    "  fxrstor guest_fx\n"
    "  movw guest_selector+8, %fs\n"
    "  movw guest_selector+10, %gs\n"
    "  movw guest_selector+0, %es\n"
    "  pushl guest_eflags\n  popfl\n"
    "  movl guest_gpr+0, %eax\n  movl guest_gpr+4, %ecx\n  movl guest_gpr+8, %edx\n  movl guest_gpr+12, %ebx\n"
    "  movl guest_gpr+20, %ebp\n  movl guest_gpr+24, %esi\n  movl guest_gpr+28, %edi\n"
    "  lss guest_stack, %esp\n"
    "  movw guest_selector+6, %ds\n"
    "  ljmp *%cs:guest_entry\n"
    "leave_guest:\n"
    "  fninit\n  ldmxcsr host_mxcsr\n"
    "  popfl\n  popal\n  ret\n");

/* Runs with the guest's FS and GS: nothing here may use thread-local storage. */
static void on_signal(int number, siginfo_t *info, void *context) {
  (void)info;
  /* NT and AC survive from a guest POPF into the handler. */
  asm volatile("pushl $2\n popfl" ::: "cc", "memory");
  ucontext_t *u = context;
  if (!in_guest) _exit(number == SIGALRM ? 14 : 70);
  if (number == SIGALRM) _exit(14);
  greg_t *g = u->uc_mcontext.gregs;
  for (int i = 0; i < NGREG; i++) frame.reg[i] = (u32)g[i];
  frame.cr2 = u->uc_mcontext.cr2;
  const u8 *saved = (const u8 *)u->uc_mcontext.fpregs + FXSAVE_IN_FRAME;
  for (u32 i = 0; i < sizeof frame.fx; i++) ((u8 *)&frame.fx)[i] = saved[i];
  in_guest = 0;
  g[REG_EIP] = (greg_t)leave_guest;
  g[REG_ESP] = g[REG_UESP] = (greg_t)host_esp;
  g[REG_EFL] = 2 | IF;
  g[REG_CS] = host_selector[SEG_CS];
  g[REG_SS] = host_selector[SEG_SS];
  g[REG_DS] = host_selector[SEG_DS];
  g[REG_ES] = host_selector[SEG_ES];
  g[REG_FS] = host_selector[SEG_FS];
  g[REG_GS] = host_selector[SEG_GS];
}

static void map(u32 base, u32 bytes, int protection) {
  int how = MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
  void *at = mmap((void *)base, bytes, protection, how, -1, 0);
  if (at != (void *)base) {
    fprintf(stderr, "cannot map %u bytes at 0x%x\n", bytes, base);
    exit(71);
  }
}

static const struct {
  u16 selector;
  u32 base, limit;
  u8 contents, pages, bits32, restricted, absent;
} local_segments[] = {
  { SELECTOR_FS, FS_BASE, 0xFFFFF, MODIFY_LDT_CONTENTS_DATA, 1, 1, 0, 0 },
  { SELECTOR_GS, GS_BASE, GS_LIMIT, MODIFY_LDT_CONTENTS_DATA, 0, 1, 0, 0 },
  { SELECTOR_CODE16, CODE16_BASE, 0xFFFF, MODIFY_LDT_CONTENTS_CODE, 0, 0, 0, 0 },
  { SELECTOR_STACK16, STACK16_BASE, 0xFFFF, MODIFY_LDT_CONTENTS_DATA, 0, 0, 0, 0 },
  { SELECTOR_READ_ONLY, READ_ONLY_SEGMENT_BASE, READ_ONLY_SEGMENT_LIMIT, MODIFY_LDT_CONTENTS_DATA, 0, 1, 1, 0 },
  { SELECTOR_EXPAND_DOWN, EXPAND_DOWN_BASE, EXPAND_DOWN_LIMIT, MODIFY_LDT_CONTENTS_STACK, 0, 1, 0, 0 },
  { SELECTOR_EXECUTE_ONLY, 0, 0xFFFFF, MODIFY_LDT_CONTENTS_CODE, 1, 1, 1, 0 },
  { SELECTOR_ABSENT_DATA, DATA_BASE, 0xFFF, MODIFY_LDT_CONTENTS_DATA, 0, 1, 0, 1 },
  { SELECTOR_EXPAND_DOWN16, EXPAND_DOWN16_BASE, EXPAND_DOWN16_LIMIT, MODIFY_LDT_CONTENTS_STACK, 0, 0, 0, 0 },
  { SELECTOR_ABSENT_CODE, CODE_BASE, 0xFFFF, MODIFY_LDT_CONTENTS_CODE, 0, 1, 0, 1 },
};
#define LOCAL_SEGMENTS (sizeof local_segments / sizeof *local_segments)

/* Linux sets the accessed bit and, with `useable`, AVL; LAR shows both. */
static void make_segments(void) {
  for (u32 i = 0; i < LOCAL_SEGMENTS; i++) {
    struct user_desc d = { 0 };
    d.entry_number = local_segments[i].selector >> 3;
    d.base_addr = local_segments[i].base;
    d.limit = local_segments[i].limit;
    d.seg_32bit = local_segments[i].bits32;
    d.contents = local_segments[i].contents;
    d.limit_in_pages = local_segments[i].pages;
    d.read_exec_only = local_segments[i].restricted;
    d.seg_not_present = local_segments[i].absent;
    d.useable = 1;
    if (syscall(SYS_modify_ldt, LDT_WRITE, &d, sizeof d)) {
      perror("modify_ldt");
      exit(71);
    }
  }
}

u32 segment_base(u16 selector) {
  for (u32 i = 0; i < LOCAL_SEGMENTS; i++)
    if (local_segments[i].selector == selector) return local_segments[i].base;
  return 0;
}

/* Not one of the kernel's own segments, which the environment does not describe. */
static int known_selector(u16 selector) {
  for (u32 i = 0; i < LOCAL_SEGMENTS; i++)
    if ((local_segments[i].selector ^ selector) < 4) return 1;
  return selector < 4 || (selector ^ SELECTOR_CODE32) < 4 || (selector ^ SELECTOR_DATA32) < 4;
}

void harness_start(void) {
  guest_fx.control = 0x37F;
  guest_fx.mxcsr = MXCSR_DEFAULT;
  for (int i = 0; i < RANGE_COUNT; i++) {
    arena_range *r = &ranges[i];
    map(r->base, r->bytes, PROT_READ | PROT_WRITE);
    r->expected = malloc(r->bytes);
    pristine[i] = malloc(r->bytes);
    for (u32 k = 0; k < r->bytes; k++) pristine[i][k] = pattern_byte(r->base + k);
    memcpy(r->expected, pristine[i], r->bytes);
    memcpy((void *)r->base, pristine[i], r->bytes);
    if (r->base == READ_ONLY_BASE) mprotect((void *)r->base, r->bytes, PROT_READ);
  }
  map(CODE_BASE, ARENA_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
  memset((void *)CODE_BASE, INT3, ARENA_BYTES);

  make_segments();
  asm volatile("mov %%es,%0\n mov %%cs,%1\n mov %%ss,%2\n mov %%ds,%3\n mov %%fs,%4\n mov %%gs,%5"
               : "=m"(host_selector[0]), "=m"(host_selector[1]), "=m"(host_selector[2]), "=m"(host_selector[3]),
                 "=m"(host_selector[4]), "=m"(host_selector[5]));

  stack_t alternate = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16, .ss_flags = (int)SS_AUTODISARM };
  sigaltstack(&alternate, 0);
  struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
  sigfillset(&action.sa_mask);
  const int numbers[] = { SIGTRAP, SIGSEGV, SIGFPE, SIGILL, SIGBUS, SIGALRM };
  for (u32 i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &action, 0);
}

void harness_patch(const patch *p) {
  for (u32 k = 0; k < p->bytes; k++) {
    for (int i = 0; i < RANGE_COUNT; i++) {
      u32 offset = p->address + k - ranges[i].base;
      if (offset >= ranges[i].bytes || ranges[i].base == READ_ONLY_BASE) continue;
      ranges[i].expected[offset] = p->data[k];
      *(u8 *)(ranges[i].base + offset) = p->data[k];
    }
  }
}

static void load_extended(const extended_state *e) {
  fx_image *fx = &guest_fx;
  memset(fx, 0, sizeof *fx);
  fx->control = e->control;
  fx->status = e->status;
  fx->tags = (u8)e->tags;
  fx->mxcsr = e->mxcsr;
  fx->opcode = e->opcode;
  fx->instruction_offset = e->instruction_offset;
  fx->instruction_selector = e->instruction_selector;
  fx->data_offset = e->data_offset;
  fx->data_selector = e->data_selector;
  u32 top = e->status >> TOP_SHIFT & 7;
  for (u32 i = 0; i < 8; i++) {
    u32 physical = (top + i) & 7;
    fx->st[i].significand = e->mm[physical];
    fx->st[i].exponent = e->exponent[physical];
  }
  memcpy(fx->xmm, e->xmm, sizeof fx->xmm);
}

static void store_extended(extended_state *e) {
  const fx_image *fx = &frame.fx;
  e->control = fx->control;
  e->status = fx->status;
  e->tags = fx->tags;
  e->mxcsr = fx->mxcsr;
  u32 top = e->status >> TOP_SHIFT & 7;
  for (u32 i = 0; i < 8; i++) {
    u32 physical = (top + i) & 7;
    e->mm[physical] = fx->st[i].significand;
    e->exponent[physical] = fx->st[i].exponent;
  }
  memcpy(e->xmm, fx->xmm, sizeof fx->xmm);
}

/* Puts INT3 where a case has written into the code range, of which a vector cannot tell. Returns whether one has. */
static int restore_filler(void) {
  const u8 *code = (const u8 *)CODE_BASE;
  if (code[0] == INT3 && !memcmp(code, code + 1, ARENA_BYTES - 1)) return 0;
  memset((void *)CODE_BASE, INT3, ARENA_BYTES);
  return 1;
}

int harness_run(const cpu_state *in, u32 code_linear, const u8 *code, u32 length, outcome *out) {
  u32 placed = length;
  if (code_linear + placed > CODE_BASE + ARENA_BYTES) placed = CODE_BASE + ARENA_BYTES - code_linear;
  memcpy((void *)code_linear, code, placed);
  memcpy(guest_gpr, in->gpr, sizeof guest_gpr);
  memcpy(guest_selector, in->selector, sizeof guest_selector);
  guest_eflags = in->eflags;
  if (harness_extended) load_extended(&in->extended);
  guest_entry.offset = in->eip;
  guest_entry.selector = in->selector[SEG_CS];
  guest_stack.offset = in->gpr[ESP];
  guest_stack.selector = in->selector[SEG_SS];
  struct itimerval watchdog = { .it_value = { .tv_sec = WATCHDOG_SECONDS } };
  static u32 runs;
  if (runs++ % 256 == 0) setitimer(ITIMER_REAL, &watchdog, 0);
  in_guest = 1;
  enter_guest();
  memset((void *)code_linear, INT3, placed);
  int code_written = restore_filler();

  const u32 *g = frame.reg;
  cpu_state *s = &out->state;
  const int order[8] = { REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_UESP, REG_EBP, REG_ESI, REG_EDI };
  for (int i = 0; i < 8; i++) s->gpr[i] = g[order[i]];
  s->eflags = g[REG_EFL] & RECORDED_FLAGS;
  s->eip = g[REG_EIP];
  const int segments[6] = { REG_ES, REG_CS, REG_SS, REG_DS, REG_FS, REG_GS };
  for (int i = 0; i < 6; i++) s->selector[i] = (u16)g[segments[i]];
  if (harness_extended) store_extended(&s->extended);

  if (code_written) return 0;
  for (int i = 0; i < 6; i++) if (!known_selector(s->selector[i])) return 0;

  u32 base = segment_base(s->selector[SEG_CS]), linear = base + s->eip;
  out->vector = (u8)g[REG_TRAPNO];
  out->error_code = 0;
  out->address = 0;
  if (out->vector == VECTOR_BP && linear - 1 - code_linear >= length) {
    /* The filler behind the instruction: it completed. */
    out->vector = NO_FAULT;
    s->eip--;
    return 1;
  }
  if (out->vector == VECTOR_PF) {
    int completed = (g[REG_ERR] & PF_FETCH) && frame.cr2 == linear && linear != code_linear;
    if (completed) {
      out->vector = NO_FAULT;
      return 1;
    }
    /* This CPU's REP MOVS looks one element too far in an expand-down segment, and reports that when it is done. */
    if (linear != code_linear) return 0;
    out->address = frame.cr2;
  }
  out->error_code = g[REG_ERR];
  /* A fault anywhere but at the instruction itself (a trap may be behind it) is the filler's or the target's. */
  return linear == code_linear || linear == code_linear + length;
}

void harness_changes(void (*each)(u32 address, const u8 *data, u32 bytes)) {
  for (int i = 0; i < RANGE_COUNT; i++) {
    const u8 *now = (const u8 *)ranges[i].base, *was = ranges[i].expected;
    u32 bytes = ranges[i].bytes;
    if (!memcmp(now, was, bytes)) continue;
    for (u32 k = 0; k < bytes; k++) {
      if (now[k] == was[k]) continue;
      u32 start = k;
      /* One run tolerates up to three equal bytes inside, which keeps a stored doubleword together. */
      u32 end = k + 1;
      for (u32 j = end; j < bytes && j < end + 4 && j - start < MAX_CHANGE_RUN; j++) if (now[j] != was[j]) end = j + 1;
      each(ranges[i].base + start, now + start, end - start);
      k = end - 1;
    }
  }
}

void harness_reset(void) {
  for (int i = 0; i < RANGE_COUNT; i++) {
    if (ranges[i].base == READ_ONLY_BASE) continue;
    u8 *const copies[2] = { (u8 *)ranges[i].base, ranges[i].expected };
    for (int k = 0; k < 2; k++)
      if (memcmp(copies[k], pristine[i], ranges[i].bytes)) memcpy(copies[k], pristine[i], ranges[i].bytes);
  }
}
