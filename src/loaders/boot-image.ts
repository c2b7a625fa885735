/**
 * A boot image: what a loader hands to the machine, as a plain description of memory and registers.
 *
 *   kernel bytes, initrd, command line -> linux.ts | multiboot.ts -> BootImage -> machine.ts -> guest RAM, CPU state
 *
 * A loader reads no files and touches no machine, so it can be tested, run in a worker or in a page alike.
 * Source of the descriptor layout: Intel SDM vol. 3, 3.4.5 (segment descriptors).
 */

/** What the loaders need to know: the files' bytes, the command line, and the size of the machine. */
export interface KernelRequest {
  /** The kernel file: a Linux bzImage or a Multiboot kernel. */
  readonly kernel: Uint8Array
  /** Name of the kernel file, the first word of a Multiboot kernel's command line; Linux gets none. */
  readonly kernelName?: string
  /** The initial RAM disk (Linux) or the first module (Multiboot). */
  readonly initrd?: Uint8Array
  /** Name given to a Multiboot module; Linux ignores it. */
  readonly initrdName?: string
  readonly cmdline?: string
  /** Guest RAM from physical address 0, in bytes. */
  readonly memoryBytes: number
  /** Physical address of the ACPI root pointer (RSDP), passed on to Linux; absent or 0: the kernel searches for it. */
  readonly acpiRsdp?: number
}

/** Bytes to copy to guest RAM. */
export interface MemoryLoad {
  readonly physical: number
  readonly bytes: Uint8Array
}

export type BootRegister = 'eax' | 'ebx' | 'ecx' | 'edx' | 'esi' | 'edi' | 'ebp' | 'esp' | 'eip'

/**
 * Flat protected mode: the loads hold a GDT with a code and a data descriptor of base 0 and limit 4 GiB - 1.
 * CS takes `codeSelector`; DS, ES, FS, GS and SS take `dataSelector`.
 */
export interface BootSegments {
  /** Physical address of the GDT. */
  readonly gdtBase: number
  /** GDTR limit, in bytes, inclusive. */
  readonly gdtLimit: number
  readonly codeSelector: number
  readonly dataSelector: number
}

/**
 * The machine's memory and CPU at the first guest instruction. RAM that no load covers holds zeros (bss relies on it).
 * Registers that are absent are 0; EFLAGS is 2 (interrupts off); paging is off; A20 is open.
 */
export interface BootImage {
  readonly kind: 'linux' | 'multiboot'
  /** What the image says it is, for people: 'Linux 6.1.0 …', 'Multiboot ELF'. */
  readonly description: string
  /** Disjoint, each within RAM. */
  readonly loads: readonly MemoryLoad[]
  readonly registers: Readonly<Partial<Record<BootRegister, number>>>
  readonly segments: BootSegments
  readonly cr0: number
}

/** Selectors that the Linux boot protocol demands (__BOOT_CS, __BOOT_DS); Multiboot leaves them open. */
const BOOT_CS = 0x10
const BOOT_DS = 0x18

const FLAT_CODE_DESCRIPTOR = 0x00cf_9b00_0000_ffffn
const FLAT_DATA_DESCRIPTOR = 0x00cf_9300_0000_ffffn
const DESCRIPTOR_BYTES = 8

/** Bytes of the boot GDT: null, unused, code, data. */
export const BOOT_GDT_BYTES = BOOT_DS + DESCRIPTOR_BYTES

/** CR0 at entry: PE, and ET, which is hard-wired to 1 (SDM vol. 3, 2.5). */
export const BOOT_CR0 = 0x11

/** The boot GDT, placed at physical address `gdtBase`: its bytes as a load, and the segments that it defines. */
export function flatSegments(gdtBase: number): { load: MemoryLoad; segments: BootSegments } {
  const bytes = new Uint8Array(BOOT_GDT_BYTES)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(BOOT_CS, FLAT_CODE_DESCRIPTOR, true)
  view.setBigUint64(BOOT_DS, FLAT_DATA_DESCRIPTOR, true)
  return {
    load: { physical: gdtBase, bytes },
    segments: { gdtBase, gdtLimit: BOOT_GDT_BYTES - 1, codeSelector: BOOT_CS, dataSelector: BOOT_DS },
  }
}
