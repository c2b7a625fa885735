/**
 * ACPI tables of the interrupt controllers and of the HPET, without their headers (acpi-tables.ts adds those).
 * Sources: ACPI 2.0, 5.2.10 (MADT); IA-PC HPET specification 1.0a, 3.2.4.
 */
import { APIC_BASE_DEFAULT } from './apic/registers.ts'
import { littleEndian } from './fw-cfg.ts'
import { HPET_ADDRESS, HPET_IDENTITY } from './hpet.ts'
import { IO_APIC_ADDRESS, IO_APIC_TIMER_INPUT } from './io-apic.ts'

enum Entry { LocalApic = 0, IoApic = 1, Override = 2, LocalNmi = 4 }

/** There is a pair of 8259s, too. */
const PC_COMPATIBLE = 1
const ENABLED = 1
const ALL_PROCESSORS = 0xff
const LINT1 = 1
const ISA = 0
/** Polarity and trigger mode: as the bus has it, and active high, level triggered. */
const AS_BUS = 0
const LEVEL_HIGH = 0x0d
/** Interrupts that the PCI bus and the SCI may use: they are level triggered. */
const LEVEL_IRQS = [5, 9, 10, 11]
/** The shortest period, in ticks, at which no interrupt is lost. */
const HPET_MINIMUM = 0x80
const GAS_MEMORY = 0

/** MADT: one processor, one I/O APIC whose inputs are the ISA interrupts, but for the timer's. */
export function multipleApicDescription(): Uint8Array {
  return join(
    littleEndian(APIC_BASE_DEFAULT, 4), littleEndian(PC_COMPATIBLE, 4),
    entry(Entry.LocalApic, bytes(0, 0), littleEndian(ENABLED, 4)),
    entry(Entry.IoApic, bytes(0, 0), littleEndian(IO_APIC_ADDRESS, 4), littleEndian(0, 4)),
    override(0, IO_APIC_TIMER_INPUT, AS_BUS),
    ...LEVEL_IRQS.map(irq => override(irq, irq, LEVEL_HIGH)),
    entry(Entry.LocalNmi, bytes(ALL_PROCESSORS), littleEndian(AS_BUS, 2), bytes(LINT1)),
  )
}

/** The HPET's description table. */
export function hpetDescription(): Uint8Array {
  return join(
    littleEndian(HPET_IDENTITY, 4), bytes(GAS_MEMORY, 0, 0, 0), littleEndian(HPET_ADDRESS, 8),
    bytes(0), littleEndian(HPET_MINIMUM, 2), bytes(0),
  )
}

function override(irq: number, input: number, flags: number): Uint8Array {
  return entry(Entry.Override, bytes(ISA, irq), littleEndian(input, 4), littleEndian(flags, 2))
}

/** Type and length, then the fields. */
function entry(type: Entry, ...fields: Uint8Array[]): Uint8Array {
  const body = join(...fields)
  return join(bytes(type, body.length + 2), body)
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values)
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap(part => [...part]))
}
