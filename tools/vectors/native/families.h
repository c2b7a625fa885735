/* A family of rows: one vector file, captured in one environment. */
#ifndef TABPC_FAMILIES_H
#define TABPC_FAMILIES_H
#include "rows.h"

#define MAX_ROW_SETS 10

typedef struct {
  const char *name;
  struct { const row *rows; const u32 *count; } sets[MAX_ROW_SETS];
  int environment;
  u32 cases_per_row; /* and operand size, at scale 100 */
  int extended;      /* cases have vector and x87 state */
} family;

extern const family families[];
extern const u32 family_count;
#endif
