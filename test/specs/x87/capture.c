/*
 * Captures what a real x87 does. Usage: capture SEED COUNT SET > records
 *
 * SET is "arithmetic" (everything exactly defined), "ordinary" (the same under the control words that most programs
 * run with) or "transcendental". Each record is one instruction run from a random
 * register stack, control word and memory operand, with what it left behind. Little-endian, packed; vectors.ts reads it.
 * Build: gcc -O2 -o /tmp/capture test/specs/x87/capture.c   (x86-64 Linux)
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#pragma pack(push, 1)
struct value { u64 sig; u16 se; };
struct record {
  u8 opcode, modrm, pad;
  u8 tags;                       /* abridged, by physical register */
  u16 control, status, flags;
  struct value st0, st1, memory;
  u16 control_after, status_after, tags_after, flags_after;
  struct value before, top, behind; /* physical TOP-1, TOP, TOP+1 of the initial TOP */
  struct value memory_after;
};
struct image { u32 control, status, tag, ip, cs, dp, ds; struct value st[8]; };
#pragma pack(pop)

/* The control word after FNINIT, and the one with 53 bits that some systems run with. */
#define CONTROL_INITIAL 0x037f
#define CONTROL_DOUBLE 0x027f

/* The modrm of memory forms names [rdx]. */
#define M(reg) (0x02 | (reg) << 3)

static const u8 arithmetic[][2] = {
  {0xd8,0xc1},{0xd8,0xc9},{0xd8,0xe1},{0xd8,0xe9},{0xd8,0xf1},{0xd8,0xf9},
  {0xdc,0xc1},{0xdc,0xc9},{0xdc,0xe1},{0xdc,0xe9},{0xdc,0xf1},{0xdc,0xf9},
  {0xde,0xc1},{0xde,0xc9},{0xde,0xe1},{0xde,0xe9},{0xde,0xf1},{0xde,0xf9},
  {0xd8,M(0)},{0xd8,M(1)},{0xd8,M(4)},{0xd8,M(5)},{0xd8,M(6)},{0xd8,M(7)},
  {0xdc,M(0)},{0xdc,M(1)},{0xdc,M(4)},{0xdc,M(5)},{0xdc,M(6)},{0xdc,M(7)},
  {0xda,M(0)},{0xda,M(1)},{0xda,M(4)},{0xda,M(5)},{0xda,M(6)},{0xda,M(7)},
  {0xde,M(0)},{0xde,M(1)},{0xde,M(4)},{0xde,M(5)},{0xde,M(6)},{0xde,M(7)},
  {0xd8,0xd1},{0xd8,0xd9},{0xde,0xd9},{0xdd,0xe1},{0xdd,0xe9},{0xda,0xe9},
  {0xdb,0xf1},{0xdf,0xf1},{0xdb,0xe9},{0xdf,0xe9},
  {0xd8,M(2)},{0xd8,M(3)},{0xdc,M(2)},{0xdc,M(3)},{0xda,M(2)},{0xda,M(3)},{0xde,M(2)},{0xde,M(3)},
  {0xd9,0xe4},{0xd9,0xe5},{0xd9,0xfa},{0xd9,0xfc},{0xd9,0xfd},{0xd9,0xf8},{0xd9,0xf5},{0xd9,0xf4},{0xd9,0xe0},{0xd9,0xe1},
  {0xd9,M(0)},{0xdd,M(0)},{0xdb,M(5)},{0xdf,M(0)},{0xdb,M(0)},{0xdf,M(5)},{0xdf,M(4)},
  {0xd9,0xc1},{0xd9,0xe8},{0xd9,0xe9},{0xd9,0xea},{0xd9,0xeb},{0xd9,0xec},{0xd9,0xed},{0xd9,0xee},{0xd9,0xc9},
  {0xd9,M(2)},{0xd9,M(3)},{0xdd,M(2)},{0xdd,M(3)},{0xdb,M(7)},{0xdf,M(2)},{0xdf,M(3)},{0xdb,M(2)},{0xdb,M(3)},{0xdf,M(7)},
  {0xdf,M(6)},{0xdf,M(1)},{0xdb,M(1)},{0xdd,M(1)},{0xdd,0xd1},{0xdd,0xd9},
  {0xdd,0xc1},{0xdf,0xc1},{0xd9,0xf7},{0xd9,0xf6},{0xd9,0xd0},
  {0xda,0xc1},{0xda,0xc9},{0xda,0xd1},{0xda,0xd9},{0xdb,0xc1},{0xdb,0xc9},{0xdb,0xd1},{0xdb,0xd9},
  {0xdb,0xe2},{0xdb,0xe3},{0xd9,M(5)},{0xd9,M(7)},{0xdd,M(7)},
};
static const u8 transcendental[][2] = {
  {0xd9,0xf0},{0xd9,0xf1},{0xd9,0xf2},{0xd9,0xf3},{0xd9,0xf9},{0xd9,0xfb},{0xd9,0xfe},{0xd9,0xff},
};

static u64 state;
static u64 random64(void) {
  state ^= state << 13; state ^= state >> 7; state ^= state << 17;
  return state * 0x2545f4914f6cdd1dull;
}
static u32 below(u32 n) { return (u32)((random64() >> 32) % n); }

/* A significand with patterns at the places where rounding happens. */
static u64 pattern(void) {
  u64 r = random64();
  switch (below(9)) {
    case 0: return r << below(64);
    case 1: return (r << 40) | (random64() >> 63 << 39);
    case 2: return (r << 11) | (random64() >> 63 << 10);
    case 3: return ~0ull << below(64);
    case 4: return (1ull << below(64)) | (1ull << below(64));
    case 5: return ~((1ull << below(64)) | (1ull << below(64)));
    case 6: return (r << 40) | below(3) | (u64)below(3) << 39;
    case 7: return (r << 11) | below(3) | (u64)below(3) << 10;
    default: return r;
  }
}

static struct value special(void) {
  u64 top = 1ull << 63, quiet = 1ull << 62;
  u16 sign = below(2) << 15;
  struct value v = {0, sign};
  switch (below(12)) {
    case 0: case 1: break;
    case 2: case 3: v.sig = top; v.se |= 0x7fff; break;
    case 4: v.sig = top | quiet | (pattern() >> 2); v.se |= 0x7fff; break;
    case 5: v.sig = top | (pattern() >> 2) | 1; v.se |= 0x7fff; break;
    case 6: v.sig = pattern() >> 1; v.se |= 0x7fff; break;           /* pseudo-NaN, pseudo-infinity */
    case 7: v.sig = pattern() >> 1; v.se |= 1 + below(0x7ffe); break; /* unnormal */
    case 8: v.sig = pattern() >> (1 + below(63)); break;              /* denormal */
    case 9: v.sig = pattern() | top; break;                           /* pseudo-denormal */
    case 10: v.sig = top; v.se |= 0x3fff; break;
    default: v.sig = 0xc000000000000000ull; v.se = 0xffff; break;
  }
  return v;
}

static struct value operand(const struct value *other) {
  struct value v;
  u32 kind = below(20);
  u16 sign = below(2) << 15;
  if (kind < 3) return special();
  if (kind == 3) { v.sig = random64(); v.se = (u16)random64(); return v; }
  v.sig = pattern() | 1ull << 63;
  if (kind < 8) v.se = 0x3fff - 70 + below(140);
  else if (kind == 8) v.se = 1 + below(80);
  else if (kind == 9) v.se = 0x7ffe - below(80);
  else if (kind == 10) v.se = 0x1fff + below(100);
  else if (kind == 11) v.se = 0x5fff - below(100);
  else if (kind == 12) { /* small integers and halves */
    u64 n = 1 + below(2000); int shift = __builtin_clzll(n);
    v.sig = n << shift; v.se = 0x3fff + 63 - shift - below(3);
  } else if (kind < 17 && other && (other->se & 0x7fff) > 70 && (other->se & 0x7fff) < 0x7f00) {
    v.se = (other->se & 0x7fff) - 67 + below(134);
    if (kind == 13) { v.sig = (other->sig + below(5) - 2) | 1ull << 63; v.se = (other->se & 0x7fff) - 1 + below(3); }
  } else v.se = 0x3fff - 20 + below(40);
  v.se |= sign;
  return v;
}

static u32 float32(void) {
  u32 sign = (u32)below(2) << 31, fraction = (u32)(pattern() >> 41);
  switch (below(8)) {
    case 0: return sign | (below(2) ? 0x7f800000 : 0);
    case 1: return sign | 0x7f800000 | fraction;
    case 2: return sign | fraction >> below(23);
    case 3: return (u32)random64();
    default: return sign | (u32)(127 - 20 + below(40)) << 23 | fraction;
  }
}
static u64 float64(void) {
  u64 sign = (u64)below(2) << 63, fraction = pattern() >> 12;
  switch (below(8)) {
    case 0: return sign | (below(2) ? 0x7ffull << 52 : 0);
    case 1: return sign | 0x7ffull << 52 | fraction;
    case 2: return sign | fraction >> below(52);
    case 3: return random64();
    default: return sign | (u64)(1023 - 70 + below(140)) << 52 | fraction;
  }
}
static u64 integer(int bits) {
  u64 r = below(4) ? random64() >> below(64) : (u64)0;
  if (below(2)) r = -r;
  if (!below(16)) r = 1ull << (bits - 1);
  return r;
}
static struct value decimal(void) {
  struct value v = {0, 0};
  for (int i = 0; i < 16; i++) v.sig = v.sig << 4 | below(10);
  v.se = below(2) << 15 | below(128) << 8 | below(10) << 4 | below(10);
  if (!below(4)) v.sig >>= below(64), v.se &= 0xff00;
  return v;
}

static struct value memory_operand(u8 opcode, u8 modrm, const struct value *other) {
  struct value v = {random64(), (u16)random64()};
  u8 reg = modrm >> 3 & 7;
  if (modrm >= 0xc0) return v;
  if (opcode == 0xd8 || (opcode == 0xd9 && reg == 0)) v.sig = float32();
  else if (opcode == 0xdc || (opcode == 0xdd && reg == 0)) v.sig = float64();
  else if (opcode == 0xdb && reg == 5) v = operand(other);
  else if (opcode == 0xdf && reg == 4) v = decimal();
  else if (opcode == 0xda || opcode == 0xdb) v.sig = integer(32);
  else if (opcode == 0xde || (opcode == 0xdf && reg != 5)) v.sig = integer(16);
  else if (opcode == 0xdf) v.sig = integer(64);
  return v;
}

/* Operands that reach the interesting edges of single instructions. */
static void aim(struct record *r) {
  u8 o = r->opcode, m = r->modrm, reg = m >> 3 & 7;
  u16 sign = below(2) << 15;
  int magnitude;
  if (below(4) == 0) return;
  if (m < 0xc0 && o == 0xd9 && (reg == 2 || reg == 3)) r->st0.se = sign | (0x3fff - 155 + (below(2) ? below(40) : 245 + below(45)));
  else if (m < 0xc0 && o == 0xdd && (reg == 2 || reg == 3)) r->st0.se = sign | (0x3fff - 1080 + (below(2) ? below(70) : 2070 + below(70)));
  else if (m < 0xc0 && (o == 0xdf || o == 0xdb || o == 0xdd) && (reg == 1 || reg == 2 || reg == 3 || reg == 6 || reg == 7))
    r->st0.se = sign | (0x3fff - 3 + below(70));
  else if (o == 0xd9 && m == 0xfc) r->st0.se = sign | (0x3fff - 3 + below(70));
  else if (o == 0xd9 && m == 0xfd) {
    r->st1.se = sign | (0x3fff - 2 + below(19)); r->st1.sig = pattern() | 1ull << 63;
  } else if (o == 0xd9 && (m == 0xf8 || m == 0xf5) && below(2)) {
    r->st1.sig = pattern() | 1ull << 63; r->st1.se = 0x3fff + below(200); r->st0.se = sign | (r->st1.se + below(140) - 4);
  } else if (o == 0xd9 && m == 0xfa) r->st0.se &= below(8) ? 0x7fff : 0xffff;
  else if (o == 0xd9 && m == 0xf0) { r->st0.se = sign | (0x3ffe - below(70)); if (!below(9)) r->st0.se |= 0x3fff, r->st0.sig = 1ull << 63; }
  else if (o == 0xd9 && m == 0xf1) { r->st0.se = below(2) ? 0x3fff - 3 + below(6) : 1 + below(0x7ffe); r->st0.sig |= 1ull << 63; }
  else if (o == 0xd9 && m == 0xf9) { /* |x| < 1 - sqrt(1/2) */
    r->st0.se = sign | (0x3ffd - below(66)); if ((r->st0.se & 0x7fff) == 0x3ffd) r->st0.sig = 1ull << 63 | random64() >> 4;
  } else if (o == 0xd9 && m == 0xf3) {
    magnitude = 0x3fff - 40 + below(80);
    r->st1.se = sign | magnitude; r->st0.se = below(2) << 15 | (magnitude - 70 + below(140));
    r->st0.sig |= 1ull << 63; r->st1.sig |= 1ull << 63;
  } else if (o == 0xd9 && (m == 0xf2 || m >= 0xfb)) {
    r->st0.se = sign | (0x3fff - 70 + below(136)); r->st0.sig |= 1ull << 63;
  }
}

int main(int argc, char **argv) {
  if (argc != 4) { fprintf(stderr, "usage: capture SEED COUNT arithmetic|ordinary|transcendental\n"); return 1; }
  int ordinary = !strcmp(argv[3], "ordinary"), exact = ordinary || !strcmp(argv[3], "arithmetic");
  u64 count = strtoull(argv[2], 0, 10);
  u32 operations = exact ? sizeof arithmetic / 2 : sizeof transcendental / 2;
  state = strtoull(argv[1], 0, 10) * 0x9e3779b97f4a7c15ull | 1;
  for (int i = 0; i < 20; i++) random64();
  /* push rcx; popfq; frstor [rdi]; OP; pushfq; pop rax; fnsave [rsi]; ret */
  static const u8 frame[] = {0x51, 0x9d, 0xdd, 0x27, 0, 0, 0x9c, 0x58, 0xdd, 0x36, 0xc3};
  u8 *code = mmap(0, operations * 16, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (u32 i = 0; i < operations; i++) {
    memcpy(code + i * 16, frame, sizeof frame);
    memcpy(code + i * 16 + 4, exact ? arithmetic[i] : transcendental[i], 2);
  }
  for (u64 n = 0; n < count; n++) {
    u32 operation = (u32)(n % operations);
    struct record r;
    memset(&r, 0, sizeof r);
    r.opcode = code[operation * 16 + 4];
    r.modrm = code[operation * 16 + 5];
    u32 top = below(8);
    r.st0 = operand(0);
    r.st1 = operand(&r.st0);
    r.memory = memory_operand(r.opcode, r.modrm, &r.st0);
    aim(&r);
    r.control = (below(5) < 3 ? 0x3f : below(64)) | (below(3) ? 3 : below(4)) << 8 | below(4) << 10 | 0x40;
    if (ordinary && below(16)) r.control = below(4) ? CONTROL_INITIAL : CONTROL_DOUBLE;
    r.status = (u16)((random64() & 0x4740) | (random64() & r.control & 0x3f & -(u64)below(2)) | top << 11);
    r.tags = (u8)random64();
    if (below(8)) { r.tags |= 1 << top | 1 << ((top + 1) & 7); r.tags &= ~(1 << ((top + 7) & 7)); }
    r.flags = (u16)(random64() & 0xc5);
    struct image in, out;
    memset(&in, 0, sizeof in);
    in.control = r.control; in.status = r.status;
    for (int i = 0; i < 8; i++) in.tag |= (r.tags >> i & 1 ? 0 : 3) << (2 * i);
    for (int i = 0; i < 8; i++) { in.st[i].sig = 0x8765432112345678ull + i; in.st[i].se = 0x4000 + i; }
    in.st[0] = r.st0; in.st[1] = r.st1;
    u8 memory[16]; memset(memory, 0, 16); memcpy(memory, &r.memory, 10);
    u64 flags = ((u64 (*)(void *, void *, void *, u64))(code + operation * 16))(&in, &out, memory, r.flags | 0x202);
    r.control_after = out.control; r.status_after = out.status; r.tags_after = out.tag; r.flags_after = flags & 0x8d5;
    u32 top_after = out.status >> 11 & 7;
    r.before = out.st[(top - 1 - top_after) & 7];
    r.top = out.st[(top - top_after) & 7];
    r.behind = out.st[(top + 1 - top_after) & 7];
    memcpy(&r.memory_after, memory, 10);
    fwrite(&r, sizeof r, 1, stdout);
  }
  return 0;
}
