/**
 * Shadow RAM: what the CPU finds at C0000h..FFFFFh, where ROM and RAM lie behind each other. The host bridge's PAM
 * registers choose, for every 16 KiB (64 KiB at F0000h), where reads and writes go:
 *
 *   reads  writes                        page flag
 *   ROM    nowhere   after power-on      Rom, the ROM's bytes in place
 *   RAM    nowhere   write protected     Rom, the RAM's bytes in place
 *   RAM    RAM                           Ram
 *   ROM    RAM       while copying       Device, the ROM's bytes in place: stores come here over the bus
 *
 * "In place" means in linear memory at RAM_BASE + physical, where generated code and instruction fetch look; the other
 * one of the two is kept aside here. Source: Intel 82441FX (PMC) datasheet, 3.2.18 (PAM).
 */
import { PageFlag } from '../runtime/memory-map.ts'
import type { CodeCache } from '../runtime/code-cache.ts'
import type { Core } from '../runtime/core.ts'
import type { Bus, Device, DeviceState } from './devices/device.ts'
import type { ShadowRegion } from './devices/pci-chipset.ts'
import { restore, snapshot } from './devices/state.ts'
import { markPages } from './physical-map.ts'

/** The addresses concerned. */
export const SHADOW_FIRST = 0xc0000
export const SHADOW_END = 0x100000
const REGION_BYTES = 0x4000
const REGIONS = (SHADOW_END - SHADOW_FIRST) / REGION_BYTES
/** What a ROM socket without a ROM reads as. */
const OPEN_BUS = 0xff

const READS_RAM = 1
const WRITES_RAM = 2

export interface ShadowMemoryOptions {
  readonly core: Core
  readonly cache: CodeCache
  readonly bus: Bus
}

export class ShadowMemory implements Device {
  readonly name = 'shadow'
  private readonly core: Core
  private readonly cache: CodeCache
  /** The C0000h..FFFFFh of guest RAM's place in linear memory. */
  private readonly inPlace: Uint8Array
  private readonly registers = {
    /** READS_RAM and WRITES_RAM of each region. */
    access: new Uint8Array(REGIONS),
    /** ROM where RAM is in place, and RAM where ROM is. */
    aside: new Uint8Array(SHADOW_END - SHADOW_FIRST),
  }

  constructor({ core, cache, bus }: ShadowMemoryOptions) {
    this.core = core
    this.cache = cache
    this.inPlace = core.ram.subarray(SHADOW_FIRST, SHADOW_END)
    this.inPlace.fill(OPEN_BUS)
    this.markAll()
    bus.claimMemory(SHADOW_FIRST, SHADOW_END - 1, {
      read8: address => this.inPlace[address - SHADOW_FIRST],
      write8: (address, value) => {
        if (this.access(address) === WRITES_RAM) this.registers.aside[address - SHADOW_FIRST] = value
      },
    })
  }

  /** Puts a ROM at a physical address within C0000h..FFFFFh; bytes beyond are dropped. */
  installRom(physical: number, rom: Uint8Array): void {
    rom.forEach((byte, i) => {
      const offset = physical + i - SHADOW_FIRST
      if (offset < 0 || offset >= SHADOW_END - SHADOW_FIRST) return
      const place = this.access(physical + i) & READS_RAM ? this.registers.aside : this.inPlace
      place[offset] = byte
    })
    this.cache.written(physical, rom.length)
  }

  /** Obeys the host bridge. Between instructions only: the TLB is emptied. */
  select({ first, last, readRam, writeRam }: ShadowRegion): void {
    const access = (readRam ? READS_RAM : 0) | (writeRam ? WRITES_RAM : 0)
    for (let region = (first - SHADOW_FIRST) / REGION_BYTES; SHADOW_FIRST + region * REGION_BYTES <= last; region++)
      this.setAccess(region, access)
    this.core.exports.flushTlb(true)
  }

  /** Fills the RAM with zeros, be it in place or aside. */
  clearRam(): void {
    const { access, aside } = this.registers
    access.forEach((bits, region) => {
      const ram = bits & READS_RAM ? this.inPlace : aside
      ram.fill(0, region * REGION_BYTES, (region + 1) * REGION_BYTES)
    })
    this.cache.written(SHADOW_FIRST, SHADOW_END - SHADOW_FIRST)
  }

  /** ROM everywhere. What RAM holds stays. */
  reset(): void {
    this.select({ first: SHADOW_FIRST, last: SHADOW_END - 1, readRam: false, writeRam: false })
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  /** Restores what lies aside; what lies in place comes back with RAM. */
  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
    this.markAll()
  }

  private access(physical: number): number {
    return this.registers.access[Math.floor((physical - SHADOW_FIRST) / REGION_BYTES)]
  }

  private setAccess(region: number, access: number): void {
    const { registers } = this
    if ((registers.access[region] ^ access) & READS_RAM) this.exchange(region)
    registers.access[region] = access
    this.mark(region)
  }

  private exchange(region: number): void {
    const start = region * REGION_BYTES
    const shown = this.inPlace.slice(start, start + REGION_BYTES)
    this.inPlace.set(this.registers.aside.subarray(start, start + REGION_BYTES), start)
    this.registers.aside.set(shown, start)
    this.cache.written(SHADOW_FIRST + start, REGION_BYTES)
  }

  private mark(region: number): void {
    const access = this.registers.access[region]
    const flag = access === WRITES_RAM ? PageFlag.Device : access & WRITES_RAM ? PageFlag.Ram : PageFlag.Rom
    markPages(this.core, SHADOW_FIRST + region * REGION_BYTES, SHADOW_FIRST + (region + 1) * REGION_BYTES, flag)
  }

  private markAll(): void {
    for (let region = 0; region < REGIONS; region++) this.mark(region)
    this.core.exports.flushTlb(true)
  }
}
