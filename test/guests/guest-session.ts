/** A guest in the built `tabpc`, talked to over its serial port as a person at a terminal would. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../build/cli.js', import.meta.url))
const PROMPT = 'root@tabpc:'
const WIDE = 1000
/** Shown when a wait fails. In characters. */
const SHOWN_CHARACTERS = 1500

export class GuestSession {
  private readonly child: ChildProcessWithoutNullStreams
  private readonly folder = mkdtempSync(join(tmpdir(), 'tabpc-guest-'))
  private readonly statsFile = join(this.folder, 'stats.json')
  private readonly exited: Promise<number | null>
  private seen = 0
  private onOutput = () => {}
  /** All that the guest has written, and all that tabpc has said. */
  output = ''
  messages = ''

  /** Starts `tabpc run` with `argv`. */
  constructor(argv: readonly string[]) {
    this.child = spawn(process.execPath, [PROGRAM, 'run', '--stats', this.statsFile, ...argv])
    this.child.stdout.setEncoding('latin1').on('data', (text: string) => {
      this.output += text
      this.onOutput()
    })
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.messages += text
    })
    this.child.stdin.on('error', () => undefined)
    this.exited = new Promise(resolve => {
      this.child.on('close', status => {
        resolve(status)
        this.onOutput()
      })
    })
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** Waits until what came since the last wait matches; gives the match and goes on behind it. */
  async waitFor(expression: RegExp, seconds = 120): Promise<RegExpExecArray> {
    const deadline = Date.now() + seconds * 1000
    for (;;) {
      const match = expression.exec(this.output.slice(this.seen))
      if (match) {
        this.seen += match.index + match[0].length
        return match
      }
      const left = deadline - Date.now()
      if (left <= 0 || this.child.exitCode !== null)
        throw new Error(`${expression} has not come; the last is:\n${this.output.slice(-SHOWN_CHARACTERS)}\n${this.messages}`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        this.onOutput = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  type(text: string): void {
    this.child.stdin.write(text)
  }

  /** Types a shell command; gives what it prints until the next prompt, line ends made plain. */
  async shell(command: string, seconds = 120): Promise<string> {
    this.type(`${command}\n`)
    await this.waitFor(/\r\n/)
    const from = this.seen
    const { index, 0: prompt } = await this.waitFor(new RegExp(PROMPT), seconds)
    const text = this.output.slice(from, from + index + prompt.length - PROMPT.length)
    return text.replaceAll('\r\n', '\n')
  }

  /** Waits for the first prompt of a booting guest. */
  async ready(): Promise<void> {
    await this.waitFor(/GUEST-READY/, 240)
    await this.waitFor(new RegExp(PROMPT))
    // A line that is wrapped while it is typed could not be told from output.
    await this.shell(`stty cols ${WIDE}`)
  }

  /** The exit status, when the process has ended by itself. */
  ended(): Promise<number | null> {
    return this.exited
  }

  /** The figures of --stats; after the end. */
  stats(): Readonly<Record<string, unknown>> {
    return JSON.parse(readFileSync(this.statsFile, 'utf8')) as Readonly<Record<string, unknown>>
  }

  /** Ends the process if it runs and removes its files. */
  async dispose(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
    rmSync(this.folder, { recursive: true })
  }
}
