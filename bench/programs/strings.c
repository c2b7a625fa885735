/* String work a byte at a time: length, search, compare, split into words, numbers to text and back. */
#include "bench.h"

const char bench_name[] = "strings";

enum { TEXT_BYTES = 64 * 1024, PASSES = 150, NUMBERS = 240000 };
static char text[TEXT_BYTES + 1];

static NOINLINE u32 length(const char *s) {
  const char *end = s;
  while (*end) end++;
  return end - s;
}

static NOINLINE const char *find(const char *s, const char *word) {
  for (; *s; s++) {
    u32 i = 0;
    while (word[i] && s[i] == word[i]) i++;
    if (!word[i]) return s;
  }
  return 0;
}

static NOINLINE u32 count_words(const char *s, u32 *hash) {
  u32 words = 0, inside = 0, h = *hash;
  for (; *s; s++) {
    if (*s == ' ' || *s == '\n') {
      inside = 0;
    } else {
      if (!inside) words++;
      inside = 1;
      h = h * 31 + (*s >= 'a' && *s <= 'z' ? *s - 32 : *s);
    }
  }
  *hash = h;
  return words;
}

static NOINLINE char *print_decimal(char *end, u32 value) {
  *--end = 0;
  do *--end = '0' + value % 10;
  while (value /= 10);
  return end;
}

static NOINLINE u32 parse_decimal(const char *s) {
  u32 value = 0;
  for (; *s; s++) value = value * 10 + (*s - '0');
  return value;
}

static NOINLINE void reverse(char *s, u32 bytes) {
  for (char *end = s + bytes - 1; s < end; s++, end--) {
    char held = *s;
    *s = *end;
    *end = held;
  }
}

u32 bench_round(void) {
  static const char alphabet[] = "etaoin shrdlu cmfwyp vbgkqjxz\n";
  u32 seed = 5, checksum = CHECKSUM_SEED, hash = 0;
  for (u32 i = 0; i < TEXT_BYTES; i++) text[i] = alphabet[next_random(&seed) % (LENGTH(alphabet) - 1)];
  text[TEXT_BYTES] = 0;
  for (u32 pass = 0; pass < PASSES; pass++) {
    checksum = fold(checksum, length(text));
    const char *found = find(text, "tabpc");
    checksum = fold(checksum, found ? found - text : 0);
    checksum = fold(checksum, count_words(text, &hash));
    u32 hits = 0;
    for (const char *at = text; (at = find(at, "eta")); at++) hits++;
    checksum = fold(checksum, hits);
    reverse(text, TEXT_BYTES);
  }
  for (u32 i = 0; i < NUMBERS; i++) {
    char digits[12];
    u32 value = next_random(&seed);
    checksum = fold(checksum, parse_decimal(print_decimal(digits + sizeof digits, value)) ^ hash);
  }
  return checksum;
}
