/* Backtracking: n queens by bit masks, and a Sudoku by brute force; recursion with branches that depend on data. */
#include "bench.h"

const char bench_name[] = "queens";

enum { SIDE = 12, SUDOKUS = 7 };

static u32 place(u32 columns, u32 left, u32 right) {
  u32 full = (1u << SIDE) - 1, solutions = 0;
  if (columns == full) return 1;
  for (u32 free = full & ~(columns | left | right); free;) {
    u32 queen = free & -free;
    free ^= queen;
    solutions += place(columns | queen, (left | queen) << 1, (right | queen) >> 1);
  }
  return solutions;
}

static const char puzzle[] =
  "..............3.85..1.2.......5.7.....4...1...9.......5......73..2.1........4...9";
static u8 cells[81];
static u32 tried;

static int allowed(u32 cell, u8 digit) {
  u32 row = cell / 9, column = cell % 9, corner = row / 3 * 27 + column / 3 * 3;
  for (u32 i = 0; i < 9; i++)
    if (cells[row * 9 + i] == digit || cells[i * 9 + column] == digit || cells[corner + i / 3 * 9 + i % 3] == digit)
      return 0;
  return 1;
}

/* Stops after a fixed number of trials: the puzzle is chosen to be hard for this order of search. */
static int solve(u32 cell, u32 limit) {
  while (cell < 81 && cells[cell]) cell++;
  if (cell == 81) return 1;
  for (u8 digit = 1; digit <= 9; digit++) {
    if (++tried >= limit) return 1;
    if (!allowed(cell, digit)) continue;
    cells[cell] = digit;
    if (solve(cell + 1, limit)) return 1;
    cells[cell] = 0;
  }
  return 0;
}

u32 bench_round(void) {
  u32 checksum = fold(CHECKSUM_SEED, place(0, 0, 0));
  for (u32 pass = 1; pass <= SUDOKUS; pass++) {
    for (u32 i = 0; i < 81; i++) cells[i] = puzzle[i] == '.' ? 0 : puzzle[i] - '0';
    tried = 0;
    checksum = fold(checksum, solve(0, pass * 100000));
    for (u32 i = 0; i < 81; i++) checksum = fold(checksum, cells[i]);
  }
  return checksum;
}
