/* Long integers: MUL and ADC chains, digits of e and a 4096-bit product; the flag CF is used by every step. */
#include "bench.h"

const char bench_name[] = "bignum";

enum { DIGITS = 2400, WORDS = 128, PASSES = 1200 };
static u32 remainders[DIGITS + 8];
static u32 left[WORDS], right[WORDS], product[WORDS * 2];

/* Sum and carry by the CPU's own ADC; compilers do not find it in C. */
static NOINLINE u32 add_words(u32 *to, const u32 *from, u32 words) {
  u32 carry = 0, index = 0;
  __asm__ volatile("clc\n"
                   "1:\tmov (%[from],%[index],4), %%eax\n\tadc %%eax, (%[to],%[index],4)\n"
                   "\tinc %[index]\n\tdec %[words]\n\tjnz 1b\n\tsetc %b[carry]"
                   : [index] "+r"(index), [words] "+r"(words), [carry] "+q"(carry)
                   : [to] "r"(to), [from] "r"(from)
                   : "eax", "memory", "cc");
  return carry;
}

static NOINLINE void multiply(void) {
  memset(product, 0, sizeof product);
  for (u32 i = 0; i < WORDS; i++) {
    u32 carry = 0;
    for (u32 j = 0; j < WORDS; j++) {
      u64 sum = (u64)left[i] * right[j] + product[i + j] + carry;
      product[i + j] = (u32)sum;
      carry = sum >> 32;
    }
    product[i + WORDS] = carry;
  }
}

/* Spigot for e in factorial base. */
static NOINLINE u32 digits_of_e(u32 checksum) {
  for (u32 i = 0; i < LENGTH(remainders); i++) remainders[i] = 1;
  for (u32 digit = 0; digit < DIGITS; digit += 4) {
    u32 carry = 0;
    for (u32 i = LENGTH(remainders) - 1; i > 0; i--) {
      u32 value = remainders[i] * 10000 + carry;
      carry = value / (i + 1);
      remainders[i] = value % (i + 1);
    }
    checksum = fold(checksum, carry);
  }
  return checksum;
}

u32 bench_round(void) {
  u32 seed = 37, checksum = digits_of_e(CHECKSUM_SEED);
  for (u32 i = 0; i < WORDS; i++) {
    left[i] = next_random(&seed);
    right[i] = next_random(&seed);
  }
  for (u32 pass = 0; pass < PASSES; pass++) {
    multiply();
    memcpy(left, product + WORDS / 2, sizeof left);
    checksum = fold(checksum, add_words(left, right, WORDS));
    checksum = fold(checksum, left[pass % WORDS]);
    right[0] |= 1;
  }
  return checksum;
}
