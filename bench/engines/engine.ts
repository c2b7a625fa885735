/**
 * The contract of a benchmark engine: something that runs the guest as a child process whose standard input and
 * output are the guest's serial port. Everything else (times, CPU, memory) is measured from outside, alike for all.
 */

/** The guest that every engine boots. */
export interface Guest {
  /** Linux bzImage. */
  kernel: string
  /** Initial RAM file system with the benchmark programs in GUEST_PROGRAMS. */
  initrd: string
  /** Kernel command line. */
  append: string
  memoryMiB: number
  /** Firmware for engines that bring none: SeaBIOS and its VGA BIOS. Absent when not installed. */
  bios?: string
  vgaBios?: string
  /** The same programs as files of the host, for the native engine. */
  hostPrograms: string
}

/** Folder of the benchmark programs inside the guest. */
export const GUEST_PROGRAMS = '/bench'

/** How to start an engine's process. */
export interface Launch {
  command: string
  args: string[]
  /** Folder of the benchmark programs as the engine's shell sees it. */
  programs: string
}

export interface Engine {
  name: string
  /** Peer that emulates a whole PC and therefore has a boot to time. */
  boots: boolean
  /** Why the engine cannot run on this machine, with the way to mend it; null when it can. */
  unavailable(guest: Guest): string | null
  /** Version for the record. */
  version(): string
  /** Command of a child process that boots the guest, serial port on standard input and output. */
  launch(guest: Guest): Launch
}
