/**
 * `tabpc run`: reads the files, boots the machine, runs it to its end, and turns the outcome into messages, statistics
 * and an exit status. All contact with the process goes through `RunHost`, so that specs can put fakes there.
 */

import { constants } from 'node:os'
import type { BootImage } from '../loaders/boot-image.ts'
import { loadKernel } from '../loaders/kernel.ts'
import { bootOrder } from '../firmware.ts'
import type { MachineOptions, RunnableMachine } from '../machine-options.ts'
import type { MachineState } from '../machine-state.ts'
import { MOST_STATE_BYTES, readInputFile } from '../node/files.ts'
import { FileOutput, type Output, type OutputStream, StreamOutput } from '../node/output.ts'
import { openDrives } from '../node/drives.ts'
import { loadFirmware, loadTextFont } from '../node/firmware.ts'
import { OutputFile } from '../node/output-file.ts'
import { StateOutput } from '../node/state-output.ts'
import { screenshot } from '../node/screenshot.ts'
import { type Outcome, Session, type SessionStats } from '../node/session.ts'
import { ESCAPE_HELP, type ExitNotice, type TerminalInput } from '../node/terminal.ts'
import {
  checkExpected, describeMade, disksOf, freezePC, machineOptionsOf, type OpenDrives, readPC, thawDrives,
} from '../state/saved-pc.ts'
import { ExitStatus } from './complain.ts'
import { runHelp } from './help.ts'
import { type PortTarget, parseRunArguments, type RunArguments } from './run-arguments.ts'

/** Signals that end the run, with the terminal restored and the statistics written. */
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const satisfies readonly NodeJS.Signals[]

/** Notices of the process: exit and signals. */
export interface ProcessNotices extends ExitNotice {
  on(event: 'exit' | NodeJS.Signals, listener: () => void): unknown
  off(event: 'exit' | NodeJS.Signals, listener: () => void): unknown
}

/** What the command needs of the outside. */
export interface RunHost {
  readonly stdin: TerminalInput
  readonly stdout: OutputStream
  readonly stderr: { write(text: string): unknown }
  readonly process: ProcessNotices
  readonly createMachine: (options: MachineOptions) => Promise<RunnableMachine>
}

/** Resets colours, the cursor, line wrap, cursor keys and bracketed paste, which the guest may have changed. */
const TERMINAL_RESET = '\x1b[0m\x1b[?25h\x1b[?7h\x1b[?1l\x1b[?2004l'

/**
 * Runs `tabpc run` with `argv` (what follows `run`); resolves to the exit status.
 * Throws `PCError` for wrong usage and bad input, and whatever else goes wrong as it is.
 */
export async function runCommand(argv: readonly string[], host: RunHost): Promise<number> {
  const parsed = parseRunArguments(argv)
  if (parsed === 'help') {
    host.stdout.write(runHelp())
    return ExitStatus.Success
  }
  const made = parsed.load === undefined ? await newMachine(parsed) : await savedMachine(parsed, parsed.load)
  return await runSession(parsed, made, host)
}

/** What is needed to make the machine, and to save it again. */
interface Recipe {
  readonly options: MachineOptions
  readonly description: string
  readonly drives: OpenDrives
  /** Where a saved PC was. */
  readonly state?: MachineState
}

async function newMachine(parsed: RunArguments): Promise<Recipe> {
  const drives = await openDrives(parsed)
  const boot = parsed.kernel === undefined ? undefined : readKernel(parsed.kernel, parsed)
  const options: MachineOptions = {
    memoryBytes: parsed.memoryBytes,
    clock: parsed.clock,
    cpu: parsed.cpu,
    isaDebugExit: parsed.isaDebugExit,
    ...hostOptions(parsed),
    drives: disksOf(drives),
    ...(boot
      ? { boot, textFont: loadTextFont() }
      : { firmware: { ...loadFirmware(parsed), bootOrder: bootOrder(parsed.bootDrive) } }),
  }
  return { options, description: boot?.description ?? 'BIOS', drives }
}

async function savedMachine(parsed: RunArguments, path: string): Promise<Recipe> {
  const saved = await readPC(readInputFile(path, 'the saved PC', MOST_STATE_BYTES), async () => {})
  checkExpected(saved.machine, parsed.expected)
  const given = Object.entries(await openDrives(parsed)).map(([name, drive]) => [name, { ...drive, isWanted: true }])
  const drives = await thawDrives(saved, Object.fromEntries(given))
  return {
    options: { ...machineOptionsOf(saved), ...hostOptions(parsed), drives: disksOf(drives) },
    description: saved.machine.description, drives, state: saved.state,
  }
}

/** What is this host's and not the machine's. */
function hostOptions({ trace, jit }: RunArguments): Pick<MachineOptions, 'trace' | 'jit'> {
  return { trace, jit: jit ? undefined : false }
}

function readKernel(kernel: string, parsed: RunArguments): BootImage {
  return loadKernel({
    kernel: readInputFile(kernel, 'the kernel', parsed.memoryBytes),
    kernelName: kernel,
    initrd: parsed.initrd === undefined ? undefined : readInputFile(parsed.initrd, 'the initrd', parsed.memoryBytes),
    initrdName: parsed.initrd,
    cmdline: parsed.append,
    memoryBytes: parsed.memoryBytes,
  })
}

async function runSession(parsed: RunArguments, recipe: Recipe, host: RunHost): Promise<number> {
  const statsFile = parsed.stats === undefined ? undefined : new OutputFile(parsed.stats, 'the file of --stats')
  const pictureFile =
    parsed.screenshot === undefined ? undefined : new OutputFile(parsed.screenshot, 'the file of --screenshot')
  const stateFile = parsed.save === undefined ? undefined : new StateOutput(parsed.save)
  const guestScreen = new GuestScreen(host)
  let session: Session | undefined
  const outputs = openOutputs(parsed, guestScreen.stream, () => session?.end({ kind: 'output-closed' }))
  session = new Session({
    createMachine: async () => {
      const machine = await host.createMachine(recipe.options)
      if (recipe.state) machine.load?.(recipe.state)
      return machine
    },
    serial: outputs.serial,
    debugcon: outputs.debugcon,
    post: outputs.post,
    input: parsed.serial.kind === 'stdio' ? host.stdin : undefined,
    process: host.process,
    expect: parsed.expect,
    timeout: parsed.timeout,
    traceCount: parsed.traceCount,
    atEnd: async (machine, end) => {
      pictureFile?.write(() => screenshot(machine.screen))
      if (stateFile) await saveAtEnd(stateFile, machine, recipe, end, guestScreen)
    },
    notify: message => guestScreen.say(message),
    help: ESCAPE_HELP,
  })

  let outcome: Outcome | undefined
  let status: number = ExitStatus.InternalError
  const running = session
  const writeStats = () =>
    statsFile?.write(() => statsDocument(parsed, running.stats(), outcome?.kind ?? 'failed', status))
  const release = onSignals(host.process, signal => running.end({ kind: 'signal', signal }))
  host.process.on('exit', writeStats)
  try {
    outcome = await session.run()
    status = exitStatus(outcome)
    guestScreen.restore()
    explain(outcome, parsed, guestScreen)
    await Promise.all(outputs.all.map(output => output.close()))
    return status
  } finally {
    release()
    stateFile?.close()
    host.process.off('exit', writeStats)
    writeStats()
  }
}

/** Ends after which a guest can go on. */
const unfinished: readonly (Outcome['kind'] | undefined)[] = ['match', 'timeout', 'left', 'output-closed', 'hangup', 'signal']

async function saveAtEnd(
  file: StateOutput, machine: RunnableMachine, { options, description, drives }: Recipe, end: Outcome | undefined, screen: GuestScreen,
): Promise<void> {
  const { save } = machine
  if (!save || !unfinished.includes(end?.kind)) {
    screen.say('the guest has come to its end: --save has nothing to write')
    return
  }
  file.write(await freezePC({ save: () => save.call(machine) }, describeMade(options, description), drives, async () => {}))
}

function openOutputs(parsed: RunArguments, stdout: OutputStream, onGone: () => void) {
  // One stream for all ports keeps their bytes in order.
  let shared: Output | undefined
  const all: Output[] = []
  const open = (target: PortTarget, option: string): Output | undefined => {
    if (target.kind === 'none') return undefined
    if (target.kind === 'stdio' && shared) return shared
    const output = target.kind === 'file' ? new FileOutput(target.path, option) : new StreamOutput(stdout, onGone)
    if (target.kind === 'stdio') shared = output
    all.push(output)
    return output
  }
  const serial = open(parsed.serial, '--serial')
  const debugcon = open(parsed.debugcon, '--debugcon')
  return { serial, debugcon, post: open(parsed.post, '--post'), all }
}

function onSignals(process: ProcessNotices, listener: (signal: NodeJS.Signals) => void): () => void {
  const listeners = endingSignals.map(signal => ({ signal, heard: () => listener(signal) }))
  for (const { signal, heard } of listeners) process.on(signal, heard)
  return () => {
    for (const { signal, heard } of listeners) process.off(signal, heard)
  }
}

function exitStatus(outcome: Outcome): number {
  switch (outcome.kind) {
    case 'power-off':
    case 'match':
    case 'left':
    case 'output-closed':
      return ExitStatus.Success
    case 'debug-exit':
      return outcome.status & 0xff
    case 'triple-fault':
      return ExitStatus.TripleFault
    case 'timeout':
      return ExitStatus.Timeout
    case 'hangup':
      return ExitStatus.Signal + constants.signals.SIGHUP
    case 'signal':
      return ExitStatus.Signal + constants.signals[outcome.signal]
  }
}

function explain(outcome: Outcome, parsed: RunArguments, screen: GuestScreen): void {
  const unmatched = parsed.expect ? ', and neither serial output nor screen has matched --expect' : ''
  if (outcome.kind === 'timeout') screen.say(`the --timeout of ${parsed.timeout} s is over${unmatched}`)
  if (outcome.kind === 'triple-fault') screen.say(`the guest has crashed by a triple fault\n${outcome.report}`)
  if (outcome.kind === 'left') screen.say('left by Ctrl-A X')
  if (outcome.kind === 'power-off' && unmatched) screen.say(`the guest has powered off${unmatched}`)
  if (outcome.kind === 'debug-exit' && unmatched) screen.say(`the guest has ended the run${unmatched}`)
}

/** Keeps apart what the guest writes to a terminal and what we do: whole lines, and the terminal's modes put back. */
class GuestScreen {
  readonly stream: OutputStream
  readonly #host: RunHost
  #column = false
  #escapes = false

  constructor(host: RunHost) {
    this.#host = host
    const { stdout } = host
    this.stream = {
      isTTY: stdout.isTTY,
      write: (chunk, callback) => {
        if (stdout.isTTY && typeof chunk !== 'string' && chunk.length > 0) {
          this.#column = chunk[chunk.length - 1] !== 0x0a
          this.#escapes ||= chunk.includes(0x1b)
        }
        return stdout.write(chunk, callback)
      },
      on: (event, listener) => stdout.on(event, listener),
      once: (event, listener) => stdout.once(event, listener),
    }
  }

  /** Writes a message on a line of its own. */
  say(message: string): void {
    if (this.#column) this.#host.stderr.write('\n')
    this.#column = false
    this.#host.stderr.write(`tabpc: ${message}\n`)
  }

  /** Undoes what the guest's escape sequences may have done to the terminal. */
  restore(): void {
    if (this.#escapes) this.#host.stdout.write(TERMINAL_RESET)
    if (this.#column) this.#host.stdout.write('\n')
    this.#column = false
  }
}

/** What --stats writes. */
function statsDocument(
  parsed: RunArguments, stats: SessionStats, outcome: string, exitStatus: number,
): Uint8Array {
  const { instructions, seconds, mips, wallSeconds, bootMarks, restarts, exits, decodedRuns, invalidations, regions, rss } =
    stats
  const document = {
    outcome,
    exitStatus,
    instructions,
    seconds,
    mips,
    wallSeconds,
    bootMarks,
    restarts,
    exits,
    compiles: regions?.installed ?? 0,
    decodedRuns,
    invalidations,
    regions,
    rss,
    memoryBytes: parsed.memoryBytes,
    clock: parsed.clock,
  }
  return new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`)
}
