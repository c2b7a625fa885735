/* The families: one vector file each. Environments: harness.h. */
#include "rows_families.h"
#include "harness.h"
#include "families.h"

#define ALL(name) { name##_rows, &name##_row_count }

const family families[] = {
  { "arithmetic", { ALL(arithmetic) }, ENV_FLAT32, 200 },
  { "multiply", { ALL(multiply) }, ENV_FLAT32, 250 },
  { "shift", { ALL(shift) }, ENV_FLAT32, 250 },
  { "bit", { ALL(bit) }, ENV_FLAT32, 250 },
  { "move", { ALL(move) }, ENV_FLAT32, 250 },
  { "string", { ALL(string) }, ENV_FLAT32, 250 },
  { "stack", { ALL(stack) }, ENV_FLAT32, 250 },
  { "branch", { ALL(branch) }, ENV_FLAT32, 250 },
  { "fault", { ALL(fault) }, ENV_FLAT32, 100 },
  { "segment", { ALL(segment) }, ENV_FLAT32, 250 },
  { "code16", { ALL(arithmetic), ALL(multiply), ALL(shift), ALL(bit), ALL(move), ALL(string), ALL(stack), ALL(branch),
                ALL(segment) }, ENV_CODE16, 50 },
  { "mmx", { ALL(mmx) }, ENV_FLAT32, 100, 1 },
  { "sse", { ALL(sse) }, ENV_FLAT32, 150, 1 },
  { "sse2", { ALL(sse2) }, ENV_FLAT32, 150, 1 },
  { "sse3", { ALL(sse3) }, ENV_FLAT32, 150, 1 },
  { "ssse3", { ALL(ssse3) }, ENV_FLAT32, 150, 1 },
  { "sse41", { ALL(sse41) }, ENV_FLAT32, 150, 1 },
  { "sse42", { ALL(sse42) }, ENV_FLAT32, 200, 1 },
  { "aes", { ALL(aes) }, ENV_FLAT32, 150, 1 },
  { "x87", { ALL(x87) }, ENV_FLAT32, 150, 1 },
  { "vector16", { ALL(x87), ALL(mmx), ALL(sse), ALL(sse2) }, ENV_CODE16, 12, 1 },
};
const u32 family_count = sizeof families / sizeof *families;
