/**
 * The entry `tabpc` for web pages: `PC`, its types, and where its files lie.
 *
 * Each file is named by `new URL('…', import.meta.url)`, which bundlers (Vite, webpack) find and copy.
 */
import { PCError } from '../errors.ts'
import { PCBase, type PCPlatform } from '../pc.ts'
import { absolute } from '../pc/disk-source.ts'
import type { MachineWorkerEvents } from '../pc/link.ts'
import type { AssetLocations, PCOptions } from '../pc/options.ts'
import type { FromMachine } from '../worker/protocol.ts'
import { explainWorkerFailure } from './worker-failure.ts'
import { startWorker } from './start-worker.ts'

export { PCError, type PCErrorCode } from '../errors.ts'
export { disk, type DiskDescription, type DiskSource } from '../pc/disk-source.ts'
export { PCDrive, type PCDrives } from '../pc/drives.ts'
export type { PCEvent, PCEventMap, PCProgress, PCScreenMode, PCState, PCStopReason } from '../pc/events.ts'
export { type LayoutName, layoutNames } from '../pc/keyboard-layouts.ts'
export type { PCKeyboard } from '../pc/keyboard.ts'
export type { MouseAttachOptions, PCMouse } from '../pc/mouse.ts'
export type { AssetLocations, DriveBoot, DriveName, FileSource, KernelBoot, PCOptions } from '../pc/options.ts'
export type { PCScreen, ScreenAttachOptions } from '../pc/screen.ts'
export type { PCSerialPort, TerminalLike } from '../pc/serial.ts'
export type { ExecResult } from '../pc/shell.ts'
export type { FoundText } from '../pc/text-search.ts'
export type { WaitOptions } from '../pc/wait.ts'
export type { CompiledFigures, PCStats } from '../pc/stats.ts'
export type { TextWaitOptions } from '../pc.ts'

/** A worker that has not said anything for so long does not come. */
const START_MILLISECONDS = 30_000

/** Files of tabpc, beside this one after the build. */
const found = {
  core: new URL('./core.wasm', import.meta.url),
  machineWorker: new URL('./machine-worker.js', import.meta.url),
  compileWorker: new URL('./compile-worker.js', import.meta.url),
  bios: new URL('./bios-256k.bin', import.meta.url),
  vgaBios: new URL('./vgabios-stdvga.bin', import.meta.url),
}

/** Their names in the folder of `npx tabpc copy-assets`. */
const fileNames: Readonly<Record<keyof typeof found, string>> = {
  core: 'core.wasm', machineWorker: 'machine-worker.js', compileWorker: 'compile-worker.js', bios: 'bios-256k.bin',
  vgaBios: 'vgabios-stdvga.bin',
}

function locate(assets: PCOptions['assets']): Record<keyof typeof found, string> {
  const names = Object.keys(found) as (keyof typeof found)[]
  const folder = typeof assets === 'string' || assets instanceof URL ? new URL(absolute(assets)) : undefined
  if (folder && !folder.pathname.endsWith('/')) folder.pathname += '/'
  const given: AssetLocations = folder ? {} : ((assets ?? {}) as AssetLocations)
  const address = (name: keyof typeof found): string => {
    if (folder) return new URL(fileNames[name], folder).href
    const one = given[name]
    return one === undefined ? found[name].href : absolute(one)
  }
  return Object.fromEntries(names.map(name => [name, address(name)])) as Record<keyof typeof found, string>
}

function platform(options: PCOptions): PCPlatform {
  const { machineWorker, ...assets } = locate(options.assets)
  return {
    assets,
    isIsolated: globalThis.crossOriginIsolated === true,
    startWorker: events => startMachineWorker(machineWorker, events),
  }
}

function startMachineWorker(url: string, events: MachineWorkerEvents) {
  let over = false
  const gone = (error: PCError) => {
    if (over) return
    clearTimeout(timer)
    over = true
    events.onGone(error)
  }
  let worker: Worker
  try {
    worker = startWorker(url, 'tabpc machine')
  } catch (error) {
    throw new PCError('worker', `no worker can be started: ${error instanceof Error ? error.message : String(error)}`, 'see the page on headers: worker-src must allow it')
  }
  const late = new PCError('worker', `the machine's worker has not started from ${url}`, 'reload the page; see the console')
  const timer = setTimeout(() => gone(late), START_MILLISECONDS)
  worker.onmessage = ({ data }: MessageEvent<FromMachine>) => {
    clearTimeout(timer)
    events.onMessage(data)
  }
  worker.onmessageerror = () => gone(new PCError('worker', 'a message of the worker cannot be read', 'reload the page'))
  worker.onerror = event => {
    event.preventDefault()
    void explainWorkerFailure(url, event).then(gone)
  }
  return {
    post: (message: unknown) => worker.postMessage(message),
    terminate: () => {
      over = true
      clearTimeout(timer)
      worker.terminate()
    },
  }
}

/** A PC in this page. */
export class PC extends PCBase {
  /** Makes a PC, paused. Rejects with `PCError` {code, hint}; it never hangs. */
  static async create(options: PCOptions = {}): Promise<PC> {
    return await PCBase.make(options, platform(options), (...parts) => new PC(...parts))
  }
}
