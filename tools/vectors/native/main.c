/*
 * capture FAMILY SEED SCALE: writes the cases of one family to standard output, in the raw form that
 * tools/vectors/raw.ts reads; statistics go to standard error. `capture --families` lists the families.
 *
 * Raw form, little-endian: u32 magic, u32 file seed, u32 environment, u32 extended, u32 rows, then per row
 *   u8 length + mnemonic, u8 length + form, u8 length + feature, u32 opcode, i8 ModR/M digit, u8 prefix;
 * then per case
 *   u8 1, u16 row, u8 operand size, u8 length, bytes, state in, u8 patches {u32 address, u8 length, bytes},
 *   state out, u8 changes {...}, u8 vector, u32 error code, u32 address
 * (state: u32 x 8 registers, u32 EFLAGS, u32 EIP, u16 x 6 selectors; in extended families XMM, MM, MXCSR, u16 x87
 * control, status, tags and 8 exponents), and u8 0 at the end.
 */
#include "families.h"
#include "generate.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAW_MAGIC 0x31564354u /* TCV1 */
#define MAX_CHANGES 64
#define MAX_ATTEMPTS 200
/* Cases that change more are not worth their bytes. */
#define MAX_CHANGED_BYTES 3000

static struct { u32 address; u8 bytes; u8 data[256]; } changes[MAX_CHANGES];
static u32 change_count, changed_bytes;
static int overflow;

static void put8(u32 v) { putchar_unlocked((int)(v & 0xFF)); }
static void put16(u32 v) { put8(v), put8(v >> 8); }
static void put32(u32 v) { put16(v), put16(v >> 16); }
static void put_bytes(const u8 *data, u32 n) {
  put8(n);
  for (u32 i = 0; i < n; i++) put8(data[i]);
}
static void put_text(const char *s) { put_bytes((const u8 *)(s ? s : ""), s ? (u32)strlen(s) : 0); }
static void put_state(const cpu_state *s) {
  for (int i = 0; i < 8; i++) put32(s->gpr[i]);
  put32(s->eflags);
  put32(s->eip);
  for (int i = 0; i < 6; i++) put16(s->selector[i]);
  if (!harness_extended) return;
  const extended_state *e = &s->extended;
  for (int i = 0; i < 8; i++) for (int k = 0; k < 16; k++) put8(e->xmm[i][k]);
  for (int i = 0; i < 8; i++) put32((u32)e->mm[i]), put32((u32)(e->mm[i] >> 32));
  put32(e->mxcsr);
  put16(e->control), put16(e->status), put16(e->tags);
  for (int i = 0; i < 8; i++) put16(e->exponent[i]);
}

static void collect(u32 address, const u8 *data, u32 bytes) {
  changed_bytes += bytes;
  if (change_count == MAX_CHANGES) {
    overflow = 1;
    return;
  }
  changes[change_count].address = address;
  changes[change_count].bytes = (u8)bytes;
  memcpy(changes[change_count++].data, data, bytes);
}

static void put_case(const test_case *t, u32 row_index, const outcome *o) {
  put8(1);
  put16(row_index);
  put8((u32)t->size);
  put_bytes(t->code, t->length);
  put_state(&t->in);
  put8(t->patch_count);
  for (u32 i = 0; i < t->patch_count; i++) {
    put32(t->patches[i].address);
    put_bytes(t->patches[i].data, t->patches[i].bytes);
  }
  put_state(&o->state);
  put8(change_count);
  for (u32 i = 0; i < change_count; i++) put32(changes[i].address), put_bytes(changes[i].data, changes[i].bytes);
  put8(o->vector);
  put32(o->error_code);
  put32(o->address);
}

static int sizes_of(const row *r, int environment, int out[2]) {
  switch (r->size) {
    case B: out[0] = 8; return 1;
    case W: out[0] = 16; return 1;
    /* x87 and vector instructions do not care about the operand size. */
    case D: out[0] = 32; return environment == ENV_CODE16 && !harness_extended ? 0 : 1;
    case Q: out[0] = 64; return 1;
    default: out[0] = 16, out[1] = 32; return 2;
  }
}

/* Takes what only AMD has, bit 17 (MM), out of the MXCSR_MASK of an FXSAVE image that has been stored. */
#define MXCSR_MASK_BYTE 30
#define DISPUTED_IN_BYTE 2
static void clear_disputed_mask(u32 image) { *(u8 *)(image + MXCSR_MASK_BYTE) &= (u8)~DISPUTED_IN_BYTE; }

/*
 * Whether an image of the x87 environment has the pointers that the case began with. Linux does not keep all of them for
 * 64-bit kernels, so a switch to another process just in front of the instruction loses them.
 */
static int pointers_kept(const test_case *t) {
  const extended_state *e = &t->in.extended;
  u16 expected[4] = { (u16)e->instruction_offset, e->instruction_selector, (u16)e->data_offset, e->data_selector };
  for (u32 i = 0; i < 4; i++)
    if (memcmp((const void *)(t->operand_linear + (3 + i) * (u32)t->size / 8), &expected[i], 2)) return 0;
  return 1;
}

static u32 file_seed, case_index;
static u32 rejected, partial_writes, faults;

/* One case of the row; 0 when no attempt succeeded. */
static int capture_case(const row *r, u32 row_index, int environment, int size) {
  for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    test_case t;
    outcome o;
    if (!make_case(&t, r, environment, size, file_seed, case_index)) continue;
    for (u32 i = 0; i < t.patch_count; i++) harness_patch(&t.patches[i]);
    int usable = harness_run(&t.in, t.code_linear, t.code, t.length, &o);
    if (usable && r->setup == X87_FX && r->access == WR && o.vector == NO_FAULT) clear_disputed_mask(t.operand_linear);
    int stores_pointers = (r->elements == X_ENVIRONMENT || r->elements == X_STATE) && r->access == WR;
    if (usable && r->setup == X87_CONTROL && stores_pointers && o.vector == NO_FAULT && !pointers_kept(&t)) usable = 0;
    change_count = changed_bytes = 0;
    overflow = 0;
    harness_changes(collect);
    harness_reset();
    /* Half-done multi-word stores of a faulting PUSHA or ENTER differ between CPUs; a string's progress does not. */
    int is_string = r->flags & (STRING_SOURCE | STRING_DEST);
    if (usable && o.vector != NO_FAULT && changed_bytes && !is_string) usable = 0, partial_writes++;
    /* So does what a faulting MASKMOVQ has made of the x87 state. */
    int changed_state = memcmp(&o.state.extended, &t.in.extended, offsetof(extended_state, instruction_offset));
    if (usable && o.vector != NO_FAULT && r->setup == MASKED_STORE && changed_state) usable = 0, partial_writes++;
    if (!usable || overflow || changed_bytes > MAX_CHANGED_BYTES) {
      rejected++;
      continue;
    }
    if (o.vector != NO_FAULT) faults++;
    put_case(&t, row_index, &o);
    case_index++;
    return 1;
  }
  fprintf(stderr, "no usable case: %s %s %d\n", r->mnemonic, r->form, size);
  return 0;
}

static void capture_family(const family *f, u32 seed, u32 scale) {
  file_seed = mix(seed + (u32)(f - families) * GOLDEN);
  random_seed(mix(file_seed ^ GOLDEN));
  u32 rows = 0;
  for (int s = 0; s < MAX_ROW_SETS && f->sets[s].rows; s++) rows += *f->sets[s].count;
  put32(RAW_MAGIC);
  put32(file_seed);
  put32((u32)f->environment);
  put32((u32)f->extended);
  harness_extended = f->extended;
  put32(rows);
  for (int s = 0; s < MAX_ROW_SETS && f->sets[s].rows; s++) {
    for (u32 i = 0; i < *f->sets[s].count; i++) {
      const row *r = &f->sets[s].rows[i];
      put_text(r->mnemonic);
      put_text(r->form);
      put_text(r->feature);
      put32(r->opcode);
      put8((u32)r->modrm);
      put8((u32)r->prefix);
    }
  }
  u32 index = 0;
  for (int s = 0; s < MAX_ROW_SETS && f->sets[s].rows; s++) {
    for (u32 i = 0; i < *f->sets[s].count; i++, index++) {
      const row *r = &f->sets[s].rows[i];
      int sizes[2], count = sizes_of(r, f->environment, sizes);
      if (f->environment == ENV_CODE16 && r->flags & ONLY32) continue;
      u32 cases = f->cases_per_row * (r->weight ? (u32)r->weight : 100) / 100 * scale / 100;
      for (int k = 0; k < count; k++)
        for (u32 n = 0; n < (cases ? cases : 1); n++)
          if (!capture_case(r, index, f->environment, sizes[k])) break;
    }
  }
  put8(0);
  fflush(stdout);
  fprintf(stderr, "%s: %u cases, %u faults, %u attempts rejected (%u for partial stores)\n", f->name,
          case_index, faults, rejected, partial_writes);
}

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "--families")) {
    for (u32 i = 0; i < family_count; i++) puts(families[i].name);
    return 0;
  }
  if (argc != 4) {
    fprintf(stderr, "usage: capture FAMILY SEED SCALE | capture --families\n");
    return 1;
  }
  harness_start();
  for (u32 i = 0; i < family_count; i++) {
    if (strcmp(families[i].name, argv[1])) continue;
    capture_family(&families[i], (u32)strtoul(argv[2], 0, 0), (u32)strtoul(argv[3], 0, 0));
    return 0;
  }
  fprintf(stderr, "no family %s\n", argv[1]);
  return 1;
}
