/* AES-128 (FIPS 197) in counter mode, by bytes: S-box look-ups, byte extraction, multiplication in GF(2^8). */
#include "bench.h"

const char bench_name[] = "aes";

enum { BLOCKS = 66000, ROUNDS = 10 };
static u8 sbox[256];
static u8 keys[(ROUNDS + 1) * 16];

static u8 twice(u8 x) {
  return x << 1 ^ (x & 0x80 ? 0x1b : 0);
}

static void make_sbox(void) {
  u8 p = 1, q = 1;
  do {
    p ^= twice(p);
    q ^= q << 1, q ^= q << 2, q ^= q << 4;
    if (q & 0x80) q ^= 0x09;
    u8 x = q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4);
    sbox[p] = x ^ 0x63;
  } while (p != 1);
  sbox[0] = 0x63;
}

static void expand_key(const u8 *key) {
  u8 constant = 1;
  memcpy(keys, key, 16);
  for (u32 i = 16; i < sizeof keys; i += 4) {
    u8 word[4] = {keys[i - 4], keys[i - 3], keys[i - 2], keys[i - 1]};
    if (i % 16 == 0) {
      u8 first = word[0];
      word[0] = sbox[word[1]] ^ constant, word[1] = sbox[word[2]], word[2] = sbox[word[3]], word[3] = sbox[first];
      constant = twice(constant);
    }
    for (u32 j = 0; j < 4; j++) keys[i + j] = keys[i - 16 + j] ^ word[j];
  }
}

static NOINLINE void encrypt(u8 *block) {
  u8 state[16];
  for (u32 i = 0; i < 16; i++) block[i] ^= keys[i];
  for (u32 round = 1; round <= ROUNDS; round++) {
    for (u32 i = 0; i < 16; i++) state[i] = sbox[block[(i + (i & 3) * 4) & 15]];
    for (u32 column = 0; column < 16; column += 4) {
      u8 *s = state + column;
      if (round < ROUNDS) {
        u8 all = s[0] ^ s[1] ^ s[2] ^ s[3], first = s[0];
        s[0] ^= all ^ twice(s[0] ^ s[1]);
        s[1] ^= all ^ twice(s[1] ^ s[2]);
        s[2] ^= all ^ twice(s[2] ^ s[3]);
        s[3] ^= all ^ twice(s[3] ^ first);
      }
    }
    for (u32 i = 0; i < 16; i++) block[i] = state[i] ^ keys[round * 16 + i];
  }
}

u32 bench_round(void) {
  static const u8 key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
  u32 checksum = CHECKSUM_SEED;
  make_sbox();
  expand_key(key);
  for (u32 counter = 0; counter < BLOCKS; counter++) {
    u8 block[16] = {0};
    block[12] = counter >> 24, block[13] = counter >> 16, block[14] = counter >> 8, block[15] = counter;
    encrypt(block);
    for (u32 i = 0; i < 16; i += 4) checksum = fold(checksum, block[i] | block[i + 1] << 8 | block[i + 2] << 16);
  }
  return checksum;
}
