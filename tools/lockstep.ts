/**
 * `npm run lockstep -- --kernel F --initrd F --append S` or `-- --cdrom F | --fda F | --hda F` by the BIOS: two engines side by side on the virtual clock. At every
 * checkpoint both have retired the same number of instructions and must be the same: CPU, RAM, devices, output.
 *
 *     --engines interpreter,jit   which two; `jit:N` compiles what is entered N times (default 50)
 *     --checkpoint 5M             instructions between comparisons
 *     --instructions 500M         how far to go
 *     --expect REGEX              stop at the first checkpoint at which the serial output matches
 *     --type TEXT                 type a line then instead, and go on until the output behind it matches; repeatable
 *     --memory 64M --kernel F --initrd F --append S --cdrom F --fda F --hda F
 *     --hashes                    print a digest of the machine at each checkpoint
 *     --console                   print the serial output at the end
 *
 * When they differ, both run again to the last common checkpoint and the first region that goes wrong is shown, with
 * the registers it was entered with and its last instructions. Exits with 0 when they never differ, else with 1.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { compile } from '../jit/compile.ts'
import { complain } from '../src/cli/complain.ts'
import { MemoryDisk } from '../src/disks/memory-disk.ts'
import { OverlayDisk } from '../src/disks/overlay-disk.ts'
import { PCError } from '../src/errors.ts'
import { bootOrder } from '../src/firmware.ts'
import { loadKernel } from '../src/loaders/kernel.ts'
import type { DriveImages, MachineOptions } from '../src/machine-options.ts'
import { parseMemorySize } from '../src/memory-size.ts'
import { FileDisk } from '../src/node/file-disk.ts'
import { readInputFile } from '../src/node/files.ts'
import { loadFirmware } from '../src/node/firmware.ts'
import { loadAssets } from '../src/node/machine.ts'
import { compareMachines } from './lockstep/compare.ts'
import { readCount } from './lockstep/counts.ts'
import { narrow } from './lockstep/narrow.ts'
import { SteppedMachine } from './lockstep/stepped-machine.ts'

const USAGE = 'write npm run lockstep -- --kernel F [--initrd F] [--append S], or --cdrom F, --fda F, --hda F [--engines interpreter,jit]'
const DEFAULT_HEAT = 50
/** Regions left between two comparisons of RAM while the region that goes wrong is looked for. */
const REGIONS_BETWEEN_RAM = 500

interface Request {
  readonly engines: readonly [string, string]
  readonly options: MachineOptions
  /** Paths of what lies in the drives; nothing is written to them. */
  readonly drives: { readonly cdrom?: string; readonly fda?: string; readonly hda?: string }
  readonly checkpoint: number
  readonly instructions: number
  readonly expect: RegExp | undefined
  /** Lines for the first serial port. */
  readonly type: readonly string[]
  readonly hashes: boolean
  readonly console: boolean
}

function readEngines(text: string): readonly [string, string] {
  const names = text.split(',')
  if (names.length !== 2 || names.some(name => !/^(interpreter|jit(:\d+)?)$/.test(name)))
    throw new PCError('usage', `--engines cannot be '${text}'`, 'write two of interpreter, jit and jit:N')
  return [names[0], names[1]]
}

function parse(argv: readonly string[]) {
  const string = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        engines: string, checkpoint: string, instructions: string, expect: string, memory: string, kernel: string,
        type: { type: 'string', multiple: true },
        initrd: string, append: string, cdrom: string, fda: string, hda: string, hashes: { type: 'boolean' }, console: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new PCError('usage', error instanceof Error ? error.message.split(/[.\n]/)[0] : String(error), USAGE)
  }
}

/** Reads the arguments and files. Throws `PCError` 'usage', 'bad-file', 'bad-kernel'. */
function readArguments(argv: readonly string[]): Request {
  const { values } = parse(argv)
  const { kernel, initrd, cdrom, fda, hda } = values
  if ([kernel, cdrom, fda, hda].every(file => file === undefined)) throw new PCError('usage', 'nothing to boot is given', USAGE)
  const memoryBytes = parseMemorySize(values.memory ?? '64M')
  const boot = kernel === undefined ? undefined : loadKernel({
    kernel: readInputFile(kernel, 'the kernel', memoryBytes),
    initrd: initrd === undefined ? undefined : readInputFile(initrd, 'the initrd', memoryBytes),
    cmdline: values.append ?? '', memoryBytes,
  })
  const firmware = boot ? undefined : { ...loadFirmware({}), bootOrder: bootOrder(fda ? 'a' : cdrom ? 'd' : 'c') }
  return {
    engines: readEngines(values.engines ?? 'interpreter,jit'),
    options: { memoryBytes, clock: 'virtual', boot, firmware },
    drives: { cdrom, fda, hda },
    checkpoint: readCount(values.checkpoint ?? '5M', 'checkpoint'),
    instructions: readCount(values.instructions ?? '500M', 'instructions'),
    expect: values.expect === undefined ? undefined : new RegExp(values.expect),
    type: values.type ?? [],
    hashes: values.hashes ?? false,
    console: values.console ?? false,
  }
}

/** Drives of a machine's own, so that the other one does not see its changes. */
function openDrives({ cdrom, fda, hda }: Request['drives']): DriveImages {
  return {
    ...(fda && { fda: new MemoryDisk(Uint8Array.from(readFileSync(fda))) }),
    ...(hda && { hda: new OverlayDisk(new FileDisk(hda, 'hda', { readOnly: true })) }),
    ...(cdrom && { cdrom: new FileDisk(cdrom, 'cdrom', { readOnly: true }) }),
  }
}

function build(engine: string, request: Request): SteppedMachine {
  const options = { ...request.options, drives: openDrives(request.drives) }
  const [kind, heat = String(DEFAULT_HEAT)] = engine.split(':')
  if (kind === 'interpreter') return new SteppedMachine(engine, options, loadAssets())
  return new SteppedMachine(engine, { ...options, heatThreshold: Number(heat) }, { ...loadAssets(), compiler: compile })
}

/** The checkpoints up to `count`. */
function* checkpoints(every: number, count: number): Generator<number> {
  for (let at = every; at < count; at += every) yield at
  yield count
}

function type(machine: SteppedMachine, line: string): void {
  machine.machine.serial[0].receive(new TextEncoder().encode(`${line}\n`))
}

/** Runs again to `good` and finds the region after which they part on the way to `bad`; `typed` is what was typed when. */
function explain(request: Request, good: number, bad: number, typed: ReadonlyMap<number, string>): readonly string[] {
  const { engines, checkpoint } = request
  const [machineName, referenceName] = engines[0].startsWith('jit') ? engines : [engines[1], engines[0]]
  const bring = (machine: SteppedMachine): void => {
    for (const at of checkpoints(checkpoint, good)) {
      machine.runTo(at)
      const line = typed.get(at)
      if (line !== undefined) type(machine, line)
    }
  }
  let lines: readonly string[] = ['they do not differ when stopped after every region']
  let from = good
  let traceAt: number | undefined
  // The registers tell at once; RAM is compared now and then, then after each region; last the region is traced.
  for (const regionsBetweenRam of [REGIONS_BETWEEN_RAM, 1, REGIONS_BETWEEN_RAM]) {
    process.stderr.write(`lockstep: looking again from ${from}\n`)
    const found = narrow(
      build(machineName, request), build(referenceName, request), bring, { from, to: bad, regionsBetweenRam, traceAt },
    )
    if (!found) break
    lines = found.lines
    from = found.from
    if (regionsBetweenRam === 1) traceAt = found.enteredAt
  }
  return lines
}

function main(argv: readonly string[]): void {
  const request = readArguments(argv)
  const [a, b] = request.engines.map(engine => build(engine, request))
  let good = 0
  let compared = 0
  let seen = 0
  const typed = new Map<number, string>()
  for (const at of checkpoints(request.checkpoint, request.instructions)) {
    a.runTo(at)
    b.runTo(at)
    compared++
    const lines = compareMachines(a, b)
    if (lines.length > 0) {
      process.stdout.write(`${[`${a.name} and ${b.name} differ at ${at} instructions (same at ${good}):`, ...lines].join('\n')}\n`)
      process.stdout.write(`${explain(request, good, at, typed).join('\n')}\n`)
      process.exitCode = 1
      return
    }
    if (request.hashes) process.stdout.write(`${String(at).padStart(12)} ${a.digest()} ${b.digest()}\n`)
    good = at
    if (a.stopped !== undefined) break
    if (!request.expect?.test(a.console.slice(seen))) continue
    const line = request.type[typed.size]
    if (line === undefined) break
    typed.set(at, line)
    seen = a.console.length
    for (const machine of [a, b]) type(machine, line)
  }
  const compiled = [a, b].map(({ name, machine }) => `${name} with ${machine.cache.compiled} regions`).join(', ')
  process.stdout.write(`${a.name} and ${b.name} are the same at ${compared} checkpoints over ${good} instructions (${compiled})\n`)
  if (request.console) process.stdout.write(a.console)
}

try {
  main(process.argv.slice(2))
} catch (error) {
  const { text, status } = complain(error)
  process.stderr.write(`${text.replace(/^tabpc/, 'lockstep')}\n`)
  process.exitCode = status
}
