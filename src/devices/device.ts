/**
 * What a device may see of the machine: a port and memory `Bus`, its `IrqLine`s, the virtual `Clock` and
 * `GuestMemory`. A device knows no other device; `machine.ts` wires them.
 */

/** Everything a device needs to be frozen and thawed: plain data, structured-clonable. */
export type DeviceState = { [key: string]: number | string | boolean | null | Uint8Array | number[] | DeviceState | DeviceState[] }

/** A part on the breadboard. */
export interface Device {
  /** Short stable name, the key of its saved state: 'pic', 'uart0' … */
  readonly name: string
  /** The state after power-on or hardware reset. */
  reset(): void
  /** The whole state, as data that `load` of an equal device accepts. */
  save(): DeviceState
  /** Restores what `save` gave. Throws `PCError` 'bad-state' when the data does not fit. */
  load(state: DeviceState): void
}

/** Access width of a port or device-memory access, in bits. */
export type AccessSize = 8 | 16 | 32

/** Handlers of one range of I/O ports. An absent width is split into narrower accesses, low address first. */
export interface PortHandler {
  read8?(port: number): number
  read16?(port: number): number
  read32?(port: number): number
  write8?(port: number, value: number): void
  write16?(port: number, value: number): void
  write32?(port: number, value: number): void
}

/** Handlers of one range of device memory; addresses are physical. Absent widths are split or composed likewise. */
export interface MemoryHandler {
  read8(address: number): number
  read16?(address: number): number
  read32?(address: number): number
  write8(address: number, value: number): void
  write16?(address: number, value: number): void
  write32?(address: number, value: number): void
}

/** The port and device-memory map. Unclaimed ports read all ones and ignore writes. */
export interface Bus {
  /** Claims ports `first..last` (inclusive). A later claim of the same port wins. Returns a function that gives the range back. */
  claimPorts(first: number, last: number, handler: PortHandler): () => void
  /** Claims physical addresses `first..last` (inclusive) that are not RAM. */
  claimMemory(first: number, last: number, handler: MemoryHandler): () => void
}

/** One interrupt request line into a controller. Level as the device drives it; the controller knows edge from level. */
export interface IrqLine {
  set(level: boolean): void
}

/** A pending callback on the virtual clock. */
export interface Timer {
  /** (Re)schedules the callback for time `at`, in ns of virtual time; a time in the past fires at the next opportunity. */
  schedule(at: number): void
  cancel(): void
  /** The scheduled time, or `Infinity`. */
  readonly due: number
}

/** Virtual time. Devices never look at the host's clock. */
export interface Clock {
  /** Nanoseconds of virtual time since power-on (an integer, exact up to 2^53). */
  now(): number
  /** Registers a callback; `name` identifies it in saved states. The callback runs between instructions. */
  timer(name: string, callback: () => void): Timer
}

/** Guest RAM as devices see it: physical addresses; writes go through the door that invalidates cached code. */
export interface GuestMemory {
  readonly size: number
  read8(physical: number): number
  read16(physical: number): number
  read32(physical: number): number
  write8(physical: number, value: number): void
  write16(physical: number, value: number): void
  write32(physical: number, value: number): void
  /** Copies RAM out. Bytes outside RAM read as 0xff. */
  readBytes(physical: number, length: number): Uint8Array
  /** Copies into RAM; bytes outside RAM are dropped. */
  writeBytes(physical: number, bytes: Uint8Array): void
}
