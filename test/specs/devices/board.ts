/**
 * A board with every device on it, and random operations on them: for fuzz.spec.ts and tools/device-fuzz.ts.
 */
import type { Device, DeviceState } from '../../../src/devices/device.ts'
import { PowerManagement } from '../../../src/devices/acpi.ts'
import { Dma } from '../../../src/devices/dma.ts'
import { DebugPort } from '../../../src/devices/debug-port.ts'
import { Floppy } from '../../../src/devices/floppy.ts'
import { FwCfg } from '../../../src/devices/fw-cfg.ts'
import { describeMachine } from '../../../src/devices/firmware-tables.ts'
import { Hpet } from '../../../src/devices/hpet.ts'
import { IoApic } from '../../../src/devices/io-apic.ts'
import { LocalApic } from '../../../src/devices/local-apic.ts'
import { I8042 } from '../../../src/devices/i8042.ts'
import { Ide } from '../../../src/devices/ide.ts'
import { IsaDebugExit } from '../../../src/devices/isa-debug-exit.ts'
import { addChipset } from '../../../src/devices/pci-chipset.ts'
import { PciFunction } from '../../../src/devices/pci-function.ts'
import { setUpPci } from '../../../src/devices/pci-setup.ts'
import { Pci } from '../../../src/devices/pci.ts'
import { Pic } from '../../../src/devices/pic.ts'
import { Pit } from '../../../src/devices/pit.ts'
import { Port92 } from '../../../src/devices/port92.ts'
import { PostPort } from '../../../src/devices/post-port.ts'
import { Ps2Keyboard } from '../../../src/devices/ps2-keyboard.ts'
import { Ps2Mouse } from '../../../src/devices/ps2-mouse.ts'
import { Rtc } from '../../../src/devices/rtc.ts'
import { SystemControlPort } from '../../../src/devices/system-control.ts'
import { Uart } from '../../../src/devices/uart.ts'
import { VirtioBlock } from '../../../src/devices/virtio-block.ts'
import { Vga } from '../../../src/devices/vga.ts'
import type { Disk } from '../../../src/disks/disk.ts'
import { MemoryDisk } from '../../../src/disks/memory-disk.ts'
import { ArrayMemory, Workbench } from './workbench.ts'

export const RAM_BYTES = 1 << 18
/** What lies before and behind RAM must stay so. */
const CANARY = 0xc5
const CANARY_BYTES = 4096

/** A whole board of the devices, with what comes out of it written down. */
export class Board {
  readonly bench = new Workbench()
  readonly output: number[] = []
  readonly devices: Device[]
  readonly pic: Pic
  readonly keyboard: Ps2Keyboard
  readonly mouse: Ps2Mouse
  readonly uarts: Uart[]
  readonly vga: Vga
  readonly ram: ArrayMemory
  private readonly surroundings = new Uint8Array(RAM_BYTES + 2 * CANARY_BYTES).fill(CANARY)
  readonly floppyBytes = new Uint8Array(1474560)
  readonly diskBytes = new Uint8Array(1 << 20)
  readonly discBytes = new Uint8Array(1 << 18)
  readonly virtioBytes = new Uint8Array(1 << 16)
  readonly picture = { width: 0, height: 0, pixels: new Uint32Array(0) }

  /** `wrap` puts something between the drives and the bytes of their disks. */
  constructor(wrap: (disk: Disk) => Disk = disk => disk) {
    const { bus, clock } = this.bench
    const note = (tag: number) => (value: unknown) => this.output.push(tag, Number(value))
    this.pic = new Pic({ bus, onInterruptLine: note(1) })
    const line = (irq: number) => this.pic.line(irq)
    const pit = new Pit({ bus, clock, irq0: line(0), onTone: note(2) })
    const control = new SystemControlPort({
      bus, clock, setGate2: (on) => pit.setGate2(on), output2: () => pit.output2(), onSpeaker: note(3),
    })
    const rtc = new Rtc({
      bus, clock, irq8: line(8), startEpochMs: Date.UTC(2024, 1, 28, 23, 59, 30), memoryBytes: 64 << 20,
    })
    this.uarts = [
      new Uart({ bus, clock, name: 'uart0', base: 0x3f8, irq: line(4), onByte: note(4) }),
      new Uart({
        bus, clock, name: 'uart1', base: 0x2f8, irq: line(3), onByte: note(5), pacing: 'baud', gateByOut2: true,
      }),
    ]
    this.keyboard = new Ps2Keyboard({ clock, onLeds: note(6) })
    this.mouse = new Ps2Mouse({ clock })
    const i8042 = new I8042({
      bus, clock, keyboard: this.keyboard, mouse: this.mouse, irq1: line(1), irq12: line(12),
      onA20: note(7), onReset: () => this.output.push(8),
    })
    const pci = new Pci({ bus, irqLine: line, onReset: note(9) })
    const power = new PowerManagement({ bus, clock, sci: line(9), onPowerOff: () => this.output.push(10) })
    addChipset(pci, {
      onPmBase: (base) => power.mapAt(base),
      onShadow: ({ first, readRam }) => note(11)(first + Number(readRam)),
    })
    const memory = new Uint8Array(4096)
    pci.add(3, 0, new PciFunction({
      vendorId: 0x1234, deviceId: 0x5678, classCode: 0x020000, interruptPin: 1,
      bars: [
        { kind: 'io', size: 32, handler: { read8: (port) => port, write8: note(12) } },
        { kind: 'memory', size: 4096, handler: { read8: (a) => memory[a], write8: (a, v) => { memory[a] = v } } },
      ],
    }))
    const inta = pci.interruptLine(3, 1)
    const port92 = new Port92({ bus, onA20: note(13), onReset: () => this.output.push(14) })
    const post = new PostPort({ bus, onCode: note(15) })
    const debug = new DebugPort({ bus, onByte: note(16) })
    const exit = new IsaDebugExit({ bus, onExit: note(17) })
    this.surroundings.fill(0, CANARY_BYTES, CANARY_BYTES + RAM_BYTES)
    const ram = new ArrayMemory(RAM_BYTES, this.surroundings.subarray(CANARY_BYTES, CANARY_BYTES + RAM_BYTES))
    this.ram = ram
    const dma = new Dma({ bus, memory: ram })
    const floppy = new Floppy({
      bus, clock, irq6: line(6), dma, onWake: () => {},
      drives: [wrap(new MemoryDisk(this.floppyBytes)), new MemoryDisk(new Uint8Array(368640), { readOnly: true })],
    })
    const ide = new Ide({
      bus, clock, memory: ram, irq: [line(14), line(15)], onWake: () => {},
      drives: [
        [{ kind: 'disk', disk: wrap(new MemoryDisk(this.diskBytes)) }, undefined],
        [{ kind: 'cdrom', disc: wrap(new MemoryDisk(this.discBytes, { readOnly: true })) }, { kind: 'cdrom' }],
      ],
    })
    pci.add(1, 1, ide.pciFunction)
    const vga = new Vga({
      bus, clock, irq: line(9), video: new Uint8Array(1 << 18), showFrameBuffer: note(20), showLegacy: note(18),
      takeFrameBufferWritten: () => false,
    })
    this.vga = vga
    pci.add(2, 0, vga.pciFunction)
    const fwCfg = new FwCfg({ bus, memory: ram })
    describeMachine(fwCfg, { memoryBytes: RAM_BYTES, pmBase: 0x600, bootOrder: ['/a'] })
    const localApic = new LocalApic({
      bus, clock, onInterruptLine: note(21), onNmi: () => this.output.push(22), onInit: () => this.output.push(23),
      onEndOfInterrupt: vector => ioApic.endOfInterrupt(vector),
    })
    const ioApic = new IoApic({ bus, onMessage: message => localApic.deliver(message) })
    const input = ioApic.line(4)
    const hpet = new Hpet({
      bus, clock, route: n => ioApic.line(n), timerLine: line(0), clockLine: line(8), onLegacy: note(24),
    })
    this.apic = localApic
    this.apicInput = level => {
      input.set(level)
      localApic.setLint0(level)
    }
    const virtio = new VirtioBlock({
      name: 'vda', clock, memory: ram, disk: wrap(new MemoryDisk(this.virtioBytes)), intx: pci.interruptLine(4, 1),
      sendMessage: (address, data) => localApic.deliverWrite(address, data),
    })
    pci.add(4, 0, virtio.pciFunction)
    this.toggleInta = (level) => inta.set(level)
    setUpPci(bus, { pmBase: 0x600 })
    this.devices = [
      this.pic, pit, control, rtc, ...this.uarts, this.keyboard, this.mouse, i8042, power, pci, port92, post, debug,
      exit, dma, floppy, ide, vga, fwCfg, localApic, ioApic, hpet, virtio,
    ]
  }

  readonly toggleInta: (level: boolean) => void
  readonly apicInput: (level: boolean) => void
  readonly apic: LocalApic

  /** Whether nobody has written beside RAM. */
  canariesLive(): boolean {
    const { surroundings } = this
    const beside = [surroundings.subarray(0, CANARY_BYTES), surroundings.subarray(CANARY_BYTES + RAM_BYTES)]
    return beside.every(bytes => bytes.every(byte => byte === CANARY))
  }

  save(): DeviceState {
    const state: DeviceState = {
      ram: this.ram.bytes, floppyBytes: this.floppyBytes, diskBytes: this.diskBytes, virtioBytes: this.virtioBytes, retired: this.bench.retired, clock: this.bench.clock.save(),
    }
    for (const device of this.devices) state[device.name] = device.save()
    return structuredClone(state)
  }

  load(state: DeviceState): void {
    this.bench.retired = state.retired as number
    this.ram.bytes.set(state.ram as Uint8Array)
    this.floppyBytes.set(state.floppyBytes as Uint8Array)
    this.diskBytes.set(state.diskBytes as Uint8Array)
    this.virtioBytes.set(state.virtioBytes as Uint8Array)
    this.bench.clock.load(state.clock as DeviceState)
    for (const device of this.devices) device.load(state[device.name] as DeviceState)
  }
}

export const PORT_RANGES: [number, number][] = [
  [0x20, 2], [0xa0, 2], [0x4d0, 2], [0x40, 4], [0x61, 1], [0x70, 2], [0x3f8, 8], [0x2f8, 8], [0x60, 1], [0x64, 1],
  [0x92, 1], [0xcf8, 8], [0x600, 64], [0xb2, 2], [0xe9, 1], [0xf4, 4], [0x80, 1], [0xc000, 32],
  [0x00, 16], [0xc0, 32], [0x81, 15], [0x3f2, 6], [0x1f0, 8], [0x3f6, 1], [0x170, 8], [0x376, 1], [0xc020, 16],
  [0x3c0, 16], [0x3d4, 7], [0x1ce, 3], [0x510, 12], [0xc080, 32],
]
const KEYS = ['KeyA', 'Enter', 'ShiftLeft', 'Pause', 'PrintScreen', 'AltLeft', 'ArrowUp', 'ControlRight', 'NoSuchKey']

/** One random operation; everything that comes out goes to `board.output`. */
export function operate(board: Board, random: () => number): void {
  const { bench } = board
  const choice = (random() % 200) / 2
  const [first, count] = PORT_RANGES[random() % PORT_RANGES.length]
  const port = first + (random() % count)
  const size = ([8, 8, 8, 16, 32] as const)[random() % 5]
  const value = random()
  if (choice < 40) bench.bus.writePort(port, size, value)
  else if (choice < 70) board.output.push(bench.bus.readPort(port, size))
  else if (choice < 74) board.keyboard.keyDown(KEYS[value % KEYS.length])
  else if (choice < 78) board.keyboard.keyUp(KEYS[value % KEYS.length])
  else if (choice < 80) board.mouse.move((value & 0x3ff) - 512, ((value >>> 10) & 0x3ff) - 512, (value >>> 28) - 8)
  else if (choice < 81) board.mouse.buttons(value & 0xff)
  else if (choice < 84) board.uarts[value & 1].receive(new Uint8Array([value, value >>> 8, value >>> 16]))
  else if (choice < 85) board.uarts[value & 1].receiveBreak()
  else if (choice < 86) board.toggleInta((value & 1) !== 0)
  else if (choice < 92) board.output.push(board.pic.acknowledge())
  else if (choice < 96) bench.pass(value % 200_000)
  else if (choice < 97) board.bench.bus.writeMemory(0xa0000 + (value & 0x1ffff), size, value)
  else if (choice < 98) board.output.push(board.bench.bus.readMemory(0xa0000 + (value & 0x1ffff), size))
  else if (choice < 98.5) command(board, value)
  else if (choice < 99) accessApic(board, random)
  else if (choice < 99.5) useVirtio(board, value)
  else configure(bench, value)
}

const APIC_PAGES = [0xfee00000, 0xfec00000, 0xfed00000]

/** Some accesses to the registers of the APICs and the HPET, of which most are 16 bytes apart. */
function accessApic(board: Board, random: () => number): void {
  const { bus } = board.bench
  for (let i = 0; i < 8; i++) {
    const value = random()
    const size = ([32, 32, 32, 8, 16] as const)[value % 5]
    const page = APIC_PAGES[(value >>> 4) % APIC_PAGES.length]
    const address = page + ((value >>> 8) & (value & 0x80000000 ? 0x3f0 : 0x1ff))
    if ((value >>> 6) & 3) bus.writeMemory(address, size, [random(), random() & 0x1ff, 0x30 + (random() & 0xff)][random() % 3])
    else board.output.push(bus.readMemory(address, size))
  }
  const value = random()
  board.apicInput((value & 1) !== 0)
  if (value & 2) board.output.push(board.apic.acknowledge())
  if ((value & 0x7c) === 0) board.apic.setBase(0xfee00100 | (value & 0x800))
  else board.apic.setBase(0xfee00900)
  board.apic.deliverWrite(0xfee00000 | (value & 0xffff0), value >>> 12)
}

/** A virtio driver that brings its queue up and asks for something, in rings that chance has written to as well. */
function useVirtio({ bench, ram, output }: Board, value: number): void {
  const { bus } = bench
  const io = 0xc080
  const ring = 0x20000
  if (value & 1) {
    bench.out8(io + 18, 0)
    bus.writePort(io + 4, 32, value & 0x30000000)
    bus.writePort(io + 8, 32, ring / 4096)
    bench.out8(io + 18, 7)
  }
  for (let i = 0; i < 4; i++) {
    ram.write32(ring + 16 * i, 0x8000 + ((value >>> i) & 0xfff))
    ram.write32(ring + 16 * i + 4, 0)
    ram.write32(ring + 16 * i + 8, [16, 512, 1, value & 0xffff][(value >>> (2 * i)) & 3])
    ram.write32(ring + 16 * i + 12, ((value >>> (3 * i + 4)) & 7) | (((value >>> i) & 3) << 16))
  }
  ram.write32(0x8000 + (value & 0xfff), (value >>> 8) & 9)
  ram.write16(ring + 4096 + 2, ram.read16(ring + 0x2002) + 1)
  bus.writePort(io + 16, 16, 0)
  bench.pass(10_000)
  output.push(bench.in8(io + 19), ram.read32(ring + 0x2000))
  const modern = 0xe0000000 + (value & 0x7fff)
  if (value & 2) bus.writeMemory(modern, 32, value)
  else output.push(bus.readMemory(modern, 32))
}

/** Chance would hardly ever hit the dance of configuration mechanism 1: this writes a random register of slots 0..3. */
function configure(bench: Workbench, value: number): void {
  bench.bus.writePort(0xcf8, 32, 0x80000000 | ((value & 0x1f) << 8) | (((value >>> 5) & 0x3f) << 2))
  bench.bus.writePort(0xcfc, 32, Math.imul(value, 0x9e3779b1))
}

/** Where `setUpPci` puts the bus-master registers: the primary channel's, then the secondary's. */
export const BUS_MASTER = 0xc000

/** First bytes of commands that do something, where chance would mostly hit nothing. */
const DISK_COMMANDS = [0x20, 0x24, 0x30, 0x34, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xa0, 0xa1, 0xec, 0xef, 0x91, 0xe7, 0x08]
const PACKETS = [0x00, 0x03, 0x12, 0x1b, 0x25, 0x28, 0x43, 0x46, 0x4a, 0x51, 0x52, 0x5a, 0xa8, 0xbe]
const FLOPPY_COMMANDS = [0x03, 0x45, 0x46, 0x4d, 0x07, 0x08, 0x0f, 0x4a, 0xe6, 0xc5, 0x16, 0x13]

/** A bus-master table, and a sector one way or the other through the data port. */
function moveSector({ bench, output, ram }: Board, base: number, value: number): void {
  ram.write32(0x1000, value & 0xfffff)
  ram.write32(0x1004, 0x80000000 | (value & 0xffff))
  bench.bus.writePort(BUS_MASTER + 4, 32, 0x1000)
  bench.out8(BUS_MASTER, value & 9)
  bench.pass(10_000)
  for (let i = 0; i < 256; i++) {
    if (value & 0x40) bench.bus.writePort(base, 16, value >>> (i & 15))
    else output.push(bench.bus.readPort(base, 16))
  }
  bench.pass(10_000)
}

/** A command of the IDE or floppy controller with random parameters, or a picture. */
function command(board: Board, value: number): void {
  const { bench } = board
  const base = value & 1 ? 0x1f0 : 0x170
  switch ((value >>> 1) & 3) {
    case 0:
      bench.out8(base + 2, (value >>> 8) & 3)
      for (const register of [3, 4, 5]) bench.out8(base + register, (value >>> (8 + register)) & 7)
      bench.out8(base + 6, 0xe0 | ((value >>> 3) & 0x10))
      bench.out8(base + 7, DISK_COMMANDS[(value >>> 12) % DISK_COMMANDS.length])
      moveSector(board, base, value)
      break
    case 1:
      bench.out8(base + 7, 0xa0)
      bench.pass(1000)
      for (let i = 0; i < 6; i++) {
        const first = i === 0 ? PACKETS[(value >>> 12) % PACKETS.length] : 0
        bench.bus.writePort(base, 16, i === 0 ? first | ((value >>> 16) & 0x300) : (value >>> i) & 0x0303)
      }
      break
    case 2:
      bench.out8(0x3f5, FLOPPY_COMMANDS[(value >>> 12) % FLOPPY_COMMANDS.length])
      for (let i = 0; i < 8; i++) bench.out8(0x3f5, (value >>> (8 + i)) & 3)
      break
    default:
      // Chance draws pictures of millions of dots: not too many of them.
      if (value & 0x700) break
      board.output.push(Number(board.vga.draw(board.picture)), board.vga.text()?.length ?? -1)
  }
}
