/* Fresh memory: maps, touches and unmaps pages, so that page faults, page tables and TLB flushes dominate. */
#include "bench.h"

const char bench_name[] = "page-faults";

enum { PAGE_BYTES = 4096, PAGES = 512, PASSES = 20, STRIDE_PASSES = 40 };

u32 bench_round(void) {
  u32 checksum = CHECKSUM_SEED;
  for (u32 pass = 0; pass < PASSES; pass++) {
    u8 *pages = map_pages(PAGES * PAGE_BYTES, 0);
    for (u32 page = 0; page < PAGES; page++) {
      u32 *words = (u32 *)(pages + page * PAGE_BYTES);
      checksum = fold(checksum, words[page & 1023]);
      words[page & 1023] = page * pass;
    }
    /* More pages than a TLB holds, in an order that no neighbour helps with. */
    for (u32 stride = 0; stride < STRIDE_PASSES; stride++)
      for (u32 page = stride & 7; page < PAGES; page += 8) {
        u32 *words = (u32 *)(pages + (page * 37 & (PAGES - 1)) * PAGE_BYTES);
        words[stride] += page;
      }
    checksum = fold(checksum, *(u32 *)(pages + pass * PAGE_BYTES + 4 * (pass & 31)));
    unmap_pages(pages, PAGES * PAGE_BYTES);
  }
  return checksum;
}
