/** fw_cfg as firmware uses it: the ports, the directory, DMA. Source: QEMU's docs/specs/fw_cfg. */
import { describe, expect, it } from 'vitest'
import { asciiBytes, FwCfg, littleEndian } from '../../../src/devices/fw-cfg.ts'
import { describeMachine } from '../../../src/devices/firmware-tables.ts'
import { ArrayMemory, Workbench } from './workbench.ts'

class Board {
  readonly bench = new Workbench()
  readonly memory = new ArrayMemory(0x10000)
  readonly device = new FwCfg({ bus: this.bench.bus, memory: this.memory })

  bytes(key: number, count: number): number[] {
    this.bench.bus.writePort(0x510, 16, key)
    return Array.from({ length: count }, () => this.bench.in8(0x511))
  }

  /** Finds a file as SeaBIOS does: key and size. */
  find(name: string): { key: number, bytes: number } | undefined {
    const count = dword(this.bytes(0x19, 4))
    const directory = this.bytes(0x19, 4 + count * 64)
    for (let i = 0; i < count; i++) {
      const entry = directory.slice(4 + i * 64, 68 + i * 64)
      const text = String.fromCharCode(...entry.slice(8)).replace(/\0.*$/, '')
      if (text === name) return { key: (entry[4] << 8) | entry[5], bytes: dword(entry) }
    }
    return undefined
  }

  file(name: string): number[] {
    const found = this.find(name)
    if (!found) throw new Error(`no file ${name}`)
    return this.bytes(found.key, found.bytes)
  }

  /** Runs a DMA command at 1000h; returns its control word afterwards. */
  dma(control: number, length: number, address: number): number {
    const command = new Uint8Array(16)
    const view = new DataView(command.buffer)
    view.setUint32(0, control)
    view.setUint32(4, length)
    view.setUint32(12, address)
    this.memory.writeBytes(0x1000, command)
    this.bench.bus.writePort(0x514, 32, 0)
    this.bench.bus.writePort(0x518, 32, 0x00100000)
    return dword(Array.from(this.memory.readBytes(0x1000, 4)))
  }
}

function dword(bytes: readonly number[]): number {
  return ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0
}

describe('fw_cfg', () => {
  it('shows itself by signature, features and the DMA register', () => {
    const board = new Board()
    expect(String.fromCharCode(...board.bytes(0, 4))).toBe('QEMU')
    expect(board.bytes(1, 4)).toEqual([3, 0, 0, 0])
    expect(board.bench.bus.readPort(0x514, 32)).toBe(0x554d4551)
    expect(board.bench.bus.readPort(0x518, 32)).toBe(0x47464320)
  })

  it('lists files, replaces those of the same name, and gives zeros behind an end', () => {
    const board = new Board()
    board.device.setFile('a', Uint8Array.of(1))
    board.device.setFile('opt/b', Uint8Array.of(5, 6, 7))
    board.device.setFile('a', Uint8Array.of(2, 3))
    expect(board.find('a')).toEqual({ key: 0x20, bytes: 2 })
    expect(board.bytes(0x20, 4)).toEqual([2, 3, 0, 0])
    expect(board.file('opt/b')).toEqual([5, 6, 7])
    expect(board.find('c')).toBeUndefined()
    expect(board.bytes(0x7777, 2)).toEqual([0, 0])
  })

  it('reads, skips and selects by DMA, and refuses to be written', () => {
    const board = new Board()
    board.device.setFile('f', Uint8Array.of(10, 11, 12, 13, 14))
    board.memory.writeBytes(0x2000, new Uint8Array(8).fill(0xee))
    expect(board.dma((0x20 << 16) | 8 | 4, 2, 0)).toBe(0)
    expect(board.dma(2, 5, 0x2000)).toBe(0)
    expect([...board.memory.readBytes(0x2000, 6)]).toEqual([12, 13, 14, 0, 0, 0xee])
    expect(board.dma((0x20 << 16) | 8 | 16, 1, 0x2000)).toBe(1)
  })

  it('survives lengths and addresses beyond all memory', () => {
    const board = new Board()
    expect(board.dma((0x19 << 16) | 8 | 2, 0xffffffff, 0xfff0)).toBe(0)
    expect(board.dma(2, 0xffffffff, 0xffffffff)).toBe(0)
  })

  it('goes on with its place after save and load', () => {
    const [board, copy] = [new Board(), new Board()]
    for (const { device } of [board, copy]) device.setFile('f', asciiBytes('hello'))
    board.bytes(0x20, 2)
    copy.device.load(board.device.save())
    expect(copy.bench.in8(0x511)).toBe('l'.charCodeAt(0))
  })
})

describe('what the firmware is told', () => {
  it('is RAM, boot order, and tables whose script makes every checksum right', () => {
    const board = new Board()
    describeMachine(board.device, { memoryBytes: 64 << 20, pmBase: 0x600, bootOrder: ['/x', '/y'] })
    expect(board.file('etc/e820')).toEqual([...littleEndian(0, 8), ...littleEndian(64 << 20, 8), 1, 0, 0, 0])
    expect(String.fromCharCode(...board.file('bootorder'))).toBe('/x\n/y\0')
    const placed = runLoader(board, { 'etc/acpi/tables': 0x3ff0000, 'etc/acpi/rsdp': 0xf5000 })
    const rsdp = placed.get('etc/acpi/rsdp') as Uint8Array
    expect(sum(rsdp)).toBe(0)
    const tables = placed.get('etc/acpi/tables') as Uint8Array
    const view = new DataView(tables.buffer)
    const rsdt = new DataView(rsdp.buffer).getUint32(16, true) - 0x3ff0000
    const fadt = view.getUint32(rsdt + 36, true) - 0x3ff0000
    const dsdt = view.getUint32(fadt + 40, true) - 0x3ff0000
    for (const [at, name] of [[rsdt, 'RSDT'], [fadt, 'FACP'], [dsdt, 'DSDT']] as const) {
      expect(String.fromCharCode(...tables.subarray(at, at + 4))).toBe(name)
      expect(sum(tables.subarray(at, at + view.getUint32(at + 4, true)))).toBe(0)
    }
  })
})

function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, byte) => total + byte, 0) & 0xff
}

/** Carries the table loader's script out, as firmware does, with the files at the given addresses. */
function runLoader(board: Board, places: Record<string, number>): Map<string, Uint8Array> {
  const script = Uint8Array.from(board.file('etc/table-loader'))
  const view = new DataView(script.buffer)
  const files = new Map<string, Uint8Array>()
  const name = (at: number) => String.fromCharCode(...script.subarray(at, at + 56)).replace(/\0.*$/, '')
  for (let at = 0; at < script.length; at += 128) {
    const file = files.get(name(at + 4))
    switch (view.getUint32(at, true)) {
      case 1:
        files.set(name(at + 4), Uint8Array.from(board.file(name(at + 4))))
        break
      case 2: {
        const target = new DataView((file as Uint8Array).buffer)
        const offset = view.getUint32(at + 116, true)
        target.setUint32(offset, target.getUint32(offset, true) + places[name(at + 60)], true)
        break
      }
      case 3: {
        const bytes = file as Uint8Array
        const [offset, start, length] = [60, 64, 68].map(field => view.getUint32(at + field, true))
        bytes[offset] -= sum(bytes.subarray(start, start + length))
      }
    }
  }
  return files
}
