/* An open-addressed hash table that grows, with inserts, look-ups and deletes over a few megabytes. */
#include "bench.h"

const char bench_name[] = "hash-map";

enum { FIRST_SLOTS = 1024, LAST_SLOTS = 262144, OPERATIONS = 4400000 };
struct slot { u32 key, value; };
static struct slot tables[2][LAST_SLOTS];
static struct slot *slots;
static u32 capacity, used;

static u32 mix(u32 key) {
  key ^= key >> 16;
  key *= 0x85ebca6b;
  key ^= key >> 13;
  key *= 0xc2b2ae35;
  return key ^ key >> 16;
}

static NOINLINE struct slot *find(u32 key) {
  u32 at = mix(key) & (capacity - 1);
  while (slots[at].key && slots[at].key != key) at = (at + 1) & (capacity - 1);
  return &slots[at];
}

static NOINLINE void grow(void) {
  struct slot *old = slots;
  u32 old_capacity = capacity;
  slots = slots == tables[0] ? tables[1] : tables[0];
  capacity *= 2;
  memset(slots, 0, capacity * sizeof *slots);
  for (u32 i = 0; i < old_capacity; i++)
    if (old[i].key) *find(old[i].key) = old[i];
}

/* Deletes by moving later entries of the run back over the hole. */
static NOINLINE void erase(struct slot *hole) {
  u32 empty = hole - slots;
  for (u32 at = (empty + 1) & (capacity - 1); slots[at].key; at = (at + 1) & (capacity - 1)) {
    u32 home = mix(slots[at].key) & (capacity - 1);
    if (((at - home) & (capacity - 1)) >= ((at - empty) & (capacity - 1))) {
      slots[empty] = slots[at];
      empty = at;
    }
  }
  slots[empty].key = 0;
  used--;
}

u32 bench_round(void) {
  u32 seed = 29, checksum = CHECKSUM_SEED, hits = 0;
  slots = tables[0];
  capacity = FIRST_SLOTS;
  used = 0;
  memset(slots, 0, capacity * sizeof *slots);
  for (u32 i = 0; i < OPERATIONS; i++) {
    u32 random = next_random(&seed);
    u32 key = (random >> 3) % 150000 + 1;
    struct slot *slot = find(key);
    if ((random & 7) == 0) {
      if (slot->key) erase(slot);
    } else if (slot->key) {
      slot->value += random;
      hits++;
    } else {
      *slot = (struct slot){key, random};
      if (++used * 4 > capacity * 3) grow();
    }
  }
  for (u32 i = 0; i < capacity; i++)
    if (slots[i].key) checksum += fold(slots[i].key, slots[i].value);
  return fold(fold(checksum, hits), used);
}
