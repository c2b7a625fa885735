/**
 * A region: blocks of guest code that are compiled into one wasm function, entered at one place.
 *
 *   discovery.ts finds the blocks -> structure.ts orders them into loops and nested blocks -> backends/region.ts
 *
 * Places are linear addresses. In flat 32-bit code those are offsets in CS; of all other code `segmentation` says
 * what to subtract.
 */
import type { Instruction } from '../decode/instruction.ts'
import type { Lowering } from './lowering-choice.ts'
import type { Segmentation } from './segmentation.ts'

/** One instruction of a region. */
export interface RegionInstruction {
  /** Linear address. */
  readonly eip: number
  readonly instruction: Instruction
  readonly lowering: Lowering
  /** Whether its accesses often miss the TLB, or are not plain RAM. */
  readonly misses: boolean
}

/** How a block ends. */
export type BlockEnd =
  /** Falls into, or jumps to, `target`. */
  | { readonly kind: 'jump'; readonly target: number }
  /** The last instruction is Jcc, LOOPcc or JCXZ. */
  | { readonly kind: 'branch'; readonly taken: number; readonly next: number }
  /** The last instruction is a direct CALL. */
  | { readonly kind: 'call'; readonly target: number; readonly back: number }
  /** The last instruction is RET; `sites` are the return addresses that it is compared with. */
  | { readonly kind: 'return'; readonly sites: readonly number[] }
  /** The last instruction is an indirect JMP or CALL; `targets` are where it has been seen to go. */
  | { readonly kind: 'indirect'; readonly site: number; readonly targets: readonly number[] }
  /** The last instruction is carried out by its handler, which goes anywhere. */
  | { readonly kind: 'transfer' }
  /** The instruction at `eip` is left to the interpreter. */
  | { readonly kind: 'interpret'; readonly eip: number }

/** A block of straight-line code; `instructions` includes the one that ends it. May be empty only for 'interpret'. */
export interface Block {
  readonly eip: number
  readonly instructions: readonly RegionInstruction[]
  readonly end: BlockEnd
  /** Blocks of this region that control may go to, by linear address. */
  readonly successors: readonly number[]
}

/** A page of code as it was when the region was discovered. */
export interface CodePage {
  /** Linear address of the page. */
  readonly linear: number
  /** Physical address of the page. */
  readonly physical: number
  readonly bytes: Uint8Array
}

export interface Region {
  readonly entry: number
  /** ModeBit flags that the code was compiled for. */
  readonly mode: number
  /** Absent for flat 32-bit code. */
  readonly segmentation?: Segmentation
  /** By linear address; the entry is among them. */
  readonly blocks: ReadonlyMap<number, Block>
  /** Instructions in all blocks: the most that can run between two looks at the budget. */
  readonly instructions: number
  /** The instructions that call their handlers, each with a record of its own, in the order of the records. */
  readonly handled: readonly RegionInstruction[]
  /** Linear spans [start, end) of the code bytes. */
  readonly spans: readonly (readonly [number, number])[]
}
