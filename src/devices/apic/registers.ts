/** Registers of the local APIC, their fields and their writable bits. Source: Intel SDM vol. 3, chapter 10. */

/** Offsets in the register page; each register is the first 4 of 16 bytes. */
export enum ApicRegister {
  Id = 0x020, Version = 0x030, TaskPriority = 0x080, ArbitrationPriority = 0x090, ProcessorPriority = 0x0a0,
  EndOfInterrupt = 0x0b0, RemoteRead = 0x0c0, LogicalDestination = 0x0d0, DestinationFormat = 0x0e0, Spurious = 0x0f0,
  InService = 0x100, TriggerMode = 0x180, Requested = 0x200, ErrorStatus = 0x280,
  CommandLow = 0x300, CommandHigh = 0x310,
  LvtTimer = 0x320, LvtThermal = 0x330, LvtPerformance = 0x340, LvtLint0 = 0x350, LvtLint1 = 0x360, LvtError = 0x370,
  InitialCount = 0x380, CurrentCount = 0x390, Divide = 0x3e0,
}

export const APIC_PAGE_BYTES = 0x1000
export const APIC_REGISTER_STRIDE = 16
/** 32-bit words of a register that has a bit for each of 256 vectors. */
export const VECTOR_WORDS = 8

/** An integrated APIC with six local vector table entries. */
export const APIC_VERSION = 0x0005_0014

/** Entries of the local vector table, in the order of their registers. */
export enum Lvt { Timer = 0, Thermal = 1, Performance = 2, Lint0 = 3, Lint1 = 4, Error = 5 }
export const LVT_ENTRIES = 6

export const LVT_MASKED = 1 << 16
export const LVT_PERIODIC = 1 << 17
export const LVT_LEVEL = 1 << 15
export const LVT_REMOTE_IRR = 1 << 14
export const LVT_VECTOR = 0xff
/** Writable bits by entry: vector and mask everywhere, delivery mode, polarity and trigger mode where they exist. */
export const LVT_WRITABLE: readonly number[] = [0x300ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff]

/** How an interrupt message is delivered: bits 8..10 of LVT entries, ICR, redirection entries and MSI data. */
export enum DeliveryMode { Fixed = 0, LowestPriority = 1, Smi = 2, Nmi = 4, Init = 5, StartUp = 6, ExternalInterrupt = 7 }

export const SPURIOUS_ENABLED = 1 << 8
export const SPURIOUS_WRITABLE = 0x3ff
export const SPURIOUS_AFTER_RESET = 0xff

export const COMMAND_WRITABLE = 0x000c_cfff
export const COMMAND_LEVEL_ASSERT = 1 << 14
export const COMMAND_LEVEL_TRIGGERED = 1 << 15
export const COMMAND_LOGICAL = 1 << 11
export enum Shorthand { None = 0, Self = 1, AllIncludingSelf = 2, AllExcludingSelf = 3 }

/** Error status bits. */
export enum ApicError { SendIllegalVector = 1 << 5, ReceivedIllegalVector = 1 << 6, IllegalRegister = 1 << 7 }

/** Vectors below are illegal in interrupt messages. */
export const LOWEST_VECTOR = 16

/** The timer's clock is the bus clock of 1 GHz, divided by 1 to 128: bits 3, 1 and 0 of the divide register. */
export const DIVIDE_WRITABLE = 0x0b
export function divisorOf(divide: number): number {
  const code = (divide & 3) | ((divide >> 1) & 4)
  return 1 << ((code + 1) & 7)
}

/** IA32_APIC_BASE. */
export const APIC_BASE_ENABLED = 1 << 11
export const APIC_BASE_ADDRESS = 0xfffff000
export const APIC_BASE_DEFAULT = 0xfee00000
