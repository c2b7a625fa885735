/**
 * What a BIOS does to PCI before it boots, for boots without one: assigns BARs, routes and enables interrupts,
 * switches decoding, power management and shadow RAM on. It works through the ports, like any guest.
 *
 *     setUpPci(bus, { pmBase: PM_IO_BASE })      // from here on C0000h..FFFFFh is RAM, for the tables
 *     protectShadow(bus)                         // from here on it is read-only
 */
import type { AccessSize } from './device.ts'
import {
  CHIPSET_SLOT, PAM_FIRST, PAM_LAST, PIRQ_ROUTE, PM_BASE, PM_MISC, PM_MISC_IO_ENABLE, POWER_FUNCTION,
} from './pci-chipset.ts'
import { IDE_TIMING, IDE_TIMING_ENABLE } from './ide.ts'
import { PCI_COMMAND_IO, PCI_COMMAND_MEMORY, PciRegister } from './pci-function.ts'
import { pirqOf } from './pci.ts'

/** The IRQ each PIRQ is routed to. */
export const PCI_IRQS = [10, 10, 11, 11]
/** Where firmware puts the power management registers. */
export const PM_IO_BASE = 0x600
/** The last address of PCI memory; interrupt controllers and the BIOS lie above it. */
export const PCI_MEMORY_LAST = 0xfebfffff

const SCI_IRQ = 9
const IDE_FUNCTION = 1
const PCI_MEMORY_LOWEST = 0x80000000
const PCI_MEMORY_ALIGNMENT = 0x10000000
/** BARs are assigned from here on, above what any RAM size leaves to PCI. */
const MEMORY_BARS_FIRST = 0xe0000000
const IO_BARS_FIRST = 0xc000
const IO_BARS_LAST = 0xffff
const PORT_ADDRESS = 0xcf8
const PORT_DATA = 0xcfc
const ADDRESS_ENABLE = 0x80000000
const ELCR_SLAVE = 0x4d1
const BARS = 6
const NOBODY = 0xffff
const MULTI_FUNCTION = 0x80
const HOST_BRIDGE_SLOT = 0
/** Both regions of a PAM register: reads from RAM, writes to RAM. */
const PAM_RAM = 0x33
const PAM_READ_ONLY = 0x11

/** The CPU's side of the bus. */
export interface PortAccess {
  readPort(port: number, size: AccessSize): number
  writePort(port: number, size: AccessSize, value: number): void
}

/** The first address that may belong to PCI memory on a machine with that much RAM. */
export function pciMemoryFirst(memoryBytes: number): number {
  return Math.max(PCI_MEMORY_LOWEST, Math.ceil(memoryBytes / PCI_MEMORY_ALIGNMENT) * PCI_MEMORY_ALIGNMENT)
}

/** Configures all functions of bus 0. Devices whose BARs do not fit stay unassigned. */
export function setUpPci(bus: PortAccess, options: { pmBase: number }): void {
  const space = new ConfigurationSpace(bus)
  const free = { io: IO_BARS_FIRST, memory: MEMORY_BARS_FIRST }
  PCI_IRQS.forEach((irq, pirq) => {
    space.write(CHIPSET_SLOT, 0, PIRQ_ROUTE + pirq, 8, irq)
  })
  setShadow(space, PAM_RAM)
  space.write(CHIPSET_SLOT, POWER_FUNCTION, PM_BASE, 32, options.pmBase | 1)
  space.write(CHIPSET_SLOT, POWER_FUNCTION, PM_MISC, 8, PM_MISC_IO_ENABLE)
  for (const timing of [IDE_TIMING, IDE_TIMING + 2])
    space.write(CHIPSET_SLOT, IDE_FUNCTION, timing, 16, IDE_TIMING_ENABLE << 8)
  for (let slot = 0; slot < 32; slot++) {
    const multi = space.read(slot, 0, PciRegister.HeaderType, 8) & MULTI_FUNCTION
    for (let func = 0; func < (multi ? 8 : 1); func++) {
      if (space.read(slot, func, PciRegister.VendorId, 16) !== NOBODY) setUpFunction(space, slot, func, free)
    }
  }
  space.write(CHIPSET_SLOT, POWER_FUNCTION, PciRegister.InterruptLine, 8, SCI_IRQ)
  let levels = 1 << (SCI_IRQ - 8)
  for (const irq of PCI_IRQS) levels |= 1 << (irq - 8)
  bus.writePort(ELCR_SLAVE, 8, bus.readPort(ELCR_SLAVE, 8) | levels)
}

/** Makes C0000h..FFFFFh read-only RAM, once the firmware's tables are there. */
export function protectShadow(bus: PortAccess): void {
  setShadow(new ConfigurationSpace(bus), PAM_READ_ONLY)
}

function setShadow(space: ConfigurationSpace, access: number): void {
  for (let register = PAM_FIRST; register <= PAM_LAST; register++) space.write(HOST_BRIDGE_SLOT, 0, register, 8, access)
}

interface FreeSpace { io: number, memory: number }

function setUpFunction(space: ConfigurationSpace, slot: number, func: number, free: FreeSpace): void {
  let decode = 0
  for (let n = 0; n < BARS; n++) {
    const offset = PciRegister.Bar0 + 4 * n
    const before = space.read(slot, func, offset, 32)
    space.write(slot, func, offset, 32, 0xffffffff)
    const probe = space.read(slot, func, offset, 32)
    space.write(slot, func, offset, 32, before)
    const isIo = (probe & 1) !== 0
    const mask = isIo ? (probe & 0xfffc) | 0xffff0000 : probe & ~0xf
    if (probe === 0 || mask === 0) continue
    const size = (~mask + 1) >>> 0
    const kind = isIo ? 'io' : 'memory'
    const place = Math.ceil(free[kind] / size) * size
    if (place + size - 1 > (isIo ? IO_BARS_LAST : PCI_MEMORY_LAST)) continue
    free[kind] = place + size
    space.write(slot, func, offset, 32, place)
    decode |= isIo ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY
  }
  const command = space.read(slot, func, PciRegister.Command, 16)
  space.write(slot, func, PciRegister.Command, 16, command | decode)
  const pin = space.read(slot, func, PciRegister.InterruptPin, 8)
  if (pin >= 1 && pin <= 4) space.write(slot, func, PciRegister.InterruptLine, 8, PCI_IRQS[pirqOf(slot, pin)])
}

class ConfigurationSpace {
  private readonly bus: PortAccess

  constructor(bus: PortAccess) {
    this.bus = bus
  }

  read(slot: number, func: number, offset: number, size: AccessSize): number {
    this.select(slot, func, offset)
    return this.bus.readPort(PORT_DATA + (offset & 3), size)
  }

  write(slot: number, func: number, offset: number, size: AccessSize, value: number): void {
    this.select(slot, func, offset)
    this.bus.writePort(PORT_DATA + (offset & 3), size, value >>> 0)
  }

  private select(slot: number, func: number, offset: number): void {
    this.bus.writePort(PORT_ADDRESS, 32, (ADDRESS_ENABLE | (slot << 11) | (func << 8) | (offset & 0xfc)) >>> 0)
  }
}
