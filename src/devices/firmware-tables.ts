/**
 * What fw_cfg holds for a PC firmware: memory map, boot order, SMBIOS, and the ACPI tables with the script that places them.
 *
 *     describeMachine(fwCfg, { memoryBytes, pmBase, bootOrder })
 *
 * Sources: QEMU documentation of fw_cfg; the table loader's commands as SeaBIOS and OVMF carry them out (each 128
 * bytes: a command number and its fields); SeaBIOS documentation, "Runtime configuration" (names of the files).
 */
import { type AcpiTablesOptions, buildAcpiTables } from './acpi-tables.ts'
import { buildSmbios } from './smbios.ts'
import { asciiBytes, type FwCfg, FwCfgKey, littleEndian } from './fw-cfg.ts'

const TABLES_FILE = 'etc/acpi/tables'
const RSDP_FILE = 'etc/acpi/rsdp'
const LOADER_FILE = 'etc/table-loader'
const FILE_NAME_BYTES = 56
const COMMAND_BYTES = 128
const TABLES_ALIGNMENT = 64
const RSDP_ALIGNMENT = 16

enum LoaderCommand { Allocate = 1, AddPointer = 2, AddChecksum = 3 }
/** Where the loader allocates: anywhere, or in F0000h..FFFFFh, where the root pointer is searched. */
enum Zone { High = 1, FSegment = 2 }

/** Offsets in the tables: RSDP's pointer and checksum, any other table's checksum. */
const RSDP_POINTER = 16
const RSDP_CHECKSUM = 8
const TABLE_CHECKSUM = 9
const POINTER_BYTES = 4

const E820_RAM = 1
const UUID_BYTES = 16

export interface FirmwareTablesOptions extends Omit<AcpiTablesOptions, 'address'> {
  /** Open Firmware paths of the devices to boot from, the first one first. */
  bootOrder: readonly string[]
}

/** Fills in what the firmware asks for. */
export function describeMachine(fwCfg: FwCfg, options: FirmwareTablesOptions): void {
  const { memoryBytes, bootOrder } = options
  fwCfg.setItem(FwCfgKey.Uuid, new Uint8Array(UUID_BYTES))
  fwCfg.setItem(FwCfgKey.RamSize, littleEndian(memoryBytes, 8))
  fwCfg.setItem(FwCfgKey.Graphics, littleEndian(0, 2))
  fwCfg.setItem(FwCfgKey.Cpus, littleEndian(1, 2))
  fwCfg.setItem(FwCfgKey.MostCpus, littleEndian(1, 2))
  fwCfg.setItem(FwCfgKey.BootMenu, littleEndian(0, 2))
  fwCfg.setFile('etc/e820', concatenate(littleEndian(0, 8), littleEndian(memoryBytes, 8), littleEndian(E820_RAM, 4)))
  if (bootOrder.length > 0) fwCfg.setFile('bootorder', asciiBytes(`${bootOrder.join('\n')}\0`))
  const smbios = buildSmbios({ memoryBytes })
  fwCfg.setFile('etc/smbios/smbios-anchor', smbios.anchor)
  fwCfg.setFile('etc/smbios/smbios-tables', smbios.tables)
  addAcpiTables(fwCfg, options)
}

/** The tables, laid out from address 0, and the commands that mend their pointers and checksums. */
function addAcpiTables(fwCfg: FwCfg, options: FirmwareTablesOptions): void {
  const { pieces, rsdp, end, pointers, pointing } = buildAcpiTables({ ...options, address: 0 })
  const tables = new Uint8Array(end)
  let root = new Uint8Array(0)
  for (const { address, bytes } of pieces) {
    if (address === rsdp) root = bytes.slice()
    else tables.set(bytes, address)
  }
  fwCfg.setFile(TABLES_FILE, tables)
  fwCfg.setFile(RSDP_FILE, root)
  fwCfg.setFile(LOADER_FILE, concatenate(
    allocate(RSDP_FILE, RSDP_ALIGNMENT, Zone.FSegment),
    allocate(TABLES_FILE, TABLES_ALIGNMENT, Zone.High),
    ...pointers.map(offset => addPointer(TABLES_FILE, TABLES_FILE, offset)),
    ...pointing.map(({ address, length }) => addChecksum(TABLES_FILE, address + TABLE_CHECKSUM, address, length)),
    addPointer(RSDP_FILE, TABLES_FILE, RSDP_POINTER),
    addChecksum(RSDP_FILE, RSDP_CHECKSUM, 0, root.length),
  ))
}

function allocate(file: string, alignment: number, zone: Zone): Uint8Array {
  return command(LoaderCommand.Allocate, fileName(file), littleEndian(alignment, 4), littleEndian(zone, 1))
}

/** Adds the address of `to` to the pointer in `file` at `offset`. */
function addPointer(file: string, to: string, offset: number): Uint8Array {
  return command(
    LoaderCommand.AddPointer, fileName(file), fileName(to), littleEndian(offset, 4), littleEndian(POINTER_BYTES, 1),
  )
}

/** Makes the byte at `offset` such that `length` bytes from `start` on add up to 0. */
function addChecksum(file: string, offset: number, start: number, length: number): Uint8Array {
  return command(
    LoaderCommand.AddChecksum, fileName(file), littleEndian(offset, 4), littleEndian(start, 4), littleEndian(length, 4),
  )
}

function command(number: LoaderCommand, ...fields: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(COMMAND_BYTES)
  bytes.set(concatenate(littleEndian(number, 4), ...fields))
  return bytes
}

function fileName(name: string): Uint8Array {
  const bytes = new Uint8Array(FILE_NAME_BYTES)
  bytes.set(asciiBytes(name))
  return bytes
}

function concatenate(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
