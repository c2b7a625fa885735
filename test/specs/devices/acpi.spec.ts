/** ACPI: fixed registers, power off, the timer, and tables that Intel's own compiler accepts. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildAcpiTables } from '../../../src/devices/acpi-tables.ts'
import { PowerManagement } from '../../../src/devices/acpi.ts'
import { Probe, Workbench } from './workbench.ts'

const BASE = 0x600

function board() {
  const bench = new Workbench()
  const sci = new Probe(() => bench.clock.now())
  const events: string[] = []
  const power = new PowerManagement({
    bus: bench.bus, clock: bench.clock, sci,
    onPowerOff: () => events.push('off'), onSleep: (type) => events.push(`sleep ${type}`),
  })
  power.mapAt(BASE)
  const in16 = (offset: number) => bench.bus.readPort(BASE + offset, 16)
  const out16 = (offset: number, value: number) => bench.bus.writePort(BASE + offset, 16, value)
  return { bench, sci, events, power, in16, out16 }
}

describe('ACPI registers', () => {
  it('are switched on by the SMI command and off again', () => {
    const { bench, in16 } = board()
    bench.out8(0xb2, 0xf1)
    expect(in16(4)).toBe(1)
    bench.out8(0xb2, 0xf0)
    expect(in16(4)).toBe(0)
    bench.out8(0xb3, 0x12)
    expect([bench.in8(0xb2), bench.in8(0xb3)]).toEqual([0xf0, 0x12])
  })

  it('power off by SLP_EN with type 0, and only then', () => {
    const { events, out16, in16 } = board()
    out16(4, 0x0001)
    out16(4, 0x0401)
    expect(events).toEqual([])
    out16(4, 0x2401)
    expect(in16(4)).toBe(0x0401)
    expect(in16(0) & 0x8000).toBe(0x8000)
    out16(4, 0x2001)
    expect(events).toEqual(['sleep 1', 'off'])
  })

  it('raise SCI for the power button until its status is cleared', () => {
    const { bench, power, sci, in16, out16 } = board()
    bench.out8(0xb2, 0xf1)
    out16(2, 0xffff)
    expect(in16(2)).toBe(0x0521)
    power.pressPowerButton()
    expect([sci.level, in16(0)]).toEqual([true, 0x0100])
    out16(0, 0x0001)
    expect(sci.level).toBe(true)
    out16(0, 0x0100)
    expect([sci.level, in16(0)]).toEqual([false, 0])
  })

  it('count 24 bits at 3.579545 MHz and report the top bit', () => {
    const { bench, sci, in16, out16 } = board()
    bench.out8(0xb2, 0xf1)
    out16(2, 1)
    const timer = () => bench.bus.readPort(BASE + 8, 32)
    bench.pass(1e9)
    expect(timer()).toBe(3_579_545)
    bench.pass(2e9)
    const half = Math.ceil((2 ** 23 * 1e9) / 3_579_545)
    expect(sci.rises).toEqual([half])
    expect(in16(0) & 1).toBe(1)
    out16(0, 1)
    expect(sci.level).toBe(false)
    bench.pass(2e9)
    expect(timer()).toBe((5 * 3_579_545) % 2 ** 24)
    expect(sci.rises.length).toBe(2)
  })

  it('move and vanish', () => {
    const { bench, power, in16 } = board()
    power.mapAt(0xb000)
    expect([in16(4), bench.bus.readPort(0xb004, 16)]).toEqual([0xffff, 0])
    power.mapAt(null)
    expect(bench.bus.readPort(0xb004, 16)).toBe(0xffff)
  })
})

describe('ACPI tables', () => {
  const { pieces, rsdp, end } = buildAcpiTables({ memoryBytes: 256 << 20, pmBase: BASE, floppy: true })
  const signature = (bytes: Uint8Array) => String.fromCharCode(...bytes.subarray(0, 4))
  const find = (name: string) => {
    const piece = pieces.find(({ bytes }) => signature(bytes) === name)
    if (!piece) throw new Error(`no ${name}`)
    return piece
  }
  const dword = (bytes: Uint8Array, offset: number) => new DataView(bytes.buffer).getUint32(offset, true)

  it('lie in the BIOS area, aligned, apart, and sum to zero', () => {
    expect(rsdp % 16).toBe(0)
    expect(find('FACS').address % 64).toBe(0)
    expect(end).toBeLessThan(0x100000)
    const sorted = [...pieces].sort((a, b) => a.address - b.address)
    sorted.forEach(({ address }, i) => {
      if (i > 0) expect(address).toBeGreaterThanOrEqual(sorted[i - 1].address + sorted[i - 1].bytes.length)
    })
    for (const { bytes } of pieces) {
      if (signature(bytes) === 'FACS') continue
      expect([signature(bytes), bytes.reduce((sum, byte) => sum + byte, 0) & 0xff]).toEqual([signature(bytes), 0])
    }
  })

  it('point at each other', () => {
    expect(dword(find('RSD ').bytes, 16)).toBe(find('RSDT').address)
    expect(dword(find('RSDT').bytes, 36)).toBe(find('FACP').address)
    expect(dword(find('FACP').bytes, 36)).toBe(find('FACS').address)
    expect(dword(find('FACP').bytes, 40)).toBe(find('DSDT').address)
    expect([56, 64, 76].map((offset) => dword(find('FACP').bytes, offset))).toEqual([0x600, 0x604, 0x608])
  })

  const hasIasl = spawnSync('iasl', ['-v']).status === 0
  it.skipIf(!hasIasl)('are read back by iasl as what was meant', () => {
    const folder = mkdtempSync(join(tmpdir(), 'acpi-'))
    for (const name of ['DSDT', 'FACP', 'FACS', 'RSDT']) {
      writeFileSync(join(folder, `${name}.aml`), find(name).bytes)
      const { stdout, stderr } = spawnSync('iasl', ['-d', join(folder, `${name}.aml`)], { encoding: 'utf8' })
      expect(stdout + stderr).not.toMatch(/error|invalid|incorrect/i)
    }
    const dsl = readFileSync(join(folder, 'DSDT.dsl'), 'utf8')
    const ids = ['PNP0A03', 'PNP0501', 'PNP0303', 'PNP0F13', 'PNP0B00', 'PNP0100', 'PNP0700']
    for (const id of ids) expect(dsl).toContain(id)
    expect(dsl).toMatch(/Name \(\\?_S5, Package/)
    const compiled = spawnSync('iasl', ['-p', join(folder, 'again'), join(folder, 'DSDT.dsl')], { encoding: 'utf8' })
    expect(compiled.stdout + compiled.stderr).toContain('0 Errors')
  })
})
