/** Tables of the interrupt controllers and SMBIOS. Sources: ACPI 2.0, 5.2.10; HPET 1.0a, 3.2.4; DSP0134, 2.8. */
import { describe, expect, it } from 'vitest'
import { buildAcpiTables } from '../../../src/devices/acpi-tables.ts'
import { buildSmbios } from '../../../src/devices/smbios.ts'

const text = (bytes: Uint8Array, first: number, length: number) => String.fromCharCode(...bytes.subarray(first, first + length))
const sum = (bytes: Uint8Array) => bytes.reduce((total, byte) => total + byte, 0) & 0xff

describe('ACPI tables with APICs', () => {
  const { pieces, end, pointers, pointing } = buildAcpiTables({ memoryBytes: 64 << 20, pmBase: 0x600, apic: true })
  const find = (name: string) => {
    const piece = pieces.find(({ bytes }) => text(bytes, 0, name.length) === name)
    if (!piece) throw new Error(`no ${name}`)
    return piece
  }

  it('are found from the RSDT, whose pointers are told', () => {
    const root = find('RSDT')
    const view = new DataView(root.bytes.buffer)
    const addresses = [36, 40, 44].map(offset => view.getUint32(offset, true))
    expect(addresses).toEqual(['FACP', 'APIC', 'HPET'].map(name => find(name).address))
    expect(pointers.slice(0, 3)).toEqual([36, 40, 44].map(offset => root.address + offset))
    expect(pointing[0]).toEqual({ address: root.address, length: 48 })
    expect(['APIC', 'HPET', 'RSDT'].map(name => sum(find(name).bytes))).toEqual([0, 0, 0])
    for (const { address, bytes } of pieces) expect(address + bytes.length).toBeLessThanOrEqual(end)
  })

  it('describe one processor, the I/O APIC and its overrides', () => {
    const { bytes } = find('APIC')
    const entries: number[][] = []
    for (let at = 44; at < bytes.length; at += bytes[at + 1]) entries.push([...bytes.subarray(at, at + bytes[at + 1])])
    expect(entries).toEqual([
      [0, 8, 0, 0, 1, 0, 0, 0],
      [1, 12, 0, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0],
      [2, 10, 0, 0, 2, 0, 0, 0, 0, 0],
      ...[5, 9, 10, 11].map(irq => [2, 10, 0, irq, irq, 0, 0, 0, 0x0d, 0]),
      [4, 6, 0xff, 0, 0, 1],
    ])
    expect(new DataView(bytes.buffer).getUint32(36, true)).toBe(0xfee00000)
  })

  it('say where the HPET is', () => {
    const view = new DataView(find('HPET').bytes.buffer)
    expect(find('HPET').bytes.length).toBe(56)
    expect([view.getUint32(36, true), view.getUint32(44, true)]).toEqual([0x8086a201, 0xfed00000])
  })
})

describe('SMBIOS', () => {
  const { anchor, tables } = buildSmbios({ memoryBytes: 512 << 20 })
  const view = new DataView(tables.buffer)

  it('has anchors that sum to zero and tell of the tables', () => {
    expect([text(anchor, 0, 4), text(anchor, 16, 5), anchor[5], sum(anchor), sum(anchor.subarray(16))])
      .toEqual(['_SM_', '_DMI_', 31, 0, 0])
    expect(new DataView(anchor.buffer).getUint16(22, true)).toBe(tables.length)
  })

  it('has every structure that is required, each with the strings that it names', () => {
    const types: number[] = []
    let at = 0
    while (at < tables.length) {
      types.push(tables[at])
      let end = at + tables[at + 1]
      while (tables[end] !== 0 || tables[end + 1] !== 0) end++
      at = end + 2
    }
    expect(at).toBe(tables.length)
    expect(types).toEqual([0, 1, 3, 4, 16, 17, 19, 32, 127])
    expect(new DataView(anchor.buffer).getUint16(28, true)).toBe(types.length)
  })

  it('has structures of the lengths of version 2.8, and the size of RAM', () => {
    const found = new Map<number, number>()
    for (let at = 0; at < tables.length; ) {
      found.set(tables[at], at)
      let end = at + tables[at + 1]
      while (tables[end] !== 0 || tables[end + 1] !== 0) end++
      at = end + 2
    }
    const lengths = Object.fromEntries([...found].map(([type, at]) => [type, tables[at + 1]]))
    expect(lengths).toEqual({ 0: 24, 1: 27, 3: 22, 4: 42, 16: 15, 17: 40, 19: 15, 32: 11, 127: 4 })
    expect(view.getUint16((found.get(17) ?? 0) + 12, true)).toBe(512)
    expect(view.getUint32((found.get(16) ?? 0) + 7, true)).toBe(512 << 10)
  })
})
