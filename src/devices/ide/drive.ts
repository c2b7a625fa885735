/**
 * What ATA disks and ATAPI drives have in common: the task file, the data port, and the phases of a command.
 *
 *   command -> Busy -(timer)-> proceed() -> DataIn -> data port empty -> proceed() ... -> Idle
 *                                        -> DataOut -> data port full -> Busy -> proceed() ...
 *                                        -> Dma: the bus master moves the data
 *
 * A drive is a state machine of plain data, so that it can be saved in the middle of any command. While a disk source
 * has not answered yet it is in phase Waiting; a state saved then begins the step again when it is loaded.
 * Source: ATA/ATAPI-6 (T13 1410D), chapters 7 (registers) and 9 (protocols).
 */
import type { Clock, DeviceState, Timer } from '../device.ts'
import { restore, snapshot } from '../state.ts'
import type { BusMaster } from './bus-master.ts'

export enum Status { Err = 0x01, Drq = 0x08, Dsc = 0x10, Df = 0x20, Drdy = 0x40, Bsy = 0x80 }
export enum AtaError { Abrt = 0x04, Idnf = 0x10, Unc = 0x40 }
export enum Phase { Idle, Busy, Waiting, DataIn, DataOut, Dma }

/** Registers of the command block by offset. */
export enum TaskRegister { Data, Error, Count, Low, Mid, High, Device, Status }

export const DEVICE_SLAVE = 0x10
export const DEVICE_LBA = 0x40
/** Bits 7 and 5 of the device register read as ones. */
const DEVICE_OBSOLETE = 0xa0

/** How long a step of a command takes, in ns: what a drive answers out of its cache. */
const STEP_NS = 5_000
/** A host that polls sees the step done after this time: until then the status is not valid (ATA/ATAPI-6, 9.2). */
const POLLED_STEP_NS = 400
export const DIAGNOSTIC_PASSED = 0x01

export interface DriveOptions {
  clock: Clock
  /** Name of the drive's timer. */
  name: string
  busMaster: BusMaster
  /** Called when the drive's interrupt line changes. */
  onInterrupt: (level: boolean) => void
  /** Called when an answer has come from outside the virtual machine: a sleeping one should look. */
  onWake: () => void
}

export abstract class Drive {
  protected readonly options: DriveOptions
  private readonly timer: Timer
  /** The task file; `previous` has the bytes before the last ones, for 48-bit commands. */
  protected readonly task = {
    features: 0, error: DIAGNOSTIC_PASSED, count: 0, low: 0, mid: 0, high: 0, device: 0, status: 0, command: 0,
    previousFeatures: 0, previousCount: 0, previousLow: 0, previousMid: 0, previousHigh: 0,
    phase: Phase.Idle as number, interrupt: false, position: 0, length: 0,
  }
  /** Data on the way through the data port. */
  protected buffer: Uint8Array = new Uint8Array(0)
  /** Answers from before a reset count no more. */
  private generation = 0

  constructor(options: DriveOptions) {
    this.options = options
    this.timer = options.clock.timer(options.name, () => {
      if (this.task.phase === Phase.Busy) this.proceed()
    })
  }

  // --- what kinds of drive differ in ---

  /** Signature in the task file after a reset. */
  protected abstract setSignature(): void
  /** Begins the command in `task.command`. */
  protected abstract begin(): void
  /** Goes on with it: after begin() has scheduled, after data was taken or given, or when DMA can start. */
  protected abstract proceed(): void
  /** The status register of a drive that waits for commands. */
  protected abstract get readyStatus(): number
  /** More state than the task file. */
  protected abstract saveMore(): DeviceState
  protected abstract loadMore(state: DeviceState): void

  // --- registers ---

  get interrupting(): boolean {
    return this.task.interrupt
  }

  /** The status for a host that polls: a step that could be over by now is. */
  poll(): number {
    const { task, timer } = this
    if (task.phase === Phase.Busy && timer.due - this.options.clock.now() <= STEP_NS - POLLED_STEP_NS) {
      timer.cancel()
      this.proceed()
    }
    return task.status
  }

  /** A register of the command block; reading Status also takes the interrupt back. `previous`: the HOB bit is set. */
  read(register: number, previous: boolean): number {
    const { task } = this
    switch (register) {
      case TaskRegister.Error:
        return task.error
      case TaskRegister.Count:
        return previous ? task.previousCount : task.count
      case TaskRegister.Low:
        return previous ? task.previousLow : task.low
      case TaskRegister.Mid:
        return previous ? task.previousMid : task.mid
      case TaskRegister.High:
        return previous ? task.previousHigh : task.high
      case TaskRegister.Device:
        return task.device | DEVICE_OBSOLETE
      default:
        this.poll()
        this.setInterrupt(false)
        return task.status
    }
  }

  /** Registers but data and command; both drives of a channel take what the host writes. */
  write(register: number, value: number): void {
    const { task } = this
    // A drive that carries out a command does not listen.
    if (task.status & (Status.Bsy | Status.Drq) && register !== TaskRegister.Device) return
    switch (register) {
      case TaskRegister.Error:
        task.previousFeatures = task.features
        task.features = value
        break
      case TaskRegister.Count:
        task.previousCount = task.count
        task.count = value
        break
      case TaskRegister.Low:
        task.previousLow = task.low
        task.low = value
        break
      case TaskRegister.Mid:
        task.previousMid = task.mid
        task.mid = value
        break
      case TaskRegister.High:
        task.previousHigh = task.high
        task.high = value
        break
      case TaskRegister.Device:
        task.device = value
    }
  }

  /** A command for this drive. */
  command(value: number): void {
    const { task } = this
    const restarts = value === RESET_COMMAND
    if (task.status & (Status.Bsy | Status.Drq) && !restarts) return
    this.setInterrupt(false)
    task.command = value
    task.error = 0
    this.begin()
  }

  /** Hardware or software reset: whatever was going on ends. */
  reset(): void {
    const { task } = this
    this.abandon()
    this.setInterrupt(false)
    task.error = DIAGNOSTIC_PASSED
    task.status = this.readyStatus
    this.setSignature()
  }

  /** Software reset holds: the drive is busy until it ends. */
  holdReset(): void {
    this.abandon()
    this.setInterrupt(false)
    this.task.status = Status.Bsy
  }

  /** Ends the command at hand without a word. */
  protected abandon(): void {
    this.generation++
    this.timer.cancel()
    this.task.phase = Phase.Idle
    this.buffer = new Uint8Array(0)
    this.task.position = 0
    this.task.length = 0
  }

  // --- the data port ---

  /** Bytes that the port gives for a read of `bytes` bytes (2 or 4), low byte first. */
  readData(bytes: number): number {
    const { task } = this
    if (task.phase !== Phase.DataIn) return 0
    let value = 0
    for (let i = 0; i < bytes; i++) value |= (this.buffer[task.position + i] ?? 0) << (8 * i)
    this.advance(bytes)
    return value >>> 0
  }

  writeData(value: number, bytes: number): void {
    const { task } = this
    if (task.phase !== Phase.DataOut) return
    for (let i = 0; i < bytes && task.position + i < task.length; i++)
      this.buffer[task.position + i] = (value >>> (8 * i)) & 0xff
    this.advance(bytes)
  }

  private advance(bytes: number): void {
    const { task } = this
    task.position += bytes
    if (task.position < task.length) return
    if (task.phase === Phase.DataIn) {
      this.dataTaken()
    } else {
      this.busy()
    }
  }

  /** The host has read all of the buffer. */
  protected abstract dataTaken(): void

  // --- for commands ---

  /** Busy; proceed() is called a little later. */
  protected busy(): void {
    this.task.status = Status.Bsy
    this.planStep()
  }

  private planStep(): void {
    this.task.phase = Phase.Busy
    this.timer.schedule(this.options.clock.now() + STEP_NS)
  }

  /** Waits for an answer of a disk source, then calls `then` with it; `failed` when there is none. */
  protected wait<T>(answer: T | Promise<T>, then: (value: T) => void, failed: () => void): void {
    if (!(answer instanceof Promise)) {
      then(answer)
      return
    }
    this.task.phase = Phase.Waiting
    const { generation } = this
    const ifCurrent = (action: () => void) => {
      if (generation !== this.generation) return
      action()
      this.options.onWake()
    }
    answer.then(value => ifCurrent(() => then(value)), () => ifCurrent(failed))
  }

  /** Offers bytes to the host. */
  protected offer(bytes: Uint8Array, interrupts = true): void {
    const { task } = this
    this.buffer = bytes
    task.position = 0
    task.length = bytes.length
    task.phase = Phase.DataIn
    task.status = this.readyStatus | Status.Drq
    if (interrupts) this.setInterrupt(true)
  }

  /** Asks the host for bytes. */
  protected ask(length: number, interrupts: boolean): void {
    const { task } = this
    this.buffer = new Uint8Array(length)
    task.position = 0
    task.length = length
    task.phase = Phase.DataOut
    task.status = this.readyStatus | Status.Drq
    if (interrupts) this.setInterrupt(true)
  }

  /** Waits for the bus master to start. */
  protected awaitDma(): void {
    const { task } = this
    task.phase = Phase.Dma
    task.status = this.readyStatus | Status.Drq
    if (this.options.busMaster.started) this.busMasterStarted()
  }

  /** The bus master has started; the drive may be waiting for it. */
  busMasterStarted(): void {
    if (this.task.phase !== Phase.Dma) return
    this.task.status = this.readyStatus | Status.Drq
    this.planStep()
  }

  /** More of a DMA transfer follows. */
  protected busMasterGoesOn(): void {
    this.task.phase = Phase.Dma
    this.busMasterStarted()
  }

  /** The table was too short: the command hangs until the host resets the drive or gives another table. */
  protected awaitMore(): void {
    this.task.phase = Phase.Dma
    this.task.status = this.readyStatus | Status.Drq
  }

  /** The command is over. */
  protected done(): void {
    const { task } = this
    task.phase = Phase.Idle
    task.status = this.readyStatus
    this.setInterrupt(true)
  }

  /** The command has failed. */
  protected fail(error: number): void {
    const { task } = this
    task.phase = Phase.Idle
    task.error = error
    task.status = this.readyStatus | Status.Err
    this.setInterrupt(true)
  }

  protected setInterrupt(level: boolean): void {
    if (this.task.interrupt === level) return
    this.task.interrupt = level
    this.options.onInterrupt(level)
  }

  save(): DeviceState {
    return { task: snapshot(this.task), buffer: this.buffer.slice(), more: this.saveMore() }
  }

  load(device: string, state: DeviceState): void {
    const buffer = state?.buffer
    restore(device, this.task, (state?.task ?? {}) as DeviceState)
    this.generation++
    this.buffer = buffer instanceof Uint8Array ? buffer.slice() : new Uint8Array(0)
    const { task } = this
    for (const key of ['features', 'error', 'count', 'low', 'mid', 'high', 'device', 'status', 'command',
      'previousFeatures', 'previousCount', 'previousLow', 'previousMid', 'previousHigh'] as const) task[key] &= 0xff
    task.length = Math.min(Math.max(0, task.length), this.buffer.length)
    task.position = Math.max(0, task.position)
    this.loadMore((state.more ?? {}) as DeviceState)
    // A clock that was loaded before knows when the step is due.
    if (task.phase === Phase.Waiting || (task.phase === Phase.Busy && this.timer.due === Infinity)) this.planStep()
  }
}

/** DEVICE RESET, which ATAPI drives take at any time. */
export const RESET_COMMAND = 0x08
