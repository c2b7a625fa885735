/**
 * What the service of a random program does, called once a round: it takes pages away, maps them elsewhere, clears
 * their accessed and dirty bits, flushes the TLB, changes control registers and writes code. Each action is done in
 * some rounds only.
 */
import { Cr0, Cr4, Gpr } from '../../runtime/state.ts'
import { type Item, type Label, type Piece, word32 } from './assembly.ts'
import { Arithmetic, at, toMemory } from './encode.ts'
import { Entry, type Environment, entryLinear, otherSpace, twinOf } from './environment.ts'
import { gamePages, invalidate } from './handlers.ts'
import {
  CODE, CODE_BYTES, DATA, DATA_BYTES, DATA_POINTER, DEMAND_PAGES, DEMAND_PHYSICAL, PAGE, PROGRAM_BYTES, ROUNDS, TWIN_PHYSICAL,
} from './layout.ts'
import type { Random } from './random.ts'

const CR3 = 3
const MOVES_PAGE = ~(PAGE - 1)

/** mov eax, crN; op eax, bits; mov crN, eax. */
function changeControl(register: number, op: Arithmetic, bits: number): Piece[] {
  return [
    0x0f,
    0x20,
    0xc0 | (register << 3),
    0x81,
    0xc0 | (op << 3) | Gpr.Eax,
    ...word32(bits),
    0x0f,
    0x22,
    0xc0 | (register << 3),
  ]
}

/** One action on page tables. */
function pageAction(random: Random, environment: Environment): Piece[] {
  const linear = random.pick(gamePages(environment))
  const demandPage = () => environment.demand + PAGE * random.below(DEMAND_PAGES)
  const twin = twinOf(environment)
  const entry = entryLinear(environment, linear)
  // What is not global goes with a change of CR3 as well.
  const forget = (page: number) => (random.oneIn(2) ? invalidate(page) : flushAll())
  switch (random.below(10)) {
    case 0:
    case 1:
      return [
        ...toMemory(Arithmetic.And, entryLinear(environment, demandPage()), ~Entry.Present),
        ...invalidate(linear),
        ...flushAll(),
      ]
    case 2: {
      const bits = random.pick([Entry.Writable, Entry.Writable | Entry.Dirty, Entry.User])
      const page = demandPage()
      // or dword [page], 0: the handlers may use the page while the program may not.
      return [
        ...toMemory(Arithmetic.And, entryLinear(environment, page), ~bits),
        ...invalidate(page),
        ...(bits === Entry.User ? toMemory(Arithmetic.Or, page, 0) : []),
      ]
    }
    case 3:
      return [...toMemory(Arithmetic.And, entry, ~(Entry.Accessed | Entry.Dirty)), ...invalidate(linear)]
    case 4:
      return [
        ...toMemory(Arithmetic.Xor, entryLinear(environment, twin), TWIN_PHYSICAL[0] ^ TWIN_PHYSICAL[1]),
        ...forget(twin),
      ]
    case 5: {
      // The physical page of another: of a demand page, of code, or of data.
      const to = random.pick([
        DEMAND_PHYSICAL + PAGE * random.below(DEMAND_PAGES),
        CODE + PAGE * random.below(2),
        CODE + CODE_BYTES,
      ])
      const page = demandPage()
      const place = entryLinear(environment, page)
      return [
        ...toMemory(Arithmetic.And, place, ~MOVES_PAGE),
        ...toMemory(Arithmetic.Or, place, to),
        ...invalidate(page),
      ]
    }
    case 6: {
      if (environment.paging !== 'small') return flushAll()
      const pages = random.oneIn(2) ? 3 : PROGRAM_BYTES / PAGE
      const page = environment.alias + CODE + PAGE * random.below(pages)
      return [
        ...toMemory(
          Arithmetic.And,
          entryLinear(environment, page, 'alias'),
          ~random.pick([Entry.Present, Entry.User, Entry.Accessed, Entry.Writable]),
        ),
        ...forget(page),
      ]
    }
    case 7: {
      if (environment.paging !== 'small') return flushAll()
      // Data that programs use all the time: where it has been written is to be noted again.
      const page = DATA + PAGE * random.below(DATA_BYTES / PAGE)
      const bits = random.oneIn(2) ? Entry.Dirty : Entry.Dirty | Entry.Accessed
      return [...toMemory(Arithmetic.And, entryLinear(environment, page, 'low'), ~bits), ...invalidate(page)]
    }
    case 8:
      return environment.global ? changeControl(4, Arithmetic.Xor, Cr4.PGE) : flushAll()
    default:
      if (environment.spaces && random.oneIn(2)) return changeControl(CR3, Arithmetic.Xor, otherSpace(environment))
      return random.oneIn(2) ? changeControl(0, Arithmetic.Xor, Cr0.WP) : flushAll()
  }
}

/** mov eax, cr3; mov cr3, eax. */
function flushAll(): Piece[] {
  return [0x0f, 0x20, 0xc0 | (CR3 << 3), 0x0f, 0x22, 0xc0 | (CR3 << 3)]
}

/** inc byte ss:[a patchable instruction], from the handlers. */
function patch(place: Piece): Piece[] {
  return [0x36, 0xfe, at(0, 0)[0], place]
}

const DEBUG_LENGTH_4 = 3
const DEBUG_READS_WRITES = 3

/** What a kernel switches now and then: x87 and SSE are taken away, RDTSC is forbidden, a breakpoint is set. */
function unitAction(random: Random, environment: Environment): Piece[] {
  switch (random.below(5)) {
    case 0:
      return changeControl(4, Arithmetic.Xor, Cr4.TSD)
    case 1: {
      // mov eax, address; mov dr0, eax; mov eax, control; mov dr7, eax: of data, for reads and writes, or none
      const address = DATA_POINTER + 4 * (random.below(64) - 32)
      const fields = (DEBUG_LENGTH_4 << 18) | ((random.oneIn(2) ? 1 : DEBUG_READS_WRITES) << 16)
      const control = environment.breakpoints && random.oneIn(2) ? 0x402 | fields : 0x400
      return [0xb8, ...word32(address), 0x0f, 0x23, 0xc0, 0xb8, ...word32(control), 0x0f, 0x23, 0xf8]
    }
    default:
      return changeControl(0, Arithmetic.Or, Cr0.TS)
  }
}

/** Actions, each behind a test of the round's number. `patchable` are references to bytes of code that may change. */
export function services(
  random: Random,
  environment: Environment,
  patchable: readonly Piece[],
  label: () => Label,
): Item[] {
  const items: Item[] = []
  for (let n = random.below(7); n > 0; n--) {
    const paged = environment.paging !== 'off' && !(patchable.length > 0 && random.oneIn(3))
    const units = random.oneIn(5) || (!paged && patchable.length === 0)
    const action = units
      ? unitAction(random, environment)
      : paged
        ? pageAction(random, environment)
        : patch(random.pick(patchable))
    const over = label()
    // test dword ss:[ROUNDS], bits; jne over
    const bits = random.pick([1, 2, 3, 4, 6, 7])
    items.push({
      labels: [],
      code: [0x36, 0xf7, ...at(0, ROUNDS), ...word32(bits), 0x0f, 0x85, { label: over, relative: true, plus: 0 }, ...action],
    })
    items.push({ labels: [over], code: [] })
  }
  return items
}
