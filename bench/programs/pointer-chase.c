/* A linked list in random order over 4 MB, and a binary tree: each address waits for the load before it. */
#include "bench.h"

const char bench_name[] = "pointer-chase";

enum { NODES = 262144, STEPS = 6000000, KEYS = 100000 };
struct node { struct node *next; u32 value; u32 spare[2]; };
struct branch { struct branch *child[2]; u32 key; u32 spare; };
static struct node nodes[NODES];
static struct branch branches[KEYS];

u32 bench_round(void) {
  u32 seed = 13, checksum = CHECKSUM_SEED;
  for (u32 i = 0; i < NODES; i++) {
    nodes[i].next = &nodes[i];
    nodes[i].value = i;
  }
  /* Sattolo's shuffle gives one cycle through all nodes. */
  for (u32 i = NODES - 1; i > 0; i--) {
    u32 j = next_random(&seed) % i;
    struct node *held = nodes[i].next;
    nodes[i].next = nodes[j].next;
    nodes[j].next = held;
  }
  const struct node *at = nodes;
  u32 sum = 0;
  for (u32 step = 0; step < STEPS; step++) {
    sum += at->value ^ step;
    at = at->next;
  }
  checksum = fold(checksum, sum);

  struct branch *root = &branches[0];
  *root = (struct branch){{0, 0}, 0x80000000u, 0};
  for (u32 i = 1; i < KEYS; i++) {
    u32 key = next_random(&seed);
    branches[i] = (struct branch){{0, 0}, key, 0};
    struct branch *parent = root;
    for (;;) {
      struct branch **child = &parent->child[key > parent->key];
      if (!*child) {
        *child = &branches[i];
        break;
      }
      parent = *child;
    }
  }
  u32 depth = 0;
  for (u32 i = 0; i < KEYS * 2; i++) {
    u32 key = i & 1 ? branches[i / 2].key : next_random(&seed);
    for (struct branch *b = root; b && b->key != key; b = b->child[key > b->key]) depth++;
  }
  return fold(checksum, depth);
}
