/**
 * Virtio block device on PCI.
 *
 *     const disk = new VirtioBlock({ name: 'vda', clock, memory, disk: image, intx, sendMessage, onWake })
 *     pci.add(3, 0, disk.pciFunction)
 *
 * One request queue; requests are carried out in order, a few microseconds after the notification, or when the disk
 * source answers. Source: VIRTIO 1.1, 5.2 (block device).
 */
import { chain, type Disk } from '../disks/disk.ts'
import type { Clock, Device, DeviceState, GuestMemory, IrqLine, Timer } from './device.ts'
import type { PciFunction } from './pci-function.ts'
import { restore } from './state.ts'
import {
  FEATURE_EVENT_INDEX, FEATURE_INDIRECT, FEATURE_VERSION_1, PciTransport, VirtioDeviceId,
} from './virtio/pci-transport.ts'
import { BrokenQueue, type Chain, type Piece, type VirtQueue } from './virtio/queue.ts'

const SECTOR_BYTES = 512
const KIND_BLOCK = 2
const CLASS_MASS_STORAGE = 0x010000
const FEATURE_SEGMENTS = 2
const FEATURE_READ_ONLY = 5
const FEATURE_BLOCK_SIZE = 6
const FEATURE_FLUSH = 9
/** Segments of one request, beside its header and status. */
const MOST_SEGMENTS = 254
const CONFIGURATION_BYTES = 60
const HEADER_BYTES = 16
const ID_BYTES = 20
/** No driver asks for more at once; what does is refused before memory is set aside. */
const MOST_REQUEST_BYTES = 64 << 20
const ANSWER_NS = 2000

enum RequestType { In = 0, Out = 1, Flush = 4, GetId = 8 }
enum RequestStatus { Ok = 0, IoError = 1, Unsupported = 2 }

export interface VirtioBlockOptions {
  /** Key of the saved state, and the serial number that the guest reads. */
  name: string
  clock: Clock
  memory: GuestMemory
  disk: Disk
  intx: IrqLine
  sendMessage?: (address: number, data: number) => void
  /** Called when an answer has come from outside the virtual machine. */
  onWake?: () => void
}

export class VirtioBlock implements Device {
  readonly name: string
  private readonly options: VirtioBlockOptions
  private readonly transport: PciTransport
  private readonly timer: Timer
  private readonly sectors: number
  /** Waiting for a disk source; answers that were asked for before a reset are of no interest. */
  private waiting = false
  private generation = 0

  constructor(options: VirtioBlockOptions) {
    const { name, clock, memory, disk, intx, sendMessage } = options
    this.name = name
    this.options = options
    this.sectors = Math.floor(disk.bytes / SECTOR_BYTES)
    this.timer = clock.timer(name, () => this.work())
    this.transport = new PciTransport({
      name, memory, intx, sendMessage, deviceId: VirtioDeviceId.Block, kind: KIND_BLOCK, classCode: CLASS_MASS_STORAGE,
      queues: 1, configuration: configurationOf(this.sectors),
      features: [
        FEATURE_SEGMENTS, FEATURE_BLOCK_SIZE, FEATURE_FLUSH, ...(disk.readOnly ? [FEATURE_READ_ONLY] : []),
        FEATURE_INDIRECT, FEATURE_EVENT_INDEX, FEATURE_VERSION_1,
      ],
      onNotify: () => {
        if (!this.waiting && this.timer.due === Infinity) this.timer.schedule(clock.now() + ANSWER_NS)
      },
      onReset: () => this.forget(),
    })
  }

  get pciFunction(): PciFunction {
    return this.transport.pciFunction
  }

  reset(): void {
    this.transport.hardReset()
  }

  save(): DeviceState {
    return { ...this.transport.save(), pending: this.waiting || this.timer.due !== Infinity }
  }

  /** A request that waited for a disk source is begun anew; when others are due, a clock that was loaded before knows. */
  load(state: DeviceState): void {
    const saved = { pending: false }
    restore(this.name, saved, state)
    this.transport.load(state)
    this.generation++
    this.waiting = false
    if (saved.pending && this.timer.due === Infinity) this.timer.schedule(this.options.clock.now() + ANSWER_NS)
  }

  private forget(): void {
    this.generation++
    this.waiting = false
    this.timer.cancel()
  }

  private get queue(): VirtQueue {
    return this.transport.queues[0]
  }

  /** Carries out what waits, as far as the disk source answers at once. */
  private work(): void {
    const { transport, queue } = this
    while (transport.isReady && !this.waiting) {
      let request: Chain | undefined
      try {
        request = queue.peek()
        if (!request) break
      } catch (error) {
        if (!(error instanceof BrokenQueue)) throw error
        transport.needReset()
        return
      }
      this.carryOut(request)
    }
    transport.interrupt(queue)
  }

  private carryOut(request: Chain): void {
    const written = this.begin(request)
    if (!(written instanceof Promise)) {
      this.queue.finish(request, written)
      return
    }
    this.waiting = true
    const { generation } = this
    written.then(count => {
      if (generation !== this.generation) return
      this.waiting = false
      this.queue.finish(request, count)
      this.work()
      this.options.onWake?.()
    })
  }

  /** Carries a request out; the bytes written into its chain. Never throws, and its promise is always kept. */
  private begin(request: Chain): number | Promise<number> {
    const written = totalOf(request.writable)
    if (totalOf(request.readable) < HEADER_BYTES || written === 0) {
      this.transport.needReset()
      return 0
    }
    const answer = (count: number, status: RequestStatus) => {
      this.scatter(request.writable, written - 1, Uint8Array.of(status))
      return count + 1
    }
    const failed = () => answer(0, RequestStatus.IoError)
    try {
      const result = this.access(request, written - 1)
      if (typeof result === 'number') return answer(0, result)
      if (!(result instanceof Promise)) return answer(result.count, RequestStatus.Ok)
      const { generation } = this
      return result.then(({ count }) => (generation === this.generation ? answer(count, RequestStatus.Ok) : 0),
        () => (generation === this.generation ? failed() : 0))
    } catch {
      // The source's errors are the guest's I/O errors.
      return failed()
    }
  }

  /** The access itself: a status other than "ok", or the number of bytes put into the first `room` writable ones. */
  private access({ readable, writable }: Chain, room: number): RequestStatus | Answer | Promise<Answer> {
    const { disk, name } = this.options
    const header = new DataView(this.gather(readable, 0, HEADER_BYTES).buffer)
    const type: RequestType = header.getUint32(0, true)
    const sector = header.getUint32(8, true) + header.getUint32(12, true) * 2 ** 32
    const { generation } = this
    switch (type) {
      case RequestType.In:
        if (!this.fits(sector, room)) return RequestStatus.IoError
        return chain(disk.read(sector * SECTOR_BYTES, room), bytes => {
          if (generation === this.generation) this.scatter(writable, 0, bytes.subarray(0, room))
          return { count: room }
        })
      case RequestType.Out: {
        const length = totalOf(readable) - HEADER_BYTES
        if (disk.readOnly || !this.fits(sector, length)) return RequestStatus.IoError
        return chain(disk.write(sector * SECTOR_BYTES, this.gather(readable, HEADER_BYTES, length)), () => ({ count: 0 }))
      }
      case RequestType.Flush:
        return chain(disk.flush(), () => ({ count: 0 }))
      case RequestType.GetId: {
        const id = new Uint8Array(Math.min(ID_BYTES, room))
        for (let i = 0; i < Math.min(id.length, name.length); i++) id[i] = name.charCodeAt(i)
        this.scatter(writable, 0, id)
        return { count: id.length }
      }
      default:
        return RequestStatus.Unsupported
    }
  }

  private fits(sector: number, length: number): boolean {
    return length % SECTOR_BYTES === 0 && length <= MOST_REQUEST_BYTES && sector + length / SECTOR_BYTES <= this.sectors
  }

  /** `length` bytes out of the pieces, from byte `start` of them all. */
  private gather(pieces: readonly Piece[], start: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    let position = -start
    for (const piece of pieces) {
      const skip = Math.max(0, -position)
      const count = Math.min(piece.length - skip, length - Math.max(0, position))
      if (count > 0) bytes.set(this.options.memory.readBytes(piece.address + skip, count), Math.max(0, position))
      position += piece.length
    }
    return bytes
  }

  /** Writes bytes into the pieces, from byte `start` of them all. */
  private scatter(pieces: readonly Piece[], start: number, bytes: Uint8Array): void {
    let position = -start
    for (const piece of pieces) {
      const skip = Math.max(0, -position)
      const from = Math.max(0, position)
      const count = Math.min(piece.length - skip, bytes.length - from)
      if (count > 0) this.options.memory.writeBytes(piece.address + skip, bytes.subarray(from, from + count))
      position += piece.length
    }
  }
}

interface Answer { readonly count: number }

function totalOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}

/** The configuration that the driver reads: capacity in sectors, segments, block size. */
function configurationOf(sectors: number): Uint8Array {
  const bytes = new Uint8Array(CONFIGURATION_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, sectors % 2 ** 32, true)
  view.setUint32(4, Math.floor(sectors / 2 ** 32), true)
  view.setUint32(12, MOST_SEGMENTS, true)
  view.setUint32(20, SECTOR_BYTES, true)
  return bytes
}
