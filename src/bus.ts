/**
 * The port and device-memory map between the CPU and the devices.
 *
 *     const bus = new SystemBus()
 *     const release = bus.claimPorts(0x60, 0x60, { read8: () => 0xfa })   // device side
 *     bus.readPort(0x60, 8)                                               // CPU side
 *
 * An access goes to the handler of its first address, in its own width when the handler has that width; otherwise
 * it is split into narrower accesses, low address first, each of which finds its own handler (as on ISA, where a
 * wide cycle to an 8-bit card becomes several). What nobody claims reads all ones and ignores writes.
 */
import type { AccessSize, Bus, MemoryHandler, PortHandler } from './devices/device.ts'

const PORTS = 0x10000
const ALL_ONES_8 = 0xff

interface PortClaim { first: number, last: number, handler: PortHandler }
interface MemoryClaim { first: number, last: number, handler: MemoryHandler }

export class SystemBus implements Bus {
  private readonly portHandlers: (PortHandler | undefined)[] = new Array<PortHandler | undefined>(PORTS).fill(undefined)
  private readonly portClaims: PortClaim[] = []
  private readonly memoryClaims: MemoryClaim[] = []
  /** The memory claims cut into disjoint pieces, sorted by address; of overlapping claims the later one shows. */
  private pieces: MemoryClaim[] = []
  private lastPiece: MemoryClaim | undefined
  /** Called whenever the memory map changed, for those who cache what an address is. */
  onMemoryMapChange: (() => void) | undefined

  claimPorts(first: number, last: number, handler: PortHandler): () => void {
    if (!(first >= 0 && first <= last && last < PORTS)) throw new RangeError(`no such port range: ${first}..${last}`)
    const claim = { first, last, handler }
    this.portClaims.push(claim)
    this.portHandlers.fill(handler, first, last + 1)
    return () => this.releasePorts(claim)
  }

  claimMemory(first: number, last: number, handler: MemoryHandler): () => void {
    if (!(first >= 0 && first <= last)) throw new RangeError(`no such memory range: ${first}..${last}`)
    const claim = { first, last, handler }
    this.memoryClaims.push(claim)
    this.cutMemory()
    return () => {
      const index = this.memoryClaims.indexOf(claim)
      if (index < 0) return
      this.memoryClaims.splice(index, 1)
      this.cutMemory()
    }
  }

  /** Reads `size` bits from I/O space, zero-extended. Addresses wrap at 64 KiB. */
  readPort(port: number, size: AccessSize): number {
    port &= PORTS - 1
    const handler = this.portHandlers[port]
    if (size === 8) return handler?.read8 ? handler.read8(port) & 0xff : ALL_ONES_8
    if (size === 16) {
      if (handler?.read16) return handler.read16(port) & 0xffff
      return this.readPort(port, 8) | (this.readPort(port + 1, 8) << 8)
    }
    if (handler?.read32) return handler.read32(port) >>> 0
    return (this.readPort(port, 16) | (this.readPort(port + 2, 16) << 16)) >>> 0
  }

  /** Writes the low `size` bits of `value` to I/O space. Addresses wrap at 64 KiB. */
  writePort(port: number, size: AccessSize, value: number): void {
    port &= PORTS - 1
    const handler = this.portHandlers[port]
    if (size === 8) {
      handler?.write8?.(port, value & 0xff)
    } else if (size === 16) {
      if (handler?.write16) {
        handler.write16(port, value & 0xffff)
        return
      }
      this.writePort(port, 8, value)
      this.writePort(port + 1, 8, value >>> 8)
    } else {
      if (handler?.write32) {
        handler.write32(port, value >>> 0)
        return
      }
      this.writePort(port, 16, value)
      this.writePort(port + 2, 16, value >>> 16)
    }
  }

  /** Reads `size` bits of device memory at a physical address, zero-extended. */
  readMemory(physical: number, size: AccessSize): number {
    if (physical < 0) physical += 0x1_0000_0000
    const piece = this.pieceAt(physical)
    if (size === 8) return piece ? piece.handler.read8(physical) & 0xff : ALL_ONES_8
    const whole = piece !== undefined && physical + size / 8 - 1 <= piece.last
    if (size === 16) {
      if (whole && piece.handler.read16) return piece.handler.read16(physical) & 0xffff
      return this.readMemory(physical, 8) | (this.readMemory(physical + 1, 8) << 8)
    }
    if (whole && piece.handler.read32) return piece.handler.read32(physical) >>> 0
    return (this.readMemory(physical, 16) | (this.readMemory(physical + 2, 16) << 16)) >>> 0
  }

  /** Writes the low `size` bits of `value` to device memory at a physical address. */
  writeMemory(physical: number, size: AccessSize, value: number): void {
    if (physical < 0) physical += 0x1_0000_0000
    const piece = this.pieceAt(physical)
    if (size === 8) {
      piece?.handler.write8(physical, value & 0xff)
      return
    }
    const whole = piece !== undefined && physical + size / 8 - 1 <= piece.last
    if (size === 16) {
      if (whole && piece.handler.write16) {
        piece.handler.write16(physical, value & 0xffff)
        return
      }
      this.writeMemory(physical, 8, value)
      this.writeMemory(physical + 1, 8, value >>> 8)
    } else {
      if (whole && piece.handler.write32) {
        piece.handler.write32(physical, value >>> 0)
        return
      }
      this.writeMemory(physical, 16, value)
      this.writeMemory(physical + 2, 16, value >>> 16)
    }
  }

  /** Whether a device has claimed this physical address. */
  claimsMemory(physical: number): boolean {
    return this.pieceAt(physical < 0 ? physical + 0x1_0000_0000 : physical) !== undefined
  }

  private releasePorts(claim: PortClaim): void {
    const index = this.portClaims.indexOf(claim)
    if (index < 0) return
    this.portClaims.splice(index, 1)
    this.portHandlers.fill(undefined, claim.first, claim.last + 1)
    for (const other of this.portClaims) {
      const first = Math.max(other.first, claim.first)
      const last = Math.min(other.last, claim.last)
      if (first <= last) this.portHandlers.fill(other.handler, first, last + 1)
    }
  }

  private cutMemory(): void {
    const edges = new Set<number>()
    for (const claim of this.memoryClaims) edges.add(claim.first).add(claim.last + 1)
    const sorted = [...edges].sort((a, b) => a - b)
    const pieces: MemoryClaim[] = []
    for (let i = 0; i + 1 < sorted.length; i++) {
      const first = sorted[i]
      let owner: MemoryClaim | undefined
      for (const claim of this.memoryClaims) if (claim.first <= first && first <= claim.last) owner = claim
      if (!owner) continue
      const previous = pieces[pieces.length - 1]
      const last = sorted[i + 1] - 1
      if (previous && previous.handler === owner.handler && previous.last + 1 === first) previous.last = last
      else pieces.push({ first, last, handler: owner.handler })
    }
    this.pieces = pieces
    this.lastPiece = undefined
    this.onMemoryMapChange?.()
  }

  private pieceAt(physical: number): MemoryClaim | undefined {
    const recent = this.lastPiece
    if (recent && physical >= recent.first && physical <= recent.last) return recent
    let low = 0
    let high = this.pieces.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const piece = this.pieces[middle]
      if (physical < piece.first) high = middle - 1
      else if (physical > piece.last) low = middle + 1
      else {
        this.lastPiece = piece
        return piece
      }
    }
    return undefined
  }
}
