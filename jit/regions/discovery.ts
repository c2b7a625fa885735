/**
 * Finds the blocks of a region from a hot entry: along direct jumps, both ways of branches, into callees and on
 * behind calls, across pages, up to a bound, but not along jumps that are hardly ever taken. What is left out becomes
 * an exit.
 */
import { CpuModel } from '../../runtime/cpu-models.ts'
import { PAGE_BYTES } from '../../runtime/memory-map.ts'
import { ModeBit } from '../../runtime/state.ts'
import { isAbsent } from '../cpu-features.ts'
import { decode } from '../decode/decoder.ts'
import type { Instruction } from '../decode/instruction.ts'
import { normalise } from '../normalise.ts'
import { isRegionX87 } from '../definitions/x87.ts'
import { BRANCHES, isCalled, Lowering, loweringOf } from './lowering-choice.ts'
import { COLD, type CodeProfile, emptyExcerpt, profileFrom } from './profile.ts'
import type { Block, BlockEnd, Region, RegionInstruction } from './region.ts'
import { directTarget, offsetIn, type Segmentation } from './segmentation.ts'
import { usesMmx } from './x87-flow.ts'

/** Instructions in line that end their blocks. */
const ENDERS: ReadonlySet<string> = new Set([...BRANCHES, 'jmp', 'call', 'ret'])

/** Gives the page that a linear address lies in, or undefined when it is not mapped to RAM. */
export type PageSource = (linearPage: number) => Uint8Array | undefined

export interface DiscoveryLimits {
  readonly blocks: number
  readonly instructions: number
}

/** Bounds found by measurement (docs/architecture.md): larger functions reach V8's optimiser too late. */
export const defaultLimits: DiscoveryLimits = { blocks: 64, instructions: 256 }

const LONGEST_BLOCK = 128
/** Functions that an indirect call may have gone to for its region to take them in. */
const MOST_CALLEES = 8
const MAX_INSTRUCTION_BYTES = 15

/** Where a block may begin. */
interface Place {
  readonly eip: number
  /** Entry of the function that it belongs to. */
  readonly owner: number
  /** Of the rarest jump on the way there. */
  readonly rarity: number
}

/** Places by rarity, in the order in which they came. */
class PlaceQueue {
  private readonly levels: Place[][] = Array.from({ length: COLD }, () => [])

  add(place: Place): void {
    this.levels[place.rarity].push(place)
  }

  take(): Place | undefined {
    return this.levels.find(level => level.length > 0)?.shift()
  }
}

class Discovery {
  private readonly decoded = new Map<number, Instruction | null>()
  private readonly lowerings = new Map<Instruction, Lowering>()
  private readonly leaders = new Map<number, number>()
  /** Return addresses by the callee that they belong to. */
  private readonly returnSites = new Map<number, number[]>()
  private readonly pages: PageSource
  private readonly limits: DiscoveryLimits
  private readonly profile: CodeProfile
  private readonly model: CpuModel
  private readonly mode: number
  private readonly segmentation: Segmentation | undefined
  private readonly scratch = new Uint8Array(2 * MAX_INSTRUCTION_BYTES)

  constructor(
    pages: PageSource, limits: DiscoveryLimits, profile: CodeProfile, model: CpuModel, mode: number,
    segmentation: Segmentation | undefined,
  ) {
    this.pages = pages
    this.limits = limits
    this.profile = profile
    this.model = model
    this.mode = mode
    this.segmentation = segmentation
  }

  /** Where a direct branch, jump or call at an instruction that ends before `next` goes. */
  private targetOf(instruction: Instruction, next: number): number | undefined {
    return directTarget(instruction, next, this.segmentation)
  }

  /** Whether an instruction and the place that it names lie within CS: what does not raises an exception. */
  private isWithin(eip: number, instruction: Instruction): boolean {
    const { segmentation } = this
    if (!segmentation) return true
    const target = this.targetOf(instruction, eip + instruction.length)
    const last = offsetIn(segmentation, eip) + instruction.length - 1
    return last <= segmentation.limit && (target === undefined || offsetIn(segmentation, target) <= segmentation.limit)
  }

  /** The instruction at a linear address if the region can hold it, else null. */
  private instructionAt(eip: number): Instruction | null {
    const known = this.decoded.get(eip)
    if (known !== undefined) return known
    const instruction = this.decodeAt(eip)
    const there = instruction && !isAbsent(instruction, this.model)
    const held = there && this.isWithin(eip, instruction)
    const lowered = held && this.loweringOf(instruction) !== Lowering.Leave ? instruction : null
    this.decoded.set(eip, lowered)
    return lowered
  }

  /** As the function of this name, which is asked several times about each instruction. */
  private loweringOf(instruction: Instruction): Lowering {
    const known = this.lowerings.get(instruction)
    if (known !== undefined) return known
    const lowering = loweringOf(instruction, this.mode, this.segmentation)
    this.lowerings.set(instruction, lowering)
    return lowering
  }

  private decodeAt(eip: number): Instruction | null {
    const offset = eip & (PAGE_BYTES - 1)
    const page = this.pages((eip - offset) >>> 0)
    if (!page) return null
    const bits = (this.mode & ModeBit.Code32) !== 0 ? 32 : 16
    let decoded = decode(page, offset, PAGE_BYTES, { bits })
    if (!decoded.ok && decoded.failure === 'truncated') {
      const next = this.pages((eip - offset + PAGE_BYTES) >>> 0)
      if (!next) return null
      const room = PAGE_BYTES - offset
      this.scratch.set(page.subarray(offset))
      this.scratch.set(next.subarray(0, MAX_INSTRUCTION_BYTES), room)
      decoded = decode(this.scratch, 0, room + MAX_INSTRUCTION_BYTES, { bits })
    }
    return decoded.ok ? normalise(decoded.instruction) : null
  }

  /**
   * Decodes from the entry until the bounds, what runs most often first and breadth first among equals; notes where
   * blocks begin and whose function they are.
   */
  explore(entry: number): void {
    const queue = new PlaceQueue()
    queue.add({ eip: entry, owner: entry, rarity: 0 })
    const seen = new Set<number>()
    let instructions = 0
    while (this.leaders.size < this.limits.blocks && instructions < this.limits.instructions) {
      const place = queue.take()
      if (!place) break
      const { eip: start, owner } = place
      if (this.leaders.has(start)) continue
      this.leaders.set(start, owner)
      let eip = start
      for (let i = 0; i < LONGEST_BLOCK && !seen.has(eip); i++) {
        const instruction = this.instructionAt(eip)
        if (!instruction) break
        seen.add(eip)
        instructions++
        const next = (eip + instruction.length) >>> 0
        if (this.follow(eip, instruction, next, place, queue)) break
        eip = next
      }
      // Running into code seen before makes its place a block of its own.
      if (seen.has(eip) && !this.leaders.has(eip) && eip !== start && this.decoded.get(eip)) this.leaders.set(eip, owner)
    }
  }

  /** Queues where an instruction of a place may go; true when it ends its block. */
  private follow(
    eip: number, instruction: Instruction, next: number, { owner, rarity }: Place, queue: PlaceQueue,
  ): boolean {
    const direct = this.targetOf(instruction, next)
    const jump = (to: number, of: number) => {
      // before: both ways of a branch => after: where a jump has hardly ever gone is left out, and becomes an exit.
      // Where an indirect jump was seen to go stays in: its region would otherwise be left, and compiled again, for it.
      const seldom = this.profile.rarity(to)
      const level = Math.max(rarity, direct === undefined ? Math.min(seldom, COLD - 1) : seldom)
      if (level < COLD) queue.add({ eip: to, owner: of, rarity: level })
    }
    if (BRANCHES.has(instruction.mnemonic)) {
      const level = Math.max(rarity, this.profile.passRarity(eip))
      if (level < COLD) queue.add({ eip: next, owner, rarity: level })
      jump(direct as number, owner)
      return true
    }
    const targets = direct !== undefined ? [direct] : this.targetsOf(eip, instruction)
    if (instruction.mnemonic === 'jmp') {
      for (const to of targets) jump(to, owner)
      return true
    }
    if (instruction.mnemonic === 'call') {
      for (const to of targets) {
        const sites = this.returnSites.get(to) ?? []
        if (!sites.includes(next)) this.returnSites.set(to, [...sites, next])
        jump(to, to)
      }
      if (targets.length > 0) queue.add({ eip: next, owner, rarity })
      return true
    }
    return instruction.mnemonic === 'ret' || this.loweringOf(instruction) === Lowering.Transfer
  }

  /** Where an indirect jump or call goes; a call that has gone to many functions is left alone. */
  private targetsOf(site: number, { mnemonic }: Instruction): readonly number[] {
    const targets = this.profile.targetsOf(site)
    return mnemonic === 'call' && targets.length > MOST_CALLEES ? [] : targets
  }

  /** The block at a leader. */
  private block(start: number, owner: number): Block {
    const instructions: RegionInstruction[] = []
    let eip = start
    let end: BlockEnd | undefined
    while (!end) {
      const instruction = this.decoded.get(eip)
      if (!instruction) {
        end = { kind: 'interpret', eip }
        break
      }
      const misses = this.profile.misses(eip)
      const lowering = misses && isRegionX87(instruction) ? Lowering.Handler : this.loweringOf(instruction)
      instructions.push({ eip, instruction, lowering, misses })
      const next = (eip + instruction.length) >>> 0
      end = this.endOf(eip, instruction, next, owner)
      if (!end && (this.leaders.has(next) || instructions.length >= LONGEST_BLOCK)) end = { kind: 'jump', target: next }
      eip = next
    }
    return { eip: start, instructions: withShadows(instructions), end, successors: this.successors(end) }
  }

  private endOf(eip: number, instruction: Instruction, next: number, owner: number): BlockEnd | undefined {
    const target = this.targetOf(instruction, next)
    if (BRANCHES.has(instruction.mnemonic)) return { kind: 'branch', taken: target as number, next }
    const indirect = (): BlockEnd => ({
      kind: 'indirect', site: eip, targets: this.targetsOf(eip, instruction).filter(to => this.leaders.has(to)),
    })
    switch (instruction.mnemonic) {
      case 'jmp': return target === undefined ? indirect() : { kind: 'jump', target }
      case 'call': return target === undefined ? indirect() : { kind: 'call', target, back: next }
      case 'ret': {
        const sites = (this.returnSites.get(owner) ?? []).filter(site => this.leaders.has(site))
        return { kind: 'return', sites: sites.slice(0, MOST_RETURN_SITES) }
      }
      default: return this.loweringOf(instruction) === Lowering.Transfer ? { kind: 'transfer' } : undefined
    }
  }

  private successors(end: BlockEnd): number[] {
    const wanted =
      end.kind === 'jump' || end.kind === 'call' ? [end.target]
      : end.kind === 'branch' ? [end.next, end.taken]
      : end.kind === 'return' ? end.sites
      : end.kind === 'indirect' ? end.targets
      : []
    return [...new Set(wanted)].filter(eip => this.leaders.has(eip) && this.decoded.get(eip))
  }

  /**
   * The region with the blocks that can be reached from the entry. x87 instructions go to their handlers unless
   * `inlineX87`, and where MMX instructions are among the others, which use the same registers in the state.
   */
  build(entry: number, inlineX87: boolean): Region {
    const { mode } = this
    const blocks = this.reach(entry)
    const all = [...blocks.values()]
    if (!inlineX87 || all.some(block => block.instructions.some(({ instruction }) => usesMmx(instruction))))
      for (const block of all) blocks.set(block.eip, withHandledX87(block))
    const settled = [...blocks.values()]
    return {
      entry, mode, blocks, segmentation: this.segmentation,
      instructions: settled.reduce((sum, block) => sum + block.instructions.length, 0),
      handled: settled.flatMap(block => block.instructions.filter(isCalled)),
      spans: settled.filter(block => block.instructions.length > 0).map(spanOf),
    }
  }

  /** The blocks that can be reached from the entry. */
  private reach(entry: number): Map<number, Block> {
    const blocks = new Map<number, Block>()
    const stack = [entry]
    while (stack.length > 0) {
      const eip = stack.pop() as number
      if (blocks.has(eip)) continue
      const block = this.block(eip, this.leaders.get(eip) ?? entry)
      blocks.set(eip, block)
      stack.push(...block.successors)
    }
    return blocks
  }
}

/**
 * A block's instructions with STI in line where the next instruction, which interrupts must not come before, is so
 * and goes on behind itself: the shadow is cast and taken back within the region then.
 */
function withShadows(instructions: readonly RegionInstruction[]): RegionInstruction[] {
  return instructions.map((each, i) => {
    const next = instructions[i + 1]
    const plain = next?.lowering === Lowering.Inline && !ENDERS.has(next.instruction.mnemonic)
    return each.instruction.mnemonic === 'sti' && plain ? { ...each, lowering: Lowering.Inline } : each
  })
}

/** Linear addresses from a block's first byte to the one behind its last. */
function spanOf({ eip, instructions }: Block): readonly [number, number] {
  const last = instructions[instructions.length - 1]
  return [eip, last.eip + last.instruction.length]
}

/** A block whose x87 instructions go to their handlers. */
function withHandledX87(block: Block): Block {
  const settle = (each: RegionInstruction) =>
    each.lowering === Lowering.Inline && isRegionX87(each.instruction) ? { ...each, lowering: Lowering.Handler } : each
  return { ...block, instructions: block.instructions.map(settle) }
}

/** Return addresses that one RET is compared with. */
const MOST_RETURN_SITES = 4

/**
 * The region at `entry` on a CPU of `model`, or undefined when its first instruction is better left to the interpreter.
 * Without a `segmentation` the code is flat 32-bit code. x87 instructions in line are for such code only.
 */
export function discover(
  entry: number, mode: number, pages: PageSource, limits = defaultLimits, profile = profileFrom(emptyExcerpt),
  model = CpuModel.Max, inlineX87 = true, segmentation?: Segmentation,
): Region | undefined {
  const discovery = new Discovery(pages, limits, profile, model, mode, segmentation)
  discovery.explore(entry)
  const region = discovery.build(entry, inlineX87 && !segmentation)
  const first = region.blocks.get(entry)
  return first?.instructions[0] && first.instructions[0].lowering !== Lowering.Transfer ? region : undefined
}
