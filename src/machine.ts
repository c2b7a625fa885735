/**
 * The breadboard: one CPU core, RAM, and the parts of a PC wired together.
 *
 *     const machine = new Machine(options, assets)
 *     for (;;) {
 *       const result = machine.run(8)            // about 8 ms of host time
 *       if (result.state === 'stopped') break
 *     }
 *
 * Synchronous and without a DOM; hosts decide when to call `run` again (src/node/run-loop.ts).
 *
 *   devices -IRQ-> Pic -INTR-> core.wasm -ports, device memory-> SystemBus -> devices
 *   VirtualClock: timers of devices bound how many instructions the core may run
 */
import { type Compiler, RegionManager } from '../jit/region-manager.ts'
import { RecordWriter } from '../jit/record-writer.ts'
import type { HandlerTable } from '../jit/handlers.ts'
import { CodeCache } from '../runtime/code-cache.ts'
import { type CpuModel, cpuModels, hasApic } from '../runtime/cpu-models.ts'
import { Core } from '../runtime/core.ts'
import { ExitReason } from '../runtime/exits.ts'
import { MAX_RUN_INSTRUCTIONS, REVIEW_INSTRUCTIONS } from '../runtime/memory-map.ts'
import { Eflags } from '../runtime/state.ts'
import { SystemBus } from './bus.ts'
import type { Disk } from './disks/disk.ts'
import { VirtualClock } from './clock.ts'
import { bootProcessor, resetProcessor } from './cpu-reset.ts'
import { crashReport } from './crash-report.ts'
import { type AcpiTablesOptions, buildAcpiTables } from './devices/acpi-tables.ts'
import { PowerManagement } from './devices/acpi.ts'
import { DebugPort } from './devices/debug-port.ts'
import { Dma, setUpDma } from './devices/dma.ts'
import type { AccessSize, Device, DeviceState } from './devices/device.ts'
import { Ide, type IdeDrive } from './devices/ide.ts'
import { I8042 } from './devices/i8042.ts'
import { IsaDebugExit } from './devices/isa-debug-exit.ts'
import { addChipset, CHIPSET_SLOT } from './devices/pci-chipset.ts'
import { PM_IO_BASE, protectShadow, setUpPci } from './devices/pci-setup.ts'
import { Pci } from './devices/pci.ts'
import { Pit } from './devices/pit.ts'
import { Port92 } from './devices/port92.ts'
import { PostPort } from './devices/post-port.ts'
import { Ps2Keyboard } from './devices/ps2-keyboard.ts'
import { Ps2Mouse } from './devices/ps2-mouse.ts'
import { Cmos, Rtc } from './devices/rtc.ts'
import { describeMachine } from './devices/firmware-tables.ts'
import { FloatError } from './devices/float-error.ts'
import { Floppy } from './devices/floppy.ts'
import { floppyTypes } from './devices/floppy/formats.ts'
import { FwCfg } from './devices/fw-cfg.ts'
import { SystemControlPort } from './devices/system-control.ts'
import { Uart } from './devices/uart.ts'
import { EntropySource } from './entropy.ts'
import { PCError } from './errors.ts'
import { Vga } from './devices/vga.ts'
import { VirtioBlock } from './devices/virtio-block.ts'
import { InterruptControllers } from './interrupt-controllers.ts'
import { setUpTextMode } from './devices/vga/text-mode.ts'
import { installBios } from './firmware.ts'
import { Ram } from './guest-memory.ts'
import type { MachineOptions, MachineStats, RunnableMachine, RunResult, SerialLine, StopReason } from './machine-options.ts'
import { loadCpu, loadRam, type MachineState, saveCpu, saveRam } from './machine-state.ts'
import { closeVideoHole, openRam } from './physical-map.ts'
import { SHADOW_END, SHADOW_FIRST, ShadowMemory } from './shadow-memory.ts'
import { VideoMemory } from './video-memory.ts'

/** What a machine is made of besides its options: the outputs of the build. */
export interface MachineAssets {
  readonly core: WebAssembly.Module
  readonly handlers: HandlerTable
  /** Compiles hot code; without it everything is interpreted. */
  readonly compiler?: Compiler
  /** Called once when the machine is disposed of. */
  readonly onDispose?: () => void
}

/** The CPU model of a name. Throws PCError 'usage' for one that does not exist. */
function modelOf(name = 'max'): CpuModel {
  if (Object.hasOwn(cpuModels, name)) return cpuModels[name]
  throw new PCError('usage', `there is no CPU model '${name}'`, `choose ${Object.keys(cpuModels).sort().join(', ')}`)
}

/**
 * Entries by jump after which a run is compiled. Debian's boot at 4,000: 7.5-8.5 s and 12.7-14.6 s of CPU, 674 regions;
 * at 12,000: 6.4-6.7 s, 10 s, 365; at 30,000: 6.1 s, 9.1 s, 255, but programs are interpreted for seconds.
 */
const HEAT_THRESHOLD = 8_000
/** Most instructions in one call of the core: V8 swaps optimised code in only between calls. */
const SLICE_INSTRUCTIONS = 1_000_000
/** Host time after which a run ends while code is being compiled or output waits: both are dealt with between runs. */
const AWAITING_MILLISECONDS = 2
/** Wall clock: most instructions between two looks at the host's time. */
const WALL_SLICE_INSTRUCTIONS = 250_000
/** Wall clock: fewest instructions of a slice, however slow the last one was. */
const FEWEST_WALL_INSTRUCTIONS = 100
const A20_BIT = 1 << 20
const SCI_IRQ = 9
/** IRQ2 of the card's slot. */
const RETRACE_IRQ = 9
const VGA_SLOT = 2
const IDE_FUNCTION = 1
const VIRTIO_SLOTS = [3, 4] as const
const FLOPPY_IRQ = 6
/** CMOS equipment byte: coprocessor, PS/2 mouse. */
const EQUIPMENT = 0x06
const IDE_IRQS = [14, 15] as const
const SERIAL_PORTS = [{ name: 'uart0', base: 0x3f8, irq: 4 }, { name: 'uart1', base: 0x2f8, irq: 3 }]

export class Machine implements RunnableMachine {
  readonly core: Core
  readonly memory: Ram
  readonly bus = new SystemBus()
  readonly clock: VirtualClock
  readonly cache: CodeCache
  readonly keyboard: Ps2Keyboard
  readonly mouse: Ps2Mouse
  readonly power: PowerManagement
  readonly screen: Vga
  readonly ide: Ide
  readonly floppy: Floppy | undefined
  onWake: (() => void) | undefined
  readonly serial: readonly SerialLine[]
  readonly debugConsole: { onByte: (byte: number) => void } = { onByte: () => {} }
  /** What the guest writes to the POST ports, 80h and 190h. */
  readonly postCodes: { onCode: (port: number, code: number) => void } = { onCode: () => {} }
  private readonly options: MachineOptions
  private readonly shadow: ShadowMemory
  private readonly video: VideoMemory
  private readonly interrupts: InterruptControllers
  private readonly floatError: FloatError
  private readonly devices: Device[] = []
  private readonly writer: RecordWriter
  private readonly regions: RegionManager | undefined
  private onDispose: (() => void) | undefined
  private readonly exits: Record<string, number> = {}
  private retiredBefore = 0
  private nextReview = 0
  private budget = 0
  /** Wall clock: instructions a nanosecond in the last slice. */
  private wallSpeed = 1
  private seconds = 0
  private cpuReset = false
  /** Whether `endSoon` was called since the run began. */
  private hurried = false
  private stopped: { reason: StopReason; status?: number } | undefined

  constructor(options: MachineOptions, assets: MachineAssets) {
    this.options = options
    this.clock = new VirtualClock({ mode: options.clock, retired: () => this.retired })
    // The guest's time begins with its first instruction, however long the host takes until then.
    this.clock.pause()
    const entropy = this.plug(new EntropySource(options.clock))
    this.core = Core.create(assets.core, options.memoryBytes, {
      readDevice: (physical, bits) => this.bus.readMemory(physical, bits as AccessSize),
      writeDevice: (physical, bits, value) => this.bus.writeMemory(physical, bits as AccessSize, value),
      readPort: (port, bits) => this.bus.readPort(port, bits as AccessSize),
      writePort: (port, bits, value) => this.bus.writePort(port, bits as AccessSize, value),
      codeWritten: (physical, bytes) => {
        this.cache.written(physical, bytes)
        this.video.touched(physical)
      },
      // One cycle a nanosecond of virtual time: a time-stamp counter of 1 GHz.
      timestamp: () => Math.floor(this.clock.now()),
      floatError: () => this.floatError.assert(),
      random: () => entropy.next(),
      apicBaseWritten: () => this.interrupts.takeBase(),
    })
    const { core } = this
    this.cache = new CodeCache(core, assets.handlers.special)
    this.writer = new RecordWriter(core, this.cache, assets.handlers)
    this.memory = new Ram(core, this.cache)
    this.video = new VideoMemory(core, this.cache)
    if (assets.compiler && options.jit !== false)
      this.regions = new RegionManager(core, this.cache, this.writer, assets.compiler, options.onWarning)
    this.onDispose = assets.onDispose
    this.clock.onEarlierDue = due => this.shortenBudget(due)
    openRam(core)
    closeVideoHole(core)
    core.set('cpuModel', modelOf(options.cpu))
    resetProcessor(core)
    if (this.regions) core.set('heatThreshold', options.heatThreshold ?? HEAT_THRESHOLD)
    if (options.trace) core.set('traceEach', 1)
    // The wall's time is not counted in instructions.
    if (options.clock === 'wall') core.set('wholeRuns', 1)

    const { bus, clock } = this
    this.shadow = this.plug(new ShadowMemory({ core, cache: this.cache, bus }))
    this.interrupts = new InterruptControllers({ core, bus, clock, apic: hasApic(core.get('cpuModel')), onInit: () => this.resetCpu() })
    for (const device of this.interrupts.devices) this.plug(device)
    const pit = this.plug(new Pit({ bus, clock, irq0: this.interrupts.line(0) }))
    this.plug(
      new SystemControlPort({
        bus, clock, setGate2: level => pit.setGate2(level), output2: () => pit.output2(),
      }),
    )
    const rtc = this.plug(
      new Rtc({
        bus, clock, irq8: this.interrupts.line(8), memoryBytes: options.memoryBytes,
        startEpochMs: options.clock === 'wall' ? Date.now() : REPEATABLE_EPOCH_MS,
      }),
    )
    this.keyboard = new Ps2Keyboard({ clock })
    this.mouse = new Ps2Mouse({ clock })
    // Firmware looks after a CPU that was reset alone; without it the machine starts anew.
    const onReset = (hard: boolean) => {
      if (hard || !options.firmware) this.stop('reset')
      else this.resetCpu()
    }
    const onCpuReset = () => onReset(false)
    // One gate, two switches: each shows in its register where the other has set it.
    const onA20 = (enabled: boolean) => {
      controller.noteA20(enabled)
      port92.noteA20(enabled)
      this.setA20(enabled)
    }
    const controller = this.plug(
      new I8042({
        bus, clock, keyboard: this.keyboard, mouse: this.mouse, irq1: this.interrupts.line(1), irq12: this.interrupts.line(12),
        onA20, onReset: onCpuReset,
      }),
    )
    const port92 = this.plug(new Port92({ bus, onA20, onReset: onCpuReset }))
    this.plug(this.keyboard)
    this.plug(this.mouse)
    this.serial = SERIAL_PORTS.map(port => this.addSerialPort(port))
    this.power = this.plug(
      new PowerManagement({ bus, clock, sci: this.interrupts.line(SCI_IRQ), onPowerOff: () => this.stop('power-off') }),
    )
    const pci = this.plug(new Pci({ bus, irqLine: irq => this.interrupts.line(irq), onReset }))
    addChipset(pci, { onShadow: region => this.shadow.select(region), onPmBase: base => this.power.mapAt(base) })
    this.screen = this.plug(
      new Vga({
        bus, clock, irq: this.interrupts.line(RETRACE_IRQ), video: this.video.bytes, rom: options.firmware?.vgaBios,
        showFrameBuffer: base => this.video.showAt(base), showLegacy: offset => this.video.showLegacy(offset),
        takeFrameBufferWritten: () => this.video.takeWritten(),
      }),
    )
    pci.add(VGA_SLOT, 0, this.screen.pciFunction)
    this.ide = this.addIde()
    pci.add(CHIPSET_SLOT, IDE_FUNCTION, this.ide.pciFunction)
    this.addVirtio(pci)
    this.floppy = this.addFloppy(rtc)
    this.addFirmware()
    this.plug(new DebugPort({ bus, onByte: byte => this.debugConsole.onByte(byte) }))
    this.plug(new PostPort({ bus, onCode: (port, code) => this.postCodes.onCode(port, code) }))
    this.floatError = this.plug(
      new FloatError({ bus, irq13: this.interrupts.line(13), onIgnore: () => core.set('fpuIgnored', 1) }),
    )
    if (options.isaDebugExit)
      this.plug(new IsaDebugExit({ bus, onExit: value => this.stop('debug-exit', value) }))

    this.loadGuest()
  }

  private addVirtio(pci: Pci): void {
    const { vda, vdb } = this.options.drives ?? {}
    for (const [name, disk, slot] of [['vda', vda, VIRTIO_SLOTS[0]], ['vdb', vdb, VIRTIO_SLOTS[1]]] as const) {
      if (!disk) continue
      const { clock, memory } = this
      const device = new VirtioBlock({
        name, clock, memory, disk, intx: pci.interruptLine(slot, 1), sendMessage: this.interrupts.sendMessage,
        onWake: () => this.onWake?.(),
      })
      pci.add(slot, 0, this.plug(device).pciFunction)
    }
  }

  private addIde(): Ide {
    const { hda, hdb, cdrom } = this.options.drives ?? {}
    const hardDisk = (disk: Disk | undefined): IdeDrive | undefined => disk && { kind: 'disk', disk }
    return this.plug(
      new Ide({
        bus: this.bus, clock: this.clock, memory: this.memory,
        irq: [this.interrupts.line(IDE_IRQS[0]), this.interrupts.line(IDE_IRQS[1])],
        drives: [
          [hardDisk(hda), hardDisk(hdb)],
          [cdrom === undefined ? undefined : { kind: 'cdrom', disc: cdrom ?? undefined }, undefined],
        ],
        onWake: () => this.onWake?.(),
      }),
    )
  }

  /** Without floppy drives there is no controller, so that nobody waits for it. */
  private addFloppy(rtc: Rtc): Floppy | undefined {
    const { bus, clock, memory } = this
    const dma = this.plug(new Dma({ bus, memory }))
    const { fda, fdb } = this.options.drives ?? {}
    if (fda === undefined && fdb === undefined) return undefined
    const types = floppyTypes([fda, fdb])
    rtc.setByte(Cmos.FloppyTypes, types.cmos)
    rtc.setByte(Cmos.Equipment, EQUIPMENT | types.equipment)
    const onWake = () => this.onWake?.()
    return this.plug(new Floppy({ bus, clock, irq6: this.interrupts.line(FLOPPY_IRQ), dma, drives: [fda, fdb], onWake }))
  }

  /** What firmware and some kernels ask for, and the BIOS ROM. */
  private addFirmware(): void {
    const { firmware } = this.options
    const fwCfg = this.plug(new FwCfg({ bus: this.bus, memory: this.memory }))
    describeMachine(fwCfg, { ...this.describe(), bootOrder: firmware?.bootOrder ?? [] })
    if (firmware) installBios(this.core, this.shadow, firmware.bios)
  }

  /** What the ACPI tables tell of. */
  private describe(): AcpiTablesOptions {
    return {
      memoryBytes: this.options.memoryBytes, pmBase: PM_IO_BASE, floppy: this.floppy !== undefined,
      apic: hasApic(this.core.get('cpuModel')),
    }
  }

  /** Puts memory and registers where firmware and boot loader would have left them. */
  private loadGuest(): void {
    const { boot } = this.options
    if (!boot) return
    setUpPci(this.bus, { pmBase: PM_IO_BASE })
    setUpDma(this.bus)
    this.interrupts.setUp()
    setUpTextMode(this.bus, this.options.textFont)
    const acpi = buildAcpiTables(this.describe())
    for (const { address, bytes } of acpi.pieces) this.memory.writeBytes(address, bytes)
    protectShadow(this.bus)
    for (const { physical, bytes } of boot.loads) this.memory.writeBytes(physical, bytes)
    bootProcessor(this.core, boot)
  }

  /**
   * Starts the machine anew after it has stopped with 'reset': devices and CPU as after power-on. A guest that was
   * loaded by `boot` is loaded again into clean RAM; otherwise RAM keeps its contents, as on a PC, for the firmware.
   */
  restart(): void {
    const { core } = this
    this.stopped = undefined
    this.cpuReset = false
    for (const device of this.devices) device.reset()
    this.cache.flush()
    if (this.options.boot) {
      this.memory.clear(0, SHADOW_FIRST)
      this.memory.clear(SHADOW_END, this.memory.size)
      this.shadow.clearRam()
    }
    resetProcessor(core)
    this.interrupts.initialise()
    this.loadGuest()
  }

  private plug<T extends Device>(device: T): T {
    this.devices.push(device)
    return device
  }

  private addSerialPort({ name, base, irq }: (typeof SERIAL_PORTS)[number]): SerialLine {
    const line: { onByte: (byte: number) => void } = { onByte: () => {} }
    const uart = this.plug(
      new Uart({
        bus: this.bus, clock: this.clock, name, base, irq: this.interrupts.line(irq), onByte: byte => line.onByte(byte),
      }),
    )
    return {
      get onByte() {
        return line.onByte
      },
      set onByte(listener) {
        line.onByte = listener
      },
      receive: bytes => uart.receive(bytes),
      get backlog() {
        return uart.pending
      },
    }
  }

  /** Instructions retired since power-on, exact at every port access. */
  private get retired(): number {
    return this.retiredBefore + this.budget - this.core.get('remaining')
  }

  private setA20(enabled: boolean): void {
    const mask = enabled ? -1 : ~A20_BIT
    if (this.core.get('a20Mask') === mask) return
    this.core.set('a20Mask', mask)
    this.core.exports.flushTlb(true)
  }

  /** INIT: the CPU starts again behind the instruction that asked for it; nothing else changes. */
  private resetCpu(): void {
    this.cpuReset = true
    this.core.set('exitReason', ExitReason.Request)
  }

  private stop(reason: StopReason, status?: number): void {
    this.stopped ??= { reason, status }
    this.core.set('exitReason', ExitReason.Request)
  }

  /** A device has scheduled an event before the end of the budget: the core must not run past it. */
  private shortenBudget(due: number): void {
    const { core } = this
    const remaining = core.get('remaining')
    const excess = remaining - this.instructionsUntil(due)
    if (excess <= 0 || remaining <= 0) return
    this.budget -= excess
    core.set('remaining', remaining - excess)
    core.set('remainingCut', core.get('remainingCut') + excess)
  }

  /**
   * Runs for about `budgetMilliseconds` of host time; less when a compiler's answer may wait in the host's loop, or
   * after `endSoon`.
   */
  run(budgetMilliseconds: number): RunResult {
    const started = performance.now()
    this.clock.resume()
    this.hurried = false
    try {
      return this.runUntil(started + budgetMilliseconds, started + Math.min(budgetMilliseconds, AWAITING_MILLISECONDS))
    } finally {
      this.seconds += (performance.now() - started) / 1000
    }
  }

  endSoon(): void {
    this.hurried = true
  }

  /** Runs until a time of the host: `deadline`, or `awaiting` when there is something to do in the host's loop. */
  private runUntil(deadline: number, awaiting: number): RunResult {
    const { clock, core } = this
    const wall = clock.mode === 'wall'
    for (;;) {
      clock.runDue()
      if (this.stopped) return { state: 'stopped', ...this.stopped }
      if (core.get('halted') !== 0 && !this.wake()) {
        // Without a way for NMIs nothing but a reset from outside would wake it.
        if ((core.get('eflags') & Eflags.IF) === 0 && !this.interrupts.hasNmiSource()) return { state: 'halted', wakeAt: null, forever: true }
        const due = clock.nextDue()
        if (due === Infinity) return { state: 'halted', wakeAt: null }
        if (wall) {
          const wait = (due - clock.now()) / 1e6
          if (wait > 0) return { state: 'halted', wakeAt: wait }
        } else clock.skipTo(due)
        if (performance.now() >= deadline) return { state: 'running' }
        continue
      }
      if (wall) this.runWallSlice()
      else this.runCore(Math.min(Math.max(1, this.instructionsUntil(clock.nextDue())), SLICE_INSTRUCTIONS))
      if (performance.now() >= (this.hurried || this.regions?.awaitsCode ? awaiting : deadline) && !this.stopped) return { state: 'running' }
    }
  }

  /** Instructions until `due`: exact on a virtual clock; on the wall's by the speed of the last slice. */
  private instructionsUntil(due: number): number {
    const { clock } = this
    if (clock.mode === 'virtual') return clock.instructionsUntil(due)
    if (due === Infinity) return Infinity
    // A slice ends early by up to a run, and not before the event.
    return Math.max(FEWEST_WALL_INSTRUCTIONS, Math.floor((due - clock.now()) * this.wallSpeed) + MAX_RUN_INSTRUCTIONS)
  }

  /** Runs up to the next timer of the wall clock. */
  private runWallSlice(): void {
    const { clock } = this
    const began = clock.now()
    const retired = this.retired
    this.runCore(Math.min(this.instructionsUntil(clock.nextDue()), WALL_SLICE_INSTRUCTIONS))
    const passed = clock.now() - began
    const done = this.retired - retired
    // A slice in which nothing ran says nothing about the speed.
    if (passed > 0 && done > 0) this.wallSpeed = done / passed
  }

  /** Whether a pending interrupt ends HLT. */
  private wake(): boolean {
    const { core } = this
    if (!this.interrupts.interrupts()) return false
    core.set('halted', 0)
    return true
  }

  /** Runs `budget` instructions, or fewer when the CPU halts or the machine stops. */
  private runCore(budget: number): void {
    const { core } = this
    this.budget = budget
    core.set('remaining', budget)
    core.set('remainingCut', 0)
    for (;;) {
      const reason = core.exports.run() as ExitReason
      this.exits[ExitReason[reason]] = (this.exits[ExitReason[reason]] ?? 0) + 1
      if (reason === ExitReason.Decode) {
        this.writer.translate(core.get('exitArgument') >>> 0)
        core.exports.cancelStep()
        continue
      }
      if (reason === ExitReason.Hot) {
        this.regions?.hot(core.get('exitArgument') >>> 0)
        continue
      }
      if (reason === ExitReason.Review) {
        this.regions?.review()
        continue
      }
      if (reason === ExitReason.Interrupt && this.interrupt()) continue
      if (this.cpuReset && !this.stopped) {
        this.cpuReset = false
        resetProcessor(core)
        this.interrupts.initialise()
        continue
      }
      if (reason === ExitReason.TripleFault) this.stop('triple-fault')
      break
    }
    this.retiredBefore = this.retired
    this.budget = 0
    core.set('remaining', 0)
    if (this.retiredBefore >= this.nextReview) {
      this.regions?.review()
      this.nextReview = this.retiredBefore + REVIEW_INSTRUCTIONS
    }
  }

  /** Delivers the interrupt that the controller asks for; false when it ends in a triple fault. */
  private interrupt(): boolean {
    const vector = this.interrupts.vector()
    if (this.core.exports.deliverHardwareInterrupt(vector) === 0) return true
    this.stop('triple-fault')
    return false
  }

  stats(): MachineStats {
    const instructions = this.retired
    return {
      instructions,
      seconds: this.seconds,
      mips: this.seconds > 0 ? instructions / this.seconds / 1e6 : 0,
      exits: { ...this.exits },
      decodedRuns: this.cache.decoded,
      invalidations: this.cache.invalidations,
      regions: this.regions?.figures(),
    }
  }

  /** The user presses the power button: a guest with ACPI shuts down. */
  pressPowerButton(): void {
    this.power.pressPowerButton()
  }

  report(lastInstructions = 20): string {
    return crashReport(this.core, this.stopped?.reason, lastInstructions)
  }

  /** The state of every device by name. */
  saveDevices(): { [name: string]: DeviceState } {
    return Object.fromEntries(this.devices.map(device => [device.name, device.save()]))
  }

  /** Restores what `saveDevices` gave. */
  loadDevices(state: { readonly [name: string]: DeviceState }): void {
    for (const device of this.devices) if (state[device.name]) device.load(state[device.name])
  }

  /** The whole machine but for what its disks hold; between two calls of `run`. */
  save(): MachineState {
    const { core, clock } = this
    return {
      cpu: saveCpu(core), instructions: this.retired, clock: clock.save(), devices: this.saveDevices(), ram: saveRam(core),
    }
  }

  /** Goes on where a machine with the same options and disks was saved. Throws PCError 'bad-state'. */
  load(state: MachineState): void {
    const { core } = this
    this.cache.flush()
    loadRam(core, state.ram)
    // Before the devices, which look at the time, and for IA32_APIC_BASE; after them, because they raise its pins.
    loadCpu(core, state.cpu)
    this.retiredBefore = state.instructions
    this.clock.load(state.clock)
    this.interrupts.takeBase()
    this.loadDevices(state.devices)
    loadCpu(core, state.cpu)
    this.interrupts.takeBase()
    this.stopped = undefined
    this.cpuReset = false
  }

  dispose(): void {
    this.stopped ??= { reason: 'power-off' }
    this.regions?.dispose()
    this.onDispose?.()
    this.onDispose = undefined
  }
}

/** The time of day at power-on when runs must repeat: 2024-01-01 00:00 UTC. */
const REPEATABLE_EPOCH_MS = Date.UTC(2024, 0, 1)
