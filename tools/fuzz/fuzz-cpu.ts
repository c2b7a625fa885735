/**
 * The CPU of random programs: core.wasm, its code cache and, for one of the two, compiled regions. It is made once and
 * used for one program after another, since making a core takes longer than running a program.
 *
 *   reset -> the program is written into RAM, registers are set -> run(piece) … -> reset
 */
import { type Compiler, RegionManager } from '../../jit/region-manager.ts'
import { RecordWriter } from '../../jit/record-writer.ts'
import { Core } from '../../runtime/core.ts'
import { ExitReason } from '../../runtime/exits.ts'
import {
  MISS_PROFILE_BASE,
  MISS_PROFILE_ENTRIES,
  MISS_PROFILE_ENTRY_BYTES,
  RAM_BASE,
  RECORD_BYTES,
  TARGET_PROFILE_BASE,
  TARGET_PROFILE_ROW_BYTES,
  TARGET_PROFILE_ROWS,
} from '../../runtime/memory-map.ts'
import { Eflags } from '../../runtime/state.ts'
import { resetProcessor } from '../../src/cpu-reset.ts'
import { loadAssets } from '../../src/node/machine.ts'
import { openRam } from '../../src/physical-map.ts'
import { LastingCodeCache } from './lasting-records.ts'
import { RAM_BYTES, TIMER_VECTOR } from './layout.ts'

/** Folds a number into a digest. */
function fold(digest: number, value: number): number {
  return (Math.imul(digest, 0x01000193) ^ value) | 0
}

/** Most instructions until an event that a device asks for. */
const SOON = 0xff

/** How code is compiled for a program. */
export interface Compilation {
  readonly compiler: Compiler
  /** Entries by jump after which a run is compiled. */
  readonly heatThreshold: number
}

export class FuzzCpu {
  readonly core: Core
  readonly cache: LastingCodeCache
  regions: RegionManager | undefined
  /** Accesses to ports and device memory so far: how many, and a digest of what they were. */
  accesses = 0
  accessDigest = 0
  private readonly writer: RecordWriter
  /** Instructions retired before the current call of `run`, and those it was given. */
  private retiredBefore = 0
  private given = 0

  constructor() {
    const assets = loadAssets()
    this.core = Core.create(assets.core, RAM_BYTES, {
      readDevice: (physical, bits) => this.access(physical ^ bits, 0),
      writeDevice: (physical, bits, value) => void this.access(physical ^ (bits << 8), value),
      readPort: (port, bits) => this.access(port ^ (bits << 16), 0),
      writePort: (port, bits, value) => void this.access(port ^ (bits << 24), value),
      codeWritten: (physical, bytes) => this.cache.written(physical, bytes),
      timestamp: () => this.retired,
      random: () => this.retired,
    })
    this.cache = new LastingCodeCache(this.core, assets.handlers.special)
    this.writer = new RecordWriter(this.core, this.cache, assets.handlers)
    openRam(this.core)
  }

  /** Instructions retired since `reset`; exact at every access to a device. */
  get retired(): number {
    return this.retiredBefore + this.given - this.core.get('remaining')
  }

  /**
   * A device access: notes it and when it was, and gives what a device might answer. Now and then the device wants an
   * interrupt at once, or something to happen in a few instructions, as a timer does that is programmed.
   */
  private access(what: number, value: number): number {
    this.accesses++
    this.accessDigest = fold(fold(fold(this.accessDigest, what), value), this.retired)
    const answer = this.accessDigest >>> 0
    if (((answer >>> 24) & 3) === 0) this.raiseTimer()
    if (((answer >>> 26) & 3) === 0) this.stopWithin(answer & SOON)
    return answer
  }

  /** Instructions left to `stepThrough`, the one that is executing included; undefined outside it. */
  private left: number | undefined

  /** Makes the current call of `run` end in at most `count` instructions: an event is due then (Machine.shortenBudget). */
  private stopWithin(count: number): void {
    const { core } = this
    // The step that is under way ends as well: an access may be followed by a fault, which is no instruction.
    if (this.left !== undefined) this.left = Math.min(this.left, count)
    const excess = core.get('remaining') - count
    if (excess <= 0) return
    this.given -= excess
    core.set('remaining', core.get('remaining') - excess)
    core.set('remainingCut', core.get('remainingCut') + excess)
  }

  /** Power-on: nothing in RAM, nothing decoded, nothing compiled; what is under way from before is ignored. */
  reset(compilation?: Compilation): void {
    const { core, cache } = this
    this.regions?.dispose()
    this.regions = undefined
    cache.flush()
    core.ram.fill(0)
    core.bytes.fill(0, MISS_PROFILE_BASE, MISS_PROFILE_BASE + MISS_PROFILE_ENTRIES * MISS_PROFILE_ENTRY_BYTES)
    core.bytes.fill(0, TARGET_PROFILE_BASE, TARGET_PROFILE_BASE + TARGET_PROFILE_ROWS * TARGET_PROFILE_ROW_BYTES)
    for (const name of ['interruptLine', 'remaining', 'remainingCut', 'traceCursor', 'fpuOtherPrecision'] as const)
      core.set(name, 0)
    resetProcessor(core)
    core.set('heatThreshold', compilation?.heatThreshold ?? 0)
    if (compilation) this.regions = new RegionManager(core, cache, this.writer, compilation.compiler)
    this.accesses = 0
    this.accessDigest = 0
    this.retiredBefore = 0
    this.given = 0
  }

  /** Writes to RAM as a device does: code there is dropped. */
  write(physical: number, bytes: ArrayLike<number>): void {
    this.core.bytes.set(bytes, RAM_BASE + physical)
    if (bytes.length > 0) this.cache.written(physical, bytes.length)
  }

  /** Puts the records of a region where another that was compiled from the same has them. */
  copyRecords(from: number, to: number): void {
    const bytes = this.cache.handledRecords.countAt(from) * RECORD_BYTES
    this.core.bytes.copyWithin(to, from, from + bytes)
  }

  write32(physical: number, value: number): void {
    this.write(physical, [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24])
  }

  read32(physical: number): number {
    return this.core.words[(RAM_BASE + physical) >> 2]
  }

  /** The timer wants its interrupt from now on, until it is taken. */
  raiseTimer(): void {
    this.core.set('interruptLine', 1)
  }

  /** Delivers the timer's interrupt; false when that ends in a triple fault. */
  private interrupt(): boolean {
    this.core.set('interruptLine', 0)
    return this.core.exports.deliverHardwareInterrupt(TIMER_VECTOR) === 0
  }

  /** Ends a HLT if the timer can; else false. */
  private wake(): boolean {
    const { core } = this
    if (core.get('interruptLine') === 0 || (core.get('eflags') & Eflags.IF) === 0) return false
    core.set('halted', 0)
    return true
  }

  /** Runs exactly `count` instructions, or fewer until HLT, shutdown or an event of a device; why it stopped. */
  run(count: number): ExitReason {
    const { core } = this
    this.given = count
    core.set('remaining', count)
    core.set('remainingCut', 0)
    const reason = core.get('halted') !== 0 && !this.wake() ? ExitReason.Halt : this.leave()
    this.retiredBefore += this.given - core.get('remaining')
    this.given = core.get('remaining')
    return reason
  }

  /**
   * As `run`, but one instruction at a time, and with nothing remembered between two of them: no translation, no place
   * of code. The slow way to the same end.
   */
  stepThrough(count: number): ExitReason {
    this.left = count
    let reason = ExitReason.Budget
    while (this.left > 0 && reason === ExitReason.Budget) {
      this.core.exports.flushTlb(true)
      const before = this.retired
      reason = this.run(1)
      this.left -= this.retired - before
    }
    this.left = undefined
    return reason
  }

  /** Lets the core run until it has a reason to stop for good. */
  private leave(): ExitReason {
    const { core } = this
    for (;;) {
      const reason = core.exports.run() as ExitReason
      if (reason === ExitReason.Decode) {
        this.writer.translate(core.get('exitArgument') >>> 0)
        core.exports.cancelStep()
      } else if (reason === ExitReason.Hot) this.regions?.hot(core.get('exitArgument') >>> 0)
      else if (reason === ExitReason.Interrupt) {
        if (!this.interrupt()) return ExitReason.TripleFault
      } else if (reason !== ExitReason.Halt || !this.wake()) return reason
    }
  }
}
