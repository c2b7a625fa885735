/**
 * A CPU without a PC: core.wasm, its code cache and the record writer, with RAM and nothing else. Specs and vector
 * engines build page tables, descriptors and code in it, then run some instructions.
 *
 *   physical 0x5000  page directory, then page tables as `map` needs them
 */
import type { Instruction } from '../../jit/decode/instruction.ts'
import { compile } from '../../jit/compile.ts'
import { RegionManager } from '../../jit/region-manager.ts'
import { RecordWriter } from '../../jit/record-writer.ts'
import { CodeCache } from '../../runtime/code-cache.ts'
import { Core } from '../../runtime/core.ts'
import { ExitReason } from '../../runtime/exits.ts'
import { PAGE_BYTES, PAGE_SHIFT, RAM_BASE } from '../../runtime/memory-map.ts'
import { Segment } from '../../runtime/state.ts'
import { resetProcessor } from '../../src/cpu-reset.ts'
import { loadAssets } from '../../src/node/machine.ts'
import { openRam } from '../../src/physical-map.ts'

/** Page-table entry bits (SDM vol. 3, table 4-6), accessed and dirty set. */
export enum Page {
  Absent = 0,
  Supervisor = 0x63,
  SupervisorReadOnly = 0x61,
  UserReadOnly = 0x65,
  User = 0x67,
}

const PAGE_DIRECTORY = 0x5000
const PAGE_DIRECTORY_ENTRY = 0x67
const TABLE_SHIFT = 22
const TABLE_INDEX_MASK = 0x3ff

/** What a segment register caches; `access` as in the state field `segmentAccess`. */
export interface SegmentCache {
  readonly selector: number
  readonly base: number
  readonly limit: number
  readonly access: number
}

/** Set, everything is compiled the first time it is entered by a jump: `TABPC_JIT=1 npx vitest run …`. */
const FORCE_JIT = 'TABPC_JIT'

export class TestCpu {
  private forced: RegionManager | undefined
  readonly core: Core
  readonly cache: CodeCache
  /** Accesses to ports and device memory, as text. */
  readonly deviceAccesses: string[] = []
  protected readonly writer: RecordWriter
  private freeTable = PAGE_DIRECTORY + PAGE_BYTES

  /** A CPU after reset with `ramBytes` of RAM. */
  constructor(ramBytes = 1 << 20) {
    const assets = loadAssets()
    this.core = Core.create(assets.core, ramBytes, {
      readDevice: physical => this.noteAccess(`read ${physical.toString(16)}`),
      writeDevice: (physical, _bits, value) => this.noteAccess(`write ${physical.toString(16)} ${value.toString(16)}`),
      readPort: port => this.noteAccess(`in ${port.toString(16)}`),
      writePort: (port, _bits, value) => this.noteAccess(`out ${port.toString(16)} ${value.toString(16)}`),
      codeWritten: (physical, bytes) => this.cache.written(physical, bytes),
      timestamp: () => 0,
      random: () => 0x5eed,
    })
    this.cache = new CodeCache(this.core, assets.handlers.special)
    this.writer = new RecordWriter(this.core, this.cache, assets.handlers)
    openRam(this.core)
    if (process.env[FORCE_JIT]) {
      this.forced = new RegionManager(this.core, this.cache, this.writer, compile)
      this.core.set('heatThreshold', 1)
    }
    resetProcessor(this.core)
  }

  private noteAccess(text: string): number {
    this.deviceAccesses.push(text)
    return 0
  }

  /** Writes bytes to RAM and drops the code that they replace. */
  write(physical: number, bytes: ArrayLike<number>): void {
    this.core.bytes.set(bytes, RAM_BASE + physical)
    if (bytes.length > 0) this.cache.written(physical, bytes.length)
  }

  write32(physical: number, value: number): void {
    this.write(physical, [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24])
  }

  read8(physical: number): number {
    return this.core.bytes[RAM_BASE + physical]
  }

  read32(physical: number): number {
    return this.core.words[(RAM_BASE + physical) >> 2]
  }

  /** Maps `pages` pages at `linear` to `physical`. `setCr3` afterwards makes it take effect. */
  map(linear: number, physical: number, entry: Page, pages = 1): void {
    for (let i = 0; i < pages; i++) {
      const page = (linear >>> PAGE_SHIFT) + i
      const directoryEntry = PAGE_DIRECTORY + ((page * PAGE_BYTES) >>> TABLE_SHIFT) * 4
      if (this.read32(directoryEntry) === 0) {
        this.write32(directoryEntry, this.freeTable | PAGE_DIRECTORY_ENTRY)
        this.freeTable += PAGE_BYTES
      }
      const table = this.read32(directoryEntry) & ~(PAGE_BYTES - 1)
      this.write32(table + (page & TABLE_INDEX_MASK) * 4, (physical + i * PAGE_BYTES) | entry)
    }
  }

  /** Uses the page tables that `map` has made, from nothing in the TLB. */
  setCr3(): void {
    this.core.set('cr3', PAGE_DIRECTORY)
    this.core.exports.flushTlb(true)
  }

  /** Fills the cached part of a segment register; `updateMode` belongs behind the last one. */
  setSegment(segment: Segment, { selector, base, limit, access }: SegmentCache): void {
    const { core } = this
    core.set('segmentSelector', selector, segment)
    core.set('segmentBase', base | 0, segment)
    core.set('segmentLimit', limit | 0, segment)
    core.set('segmentAccess', access, segment)
  }

  /** Writes the record of an instruction at a linear address that a region hands to its handler. */
  writeRecord(record: number, instruction: Instruction, linear: number): void {
    this.writer.writeAlone(record, instruction, linear, this.core.get('mode'), this.core.get('segmentBase', Segment.Cs))
  }

  /** Takes a run that has become hot; there are none unless a subclass or the environment asks for them. */
  protected hot(record: number): void {
    this.forced?.hot(record)
  }

  /** Runs up to `instructions` instructions, decoding what is cold; the reason why it stopped. */
  run(instructions: number): ExitReason {
    const { core } = this
    core.set('remaining', instructions)
    core.set('remainingCut', 0)
    for (;;) {
      const reason = core.exports.run() as ExitReason
      if (reason === ExitReason.Hot) {
        this.hot(core.get('exitArgument') >>> 0)
        continue
      }
      if (reason === ExitReason.Review) continue
      if (reason !== ExitReason.Decode) return reason
      this.writer.translate(core.get('exitArgument') >>> 0)
      core.exports.cancelStep()
    }
  }
}
