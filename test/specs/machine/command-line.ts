/** Runs the built `tabpc` as a process, for the end-to-end specs. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Code, multibootKernel } from './kernels.ts'

const PROGRAM = fileURLToPath(new URL('../../../build/cli.js', import.meta.url))
/** Longer than any run of a spec takes on a busy host. In milliseconds. */
const LONGEST_RUN = 30_000

/** How a process ended, and what it wrote. */
export interface Run {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Standard input; it is closed behind it. */
  readonly input?: string
  /** Sent as soon as stdout holds `after`. */
  readonly signal?: NodeJS.Signals
  readonly after?: string
}

/** Runs `tabpc` with `argv` to its end. */
export function tabpc(argv: readonly string[], { input = '', signal, after = '' }: RunOptions = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...argv], { timeout: LONGEST_RUN })
    let stdout = ''
    let stderr = ''
    let signalled = false
    child.stdout.on('data', (chunk: Uint8Array) => {
      stdout += Buffer.from(chunk).toString('latin1')
      if (signal && !signalled && stdout.includes(after)) {
        signalled = true
        child.kill(signal)
      }
    })
    child.stderr.on('data', (chunk: Uint8Array) => {
      stderr += Buffer.from(chunk).toString('utf8')
    })
    child.on('error', reject)
    child.on('close', status => resolve({ status, stdout, stderr }))
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

/** A folder for the files of one spec file. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'tabpc-spec-'))
  private files = 0

  /** Writes a file and gives its path. */
  file(bytes: Uint8Array | string): string {
    const path = this.unused()
    writeFileSync(path, bytes)
    return path
  }

  /** A path where nothing is yet. */
  unused(): string {
    return join(this.path, `file-${this.files++}`)
  }

  /** Boots a kernel of `code` on 16 MiB. */
  run(code: readonly Code[], argv: readonly string[] = [], options?: RunOptions): Promise<Run> {
    const kernel = this.file(multibootKernel(...code))
    return tabpc(['run', '--kernel', kernel, '--memory', '16M', ...argv], options)
  }

  /** The same with --stats: the run and the figures. */
  async runWithStats(code: readonly Code[], argv: readonly string[] = [], options?: RunOptions) {
    const stats = this.unused()
    const run = await this.run(code, [...argv, '--stats', stats], options)
    return { ...run, stats: JSON.parse(readFileSync(stats, 'utf8')) as Readonly<Record<string, unknown>> }
  }

  remove(): void {
    rmSync(this.path, { recursive: true })
  }
}
