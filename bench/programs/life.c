/* Conway's Life, 32 cells to a word: a carry-save adder of AND, OR, XOR and shifts over a grid. */
#include "bench.h"

const char bench_name[] = "life";

enum { WORDS = 16, ROWS = 512, GENERATIONS = 360 };
static u32 grids[2][ROWS][WORDS];

static NOINLINE void step(u32 (*next)[WORDS], u32 (*now)[WORDS]) {
  for (u32 row = 0; row < ROWS; row++) {
    u32 *above = now[(row + ROWS - 1) % ROWS], *here = now[row], *below = now[(row + 1) % ROWS];
    for (u32 word = 0; word < WORDS; word++) {
      u32 west = (word + WORDS - 1) % WORDS, east = (word + 1) % WORDS;
      u32 neighbours[8] = {
        above[word] << 1 | above[west] >> 31, above[word], above[word] >> 1 | above[east] << 31,
        here[word] << 1 | here[west] >> 31, here[word] >> 1 | here[east] << 31,
        below[word] << 1 | below[west] >> 31, below[word], below[word] >> 1 | below[east] << 31
      };
      u32 ones = 0, twos = 0, fours = 0;
      for (u32 i = 0; i < 8; i++) {
        u32 carry = ones & neighbours[i];
        ones ^= neighbours[i];
        fours |= twos & carry;
        twos ^= carry;
      }
      next[row][word] = twos & ~fours & (ones | here[word]);
    }
  }
}

u32 bench_round(void) {
  u32 seed = 31, checksum = CHECKSUM_SEED;
  for (u32 row = 0; row < ROWS; row++)
    for (u32 word = 0; word < WORDS; word++) grids[0][row][word] = next_random(&seed);
  for (u32 generation = 0; generation < GENERATIONS; generation++)
    step(grids[~generation & 1], grids[generation & 1]);
  for (u32 row = 0; row < ROWS; row++)
    for (u32 word = 0; word < WORDS; word++) checksum = fold(checksum, grids[GENERATIONS & 1][row][word]);
  return checksum;
}
