/**
 * The chip set's own PCI functions: 440FX host bridge (0.0), PIIX3 ISA bridge (1.0), PIIX4 power management (1.3).
 *
 *     addChipset(pci, { onShadow, onPmBase: base => power.mapAt(base) })
 *
 * Sources: Intel 82441FX (PMC), 82371SB (PIIX3) and 82371AB (PIIX4) datasheets.
 */
import { PciFunction } from './pci-function.ts'
import type { Pci } from './pci.ts'

const INTEL = 0x8086
const HOST_BRIDGE = 0x1237
const ISA_BRIDGE = 0x7000
const POWER_MANAGEMENT = 0x7113
/** Tells firmware that this is a virtual board with fw_cfg, by QEMU's specification of PCI subsystem ids. */
const VIRTUAL_BOARD_VENDOR = 0x1af4
const VIRTUAL_BOARD = 0x1100
const CLASS_HOST_BRIDGE = 0x060000
const CLASS_ISA_BRIDGE = 0x060100
const CLASS_OTHER_BRIDGE = 0x068000
const MULTI_FUNCTION = 0x80

export const CHIPSET_SLOT = 1
export const POWER_FUNCTION = 3
/** Route registers of the ISA bridge, one for each PIRQ. */
export const PIRQ_ROUTE = 0x60
const PIRQ_ROUTE_WRITABLE = 0x8f
const PIRQ_ROUTE_OFF = 0x80

/** The host bridge's registers of shadow RAM. */
export const PAM_FIRST = 0x59
export const PAM_LAST = 0x5f
const PAM_READ = 1
const PAM_WRITE = 2
const SMRAM_CONTROL = 0x72

export const PM_BASE = 0x40
/** Idle timer counts and the device activity and resource registers, up to PM_MISC: kept, without effect. */
const PM_COUNTERS = 0x44
export const PM_MISC = 0x80
export const PM_MISC_IO_ENABLE = 0x01
const PM_BASE_MASK = 0xffc0
/** High byte of DEVACTB. Its APMC_EN bit is set from the start: there is no SMM handler for firmware to install. */
const PM_DEVACTB_HIGH = 0x5b
const PM_DEVACTB_APMC_EN = 0x02

export interface ShadowRegion {
  /** Physical addresses, inclusive. */
  first: number
  last: number
  /** Whether reads and writes go to RAM; otherwise to the ROM behind. */
  readRam: boolean
  writeRam: boolean
}

export interface ChipsetOptions {
  /** Told when the firmware switches a region of C0000h..FFFFFh between ROM and RAM. */
  onShadow?: (region: ShadowRegion) => void
  /** Told the I/O base of the power management registers, or null while they are off. */
  onPmBase?: (base: number | null) => void
}

export function addChipset(pci: Pci, options: ChipsetOptions): void {
  pci.add(0, 0, hostBridge(options))
  pci.add(CHIPSET_SLOT, 0, isaBridge(pci))
  pci.add(CHIPSET_SLOT, POWER_FUNCTION, powerManagement(options))
}

function hostBridge({ onShadow }: ChipsetOptions): PciFunction {
  const shown = new Uint8Array(PAM_LAST - PAM_FIRST + 1)
  const writable: [number, number][] = [[SMRAM_CONTROL, 0x7f]]
  for (let offset = PAM_FIRST; offset <= PAM_LAST; offset++) writable.push([offset, offset === PAM_FIRST ? 0x30 : 0x33])
  return new PciFunction({
    vendorId: INTEL, deviceId: HOST_BRIDGE, classCode: CLASS_HOST_BRIDGE, revision: 2,
    subsystemVendorId: VIRTUAL_BOARD_VENDOR, subsystemId: VIRTUAL_BOARD,
    initial: [[0x04, 0x06], [0x07, 0x02], [SMRAM_CONTROL, 0x02]],
    writable,
    onConfigWrite: (config, first, last) => {
      if (last < PAM_FIRST || first > PAM_LAST) return
      for (let i = 0; i < shown.length; i++) {
        const value = config[PAM_FIRST + i]
        for (const region of shadowRegions(i, shown[i] ^ value, value)) onShadow?.(region)
        shown[i] = value
      }
    },
  })
}

/** The regions of PAM register `index` whose nibble is in `changed`. Register 0 holds F0000h..FFFFFh alone. */
function shadowRegions(index: number, changed: number, value: number): ShadowRegion[] {
  const regions: ShadowRegion[] = []
  for (const half of [0, 1]) {
    const nibble = (value >> (4 * half)) & 15
    if (((changed >> (4 * half)) & 15) === 0) continue
    const first = index === 0 ? 0xf0000 : 0xc0000 + (index - 1) * 0x8000 + half * 0x4000
    const size = index === 0 ? 0x10000 : 0x4000
    regions.push({
      first, last: first + size - 1, readRam: (nibble & PAM_READ) !== 0, writeRam: (nibble & PAM_WRITE) !== 0,
    })
  }
  return regions
}

/** Registers without a name here (ISA recovery time, X-bus chip select, top of memory, SMI control) are only kept. */
function isaBridge(pci: Pci): PciFunction {
  const initial: [number, number][] = [
    [0x04, 0x07], [0x07, 0x02], [0x4c, 0x4d], [0x4e, 0x03], [0x69, 0x02], [0x70, 0x80], [0x76, 0x0c], [0x77, 0x0c],
    [0x78, 0x02], [0xa0, 0x08],
  ]
  const writable: [number, number][] = [
    [0x4c, 0xff], [0x4e, 0xff], [0x69, 0xfe], [0x70, 0xef], [0x76, 0x8f], [0x77, 0x8f], [0x82, 0x8f], [0xa0, 0x1f],
    [0xa2, 0xff], [0xa3, 0xff], [0xa4, 0xff], [0xa5, 0xff], [0xa6, 0xff], [0xa7, 0xff], [0xa8, 0xff], [0xaa, 0xff],
    [0xac, 0xff], [0xae, 0xff],
  ]
  for (let i = 0; i < 4; i++) {
    initial.push([PIRQ_ROUTE + i, PIRQ_ROUTE_OFF])
    writable.push([PIRQ_ROUTE + i, PIRQ_ROUTE_WRITABLE])
  }
  return new PciFunction({
    vendorId: INTEL, deviceId: ISA_BRIDGE, classCode: CLASS_ISA_BRIDGE, headerType: MULTI_FUNCTION, initial, writable,
    onConfigWrite: (config, first, last) => {
      if (last >= PIRQ_ROUTE && first < PIRQ_ROUTE + 4) pci.setRoutes(config.subarray(PIRQ_ROUTE, PIRQ_ROUTE + 4))
    },
  })
}

function powerManagement({ onPmBase }: ChipsetOptions): PciFunction {
  const writable: [number, number][] = [
    [PM_BASE, 0xc0], [PM_BASE + 1, 0xff], [PM_MISC, PM_MISC_IO_ENABLE], [0x90, 0xf0], [0x91, 0xff], [0xd2, 0x0f],
  ]
  for (let offset = PM_COUNTERS; offset < PM_MISC; offset++) writable.push([offset, 0xff])
  return new PciFunction({
    vendorId: INTEL, deviceId: POWER_MANAGEMENT, classCode: CLASS_OTHER_BRIDGE, revision: 3, interruptPin: 1,
    initial: [[0x07, 0x02], [PM_BASE, 0x01], [0x90, 0x01], [PM_DEVACTB_HIGH, PM_DEVACTB_APMC_EN]],
    writable,
    onConfigWrite: (config) => {
      const base = (config[PM_BASE] | (config[PM_BASE + 1] << 8)) & PM_BASE_MASK
      const enabled = (config[PM_MISC] & PM_MISC_IO_ENABLE) !== 0 && base !== 0
      onPmBase?.(enabled ? base : null)
    },
  })
}
