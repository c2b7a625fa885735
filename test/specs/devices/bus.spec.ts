/** The bus: widths split and composed, overlapping claims, release, unclaimed addresses. */
import { describe, expect, it } from 'vitest'
import { SystemBus } from '../../../src/bus.ts'

describe('SystemBus ports', () => {
  it('reads all ones and ignores writes where nobody is', () => {
    const bus = new SystemBus()
    expect(([8, 16, 32] as const).map((size) => bus.readPort(0x1234, size))).toEqual([0xff, 0xffff, 0xffffffff])
    bus.writePort(0x1234, 32, 1)
  })

  it('splits wide accesses among the handlers of their bytes', () => {
    const bus = new SystemBus()
    const written: number[][] = []
    bus.claimPorts(0x10, 0x12, { read8: (port) => port, write8: (port, value) => written.push([port, value]) })
    bus.claimPorts(0x13, 0x13, { read8: () => 0xab })
    expect(bus.readPort(0x10, 32)).toBe(0xab121110)
    expect(bus.readPort(0x12, 16)).toBe(0xab12)
    bus.writePort(0x11, 32, 0x87654321)
    expect(written).toEqual([[0x11, 0x21], [0x12, 0x43]])
  })

  it('hands an access over in the widest form the first handler has', () => {
    const bus = new SystemBus()
    const seen: string[] = []
    bus.claimPorts(0x1f0, 0x1f0, {
      read16: () => {
        seen.push('r16')
        return 0x1_2345
      },
      write16: (_port, value) => seen.push(`w16 ${value.toString(16)}`),
    })
    bus.claimPorts(0x1f2, 0x1f2, { read16: () => 0xbeef })
    expect(bus.readPort(0x1f0, 32)).toBe(0xbeef2345)
    bus.writePort(0x1f0, 16, -1)
    expect(seen).toEqual(['r16', 'w16 ffff'])
    expect(bus.readPort(0x1f0, 8)).toBe(0xff)
  })

  it('wraps at 64 KiB', () => {
    const bus = new SystemBus()
    bus.claimPorts(0, 0, { read8: () => 0x5a })
    expect(bus.readPort(0xffff, 16)).toBe(0x5aff)
  })

  it('a later claim wins and gives the range back', () => {
    const bus = new SystemBus()
    bus.claimPorts(0x60, 0x6f, { read8: () => 1 })
    const release = bus.claimPorts(0x64, 0x67, { read8: () => 2 })
    expect([0x63, 0x64, 0x67, 0x68].map((port) => bus.readPort(port, 8))).toEqual([1, 2, 2, 1])
    release()
    release()
    expect(bus.readPort(0x64, 8)).toBe(1)
  })
})

describe('SystemBus memory', () => {
  it('composes widths and stops at the end of a claim', () => {
    const bus = new SystemBus()
    const bytes = new Uint8Array(16).map((_, i) => i)
    let wide = 0
    bus.claimMemory(0xa0000, 0xa000f, {
      read8: (a) => bytes[a & 15], write8: (a, v) => { bytes[a & 15] = v },
      read32: () => {
        wide++
        return 0x89abcdef
      },
    })
    expect(bus.readMemory(0xa0004, 16)).toBe(0x0504)
    expect(bus.readMemory(0xa0004, 32)).toBe(0x89abcdef)
    expect(bus.readMemory(0xa000e, 32)).toBe(0xffff0f0e)
    expect(wide).toBe(1)
    bus.writeMemory(0xa000d, 32, 0x44332211)
    expect([...bytes.subarray(12)]).toEqual([12, 0x11, 0x22, 0x33])
  })

  it('takes addresses above 2 GiB in either sign', () => {
    const bus = new SystemBus()
    bus.claimMemory(0xfee00000, 0xfee00fff, { read8: () => 7, write8: () => {} })
    expect(bus.readMemory(0xfee00000 | 0, 8)).toBe(7)
    expect(bus.readMemory(0xfee00000, 8)).toBe(7)
    expect(bus.claimsMemory(0xfee01000)).toBe(false)
  })

  it('lets the later of overlapping claims show, whatever was read before', () => {
    const bus = new SystemBus()
    const claim = (first: number, last: number, value: number) =>
      bus.claimMemory(first, last, { read8: () => value, write8: () => {} })
    let changes = 0
    bus.onMemoryMapChange = () => changes++
    claim(0x1000, 0x1fff, 1)
    const release = claim(0x1800, 0x27ff, 2)
    claim(0x3000, 0x3fff, 3)
    const map = () => [0xfff, 0x1000, 0x17ff, 0x1800, 0x27ff, 0x2800, 0x3000, 0x4000].map((a) => bus.readMemory(a, 8))
    expect(map()).toEqual([0xff, 1, 1, 2, 2, 0xff, 3, 0xff])
    release()
    expect(map()).toEqual([0xff, 1, 1, 1, 0xff, 0xff, 3, 0xff])
    expect(changes).toBe(4)
  })
})
