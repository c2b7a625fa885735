/**
 * The ACPI tables of this PC: RSDP, RSDT, FADT, FACS, DSDT, and with APICs MADT and HPET.
 *
 *     const { pieces, rsdp } = buildAcpiTables({ memoryBytes, pmBase: 0x600 })
 *     for (const { address, bytes } of pieces) memory.writeBytes(address, bytes)
 *
 * They describe acpi.ts (fixed hardware), the PCI root with its windows and interrupts, and the ISA devices. Without a
 * MADT the interrupt controller is the 8259 pair. Source: ACPI 2.0, chapter 5.
 */
import {
  ACPI_DISABLE, ACPI_ENABLE, PM1_CONTROL, PM1_EVENT, PM_TIMER, SLEEP_TYPE_OFF, SMI_COMMAND_PORT,
} from './acpi.ts'
import {
  type Aml, busWindow, device, dma, eisaId, integer, io, ioWindow, irq, memory, memoryWindow, name, package_, processor,
  resources, scope,
} from './aml.ts'
import { hpetDescription, multipleApicDescription } from './acpi-interrupt-tables.ts'
import { HPET_ADDRESS, HPET_BYTES } from './hpet.ts'
import { pirqOf } from './pci.ts'
import { PCI_IRQS, PCI_MEMORY_LAST, pciMemoryFirst } from './pci-setup.ts'
import { Cmos } from './rtc.ts'

const SCI_IRQ = 9
const DEFAULT_ADDRESS = 0xe0000
const RSDP_ALIGNMENT = 16
const FACS_ALIGNMENT = 64
const FACS_BYTES = 64
const HEADER_BYTES = 36
const FADT_BYTES = 244
/** FIRMWARE_CTRL, DSDT, and the low halves of X_FIRMWARE_CTRL and X_DSDT. */
const FADT_POINTERS = [36, 40, 132, 140]
const OEM_ID = 'TABPC'
const OEM_TABLE_ID = 'TABPC'
const CREATOR_ID = 'TPC '

const RESET_PORT = 0xcf9
const RESET_VALUE = 6
const PM_PORTS = 64

const FADT_WBINVD = 1 << 0
const FADT_C1 = 1 << 2
const FADT_NO_SLEEP_BUTTON = 1 << 5
const FADT_NO_RTC_WAKE = 1 << 6
const FADT_RESET_REGISTER = 1 << 10
const BOOT_LEGACY_DEVICES = 1
const BOOT_8042 = 2
/** Latencies above these limits say that C2 and C3 do not exist. */
const NO_C2 = 0xfff
const NO_C3 = 0xffff

export interface AcpiTablesOptions {
  /** RAM; PCI memory begins above it. */
  memoryBytes: number
  /** I/O base of the power management registers. */
  pmBase: number
  /** Where to put the tables, 64-byte aligned, within E0000h..FFFFFh (the RSDP is searched there). */
  address?: number
  /** Whether the floppy controller is there. */
  floppy?: boolean
  /** Whether there are APICs and the HPET. */
  apic?: boolean
}

export interface AcpiTables {
  /** What to write into memory. */
  pieces: { address: number, bytes: Uint8Array }[]
  /** Physical address of the root pointer. */
  rsdp: number
  /** The first address after the tables. */
  end: number
  /** Addresses of the 32-bit pointers from table to table, for those who move the tables; not the root pointer's. */
  pointers: number[]
  /** The tables with pointers in them: first address and bytes. Their checksums are at byte 9. */
  pointing: { address: number, length: number }[]
}

/** Builds the tables. About 4 KB. */
export function buildAcpiTables(options: AcpiTablesOptions): AcpiTables {
  const rsdp = options.address ?? DEFAULT_ADDRESS
  const facsAddress = align(rsdp + 20, FACS_ALIGNMENT)
  const rsdtAddress = facsAddress + FACS_BYTES
  const more = options.apic ? [table('APIC', 1, multipleApicDescription()), table('HPET', 1, hpetDescription())] : []
  const rsdtBytes = HEADER_BYTES + 4 * (1 + more.length)
  const fadtAddress = align(rsdtAddress + rsdtBytes, RSDP_ALIGNMENT)
  const dsdtAddress = align(fadtAddress + FADT_BYTES, RSDP_ALIGNMENT)
  const dsdt = table('DSDT', 1, Uint8Array.from(differentiatedDescription(options)))
  let end = dsdtAddress + dsdt.length
  const others = more.map(bytes => {
    const address = align(end, RSDP_ALIGNMENT)
    end = address + bytes.length
    return { address, bytes }
  })
  const pieces = [
    { address: rsdp, bytes: rootPointer(rsdtAddress) },
    { address: facsAddress, bytes: firmwareControl() },
    { address: rsdtAddress, bytes: table('RSDT', 1, dwords(fadtAddress, ...others.map(({ address }) => address))) },
    { address: fadtAddress, bytes: fixedDescription(options.pmBase, facsAddress, dsdtAddress) },
    { address: dsdtAddress, bytes: dsdt },
    ...others,
  ]
  return {
    pieces, rsdp, end,
    pointers: [rsdtAddress, ...others.map((_, i) => rsdtAddress + 4 * (i + 1))].map(at => at + HEADER_BYTES)
      .concat(FADT_POINTERS.map(offset => fadtAddress + offset)),
    pointing: [{ address: rsdtAddress, length: rsdtBytes }, { address: fadtAddress, length: FADT_BYTES }],
  }
}

function align(address: number, to: number): number {
  return Math.ceil(address / to) * to
}

function dwords(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4)
  const view = new DataView(bytes.buffer)
  values.forEach((value, i) => {
    view.setUint32(i * 4, value, true)
  })
  return bytes
}

function putText(bytes: Uint8Array, offset: number, text: string, length: number): void {
  for (let i = 0; i < length; i++) bytes[offset + i] = i < text.length ? text.charCodeAt(i) : 0x20
}

/** The byte that makes the sum of all zero. */
function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff
}

function table(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length)
  const view = new DataView(bytes.buffer)
  putText(bytes, 0, signature, 4)
  view.setUint32(4, bytes.length, true)
  bytes[8] = revision
  putText(bytes, 10, OEM_ID, 6)
  putText(bytes, 16, OEM_TABLE_ID, 8)
  view.setUint32(24, 1, true)
  putText(bytes, 28, CREATOR_ID, 4)
  view.setUint32(32, 1, true)
  bytes.set(body, HEADER_BYTES)
  bytes[9] = checksum(bytes)
  return bytes
}

/** RSDP of ACPI 1.0: 20 bytes. */
function rootPointer(rsdtAddress: number): Uint8Array {
  const bytes = new Uint8Array(20)
  putText(bytes, 0, 'RSD PTR ', 8)
  putText(bytes, 9, OEM_ID, 6)
  new DataView(bytes.buffer).setUint32(16, rsdtAddress, true)
  bytes[8] = checksum(bytes)
  return bytes
}

function firmwareControl(): Uint8Array {
  const bytes = new Uint8Array(FACS_BYTES)
  putText(bytes, 0, 'FACS', 4)
  bytes[4] = FACS_BYTES
  return bytes
}

/** FADT revision 3. Offsets as in the specification's table, which counts the header. */
function fixedDescription(pmBase: number, facsAddress: number, dsdtAddress: number): Uint8Array {
  const body = new Uint8Array(FADT_BYTES - HEADER_BYTES)
  const view = new DataView(body.buffer)
  const byte = (offset: number, value: number) => view.setUint8(offset - HEADER_BYTES, value)
  const word = (offset: number, value: number) => view.setUint16(offset - HEADER_BYTES, value, true)
  const dword = (offset: number, value: number) => view.setUint32(offset - HEADER_BYTES, value, true)
  /** A generic address structure in I/O space. */
  const port = (offset: number, address: number, bits: number) => {
    byte(offset, 1)
    byte(offset + 1, bits)
    dword(offset + 4, address)
  }
  dword(36, facsAddress)
  dword(40, dsdtAddress)
  word(46, SCI_IRQ)
  dword(48, SMI_COMMAND_PORT)
  byte(52, ACPI_ENABLE)
  byte(53, ACPI_DISABLE)
  dword(56, pmBase + PM1_EVENT)
  dword(64, pmBase + PM1_CONTROL)
  dword(76, pmBase + PM_TIMER)
  byte(88, 4)
  byte(89, 2)
  byte(91, 4)
  word(96, NO_C2)
  word(98, NO_C3)
  byte(108, Cmos.Century)
  word(109, BOOT_LEGACY_DEVICES | BOOT_8042)
  dword(112, FADT_WBINVD | FADT_C1 | FADT_NO_SLEEP_BUTTON | FADT_NO_RTC_WAKE | FADT_RESET_REGISTER)
  port(116, RESET_PORT, 8)
  byte(128, RESET_VALUE)
  dword(132, facsAddress)
  dword(140, dsdtAddress)
  port(148, pmBase + PM1_EVENT, 32)
  port(172, pmBase + PM1_CONTROL, 16)
  port(208, pmBase + PM_TIMER, 32)
  return table('FACP', 3, body)
}

function differentiatedDescription(options: AcpiTablesOptions): Aml {
  const sleep = integer(SLEEP_TYPE_OFF)
  return [
    ...scope('\\_PR', processor('CPU0', 0)),
    ...name('\\_S5', package_(sleep, sleep, integer(0), integer(0))),
    ...scope('\\_SB', device('PCI0',
      name('_HID', eisaId('PNP0A03')),
      name('_UID', integer(0)),
      name('_CRS', resources(
        busWindow(0, 0),
        io(0xcf8, 8),
        ioWindow(0, 0xcf7),
        ioWindow(0xd00, 0xffff),
        memoryWindow(0xa0000, 0xbffff),
        memoryWindow(pciMemoryFirst(options.memoryBytes), PCI_MEMORY_LAST),
      )),
      name('_PRT', interruptRouting()),
      device('ISA', name('_ADR', integer(0x10000)), ...isaDevices(options)),
    )),
  ]
}

/** Every pin of every slot but the host bridge's, wired to the IRQ that pci-setup.ts routes its PIRQ to. */
function interruptRouting(): Aml {
  const entries: Aml[] = []
  for (let slot = 1; slot < 32; slot++) {
    for (let pin = 0; pin < 4; pin++) {
      const address = slot * 0x10000 + 0xffff
      entries.push(package_(integer(address), integer(pin), integer(0), integer(PCI_IRQS[pirqOf(slot, pin + 1)])))
    }
  }
  return package_(...entries)
}

function isaDevices({ pmBase, floppy, apic }: AcpiTablesOptions): Aml[] {
  const isa = (path: string, id: string, uid: number, ...descriptors: Aml[]) =>
    device(path, name('_HID', eisaId(id)), name('_UID', integer(uid)), name('_CRS', resources(...descriptors)))
  const devices = [
    isa('PIC', 'PNP0000', 0, io(0x20, 2), io(0xa0, 2), irq(2)),
    isa('DMAC', 'PNP0200', 0, io(0x00, 16), io(0x81, 15), io(0xc0, 32), dma(4)),
    isa('TMR', 'PNP0100', 0, io(0x40, 4), irq(0)),
    isa('RTC', 'PNP0B00', 0, io(0x70, 2), irq(8)),
    isa('SPKR', 'PNP0800', 0, io(0x61, 1)),
    isa('FPU', 'PNP0C04', 0, io(0xf0, 16), irq(13)),
    isa('KBD', 'PNP0303', 0, io(0x60, 1), io(0x64, 1), irq(1)),
    isa('MOU', 'PNP0F13', 0, irq(12)),
    isa('COM1', 'PNP0501', 1, io(0x3f8, 8), irq(4)),
    isa('COM2', 'PNP0501', 2, io(0x2f8, 8), irq(3)),
    isa('MBRD', 'PNP0C02', 0, io(0x80, 1), io(0x92, 1), io(SMI_COMMAND_PORT, 2), io(0x4d0, 2), io(pmBase, PM_PORTS)),
  ]
  if (floppy) devices.push(isa('FDC', 'PNP0700', 0, io(0x3f2, 4), io(0x3f7, 1), irq(6), dma(2)))
  if (apic) devices.push(isa('HPET', 'PNP0103', 0, memory(HPET_ADDRESS, HPET_BYTES)))
  return devices
}
