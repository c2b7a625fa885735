/**
 * Firefox for the specs of the web page, over its Marionette protocol: lengths and JSON on a TCP port. Only what the specs
 * need of it. Source: Firefox source docs, "Marionette Protocol".
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const candidates = [process.env.TABPC_FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox']
export const firefoxPath = candidates.find(path => path !== undefined && existsSync(path))

/** Quiet, and with a port of its own choice, which it writes into its profile. */
const preferences = {
  'marionette.port': 0, 'browser.shell.checkDefaultBrowser': false, 'datareporting.policy.dataSubmissionEnabled': false,
  'app.update.enabled': false, 'browser.startup.page': 0, 'browser.aboutwelcome.enabled': false, 'toolkit.cosmeticAnimations.enabled': false,
  'browser.startup.homepage_override.mstone': 'ignore', 'network.captive-portal-service.enabled': false, 'network.connectivity-service.enabled': false,
}
const START_MILLISECONDS = 60_000
const SCRIPT_MILLISECONDS = 280_000

type Reply = readonly [type: number, id: number, error: { readonly error: string, readonly message: string } | null, result: unknown]

export class Firefox {
  private readonly process: ChildProcess
  private readonly socket: Socket
  private readonly profile: string
  private readonly waiting = new Map<number, (reply: Reply) => void>()
  private received = Buffer.alloc(0)
  private lastId = 0

  private constructor(process: ChildProcess, socket: Socket, profile: string) {
    this.process = process
    this.socket = socket
    this.profile = profile
    socket.on('data', chunk => this.receive(chunk as Buffer))
  }

  /** Starts one with a profile of its own and a window of the size. */
  static async launch(width: number, height: number): Promise<Firefox> {
    const profile = mkdtempSync(join(tmpdir(), 'tabpc-firefox-'))
    const lines = Object.entries(preferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`)
    writeFileSync(join(profile, 'user.js'), lines.join('\n'))
    const child = spawn(firefoxPath as string, ['--headless', '--marionette', '--no-remote', '--profile', profile, `--width=${width}`, `--height=${height}`], {
      stdio: 'ignore', env: { ...process.env, MOZ_HEADLESS_WIDTH: String(width), MOZ_HEADLESS_HEIGHT: String(height), HOME: profile },
    })
    const portFile = join(profile, 'MarionetteActivePort')
    const until = Date.now() + START_MILLISECONDS
    while (!existsSync(portFile) || readFileSync(portFile, 'utf8').trim() === '') {
      if (Date.now() > until || child.exitCode !== null) throw new Error('Firefox does not start')
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    const socket = connect(Number(readFileSync(portFile, 'utf8')), '127.0.0.1')
    const firefox = new Firefox(child, socket, profile)
    await firefox.ask('WebDriver:NewSession', { capabilities: { alwaysMatch: { timeouts: { script: SCRIPT_MILLISECONDS } } } })
    return firefox
  }

  async open(url: string): Promise<void> {
    await this.ask('WebDriver:Navigate', { url })
  }

  /** Runs the body of an async function in the page; its arguments and its value are JSON. */
  async evaluate<T>(body: string, ...args: readonly unknown[]): Promise<T> {
    const script = `const done = arguments[arguments.length - 1]; (async (...args) => { ${body} })(...Array.from(arguments).slice(0, -1)).then(value => done({ value }), error => done({ error: String(error) + (error.hint ?? '') + (error.stack ?? '') }))`
    const { value } = (await this.ask('WebDriver:ExecuteAsyncScript', { script, args, newSandbox: false, sandbox: null })) as {
      readonly value: { readonly value?: T, readonly error?: string }
    }
    if (value.error !== undefined) throw new Error(value.error)
    return value.value as T
  }

  /** Presses the keys of a text, as a person would. */
  async type(text: string): Promise<void> {
    const keys = [...text].map(character => (character === '\n' ? '\uE007' : character))
    const actions = keys.flatMap(value => [{ type: 'keyDown', value }, { type: 'keyUp', value }])
    await this.ask('WebDriver:PerformActions', { actions: [{ type: 'key', id: 'keyboard', actions }] })
  }

  /** What the window shows, as a PNG file. */
  async screenshot(): Promise<Uint8Array> {
    const { value } = (await this.ask('WebDriver:TakeScreenshot', { full: false })) as { readonly value: string }
    return Buffer.from(value, 'base64')
  }

  async close(): Promise<void> {
    const gone = new Promise(resolve => this.process.once('exit', resolve))
    await Promise.race([this.ask('Marionette:Quit', { flags: ['eForceQuit'] }).catch(() => {}), gone])
    this.socket.destroy()
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 10_000)
    if (this.process.exitCode === null) await gone
    clearTimeout(timer)
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 })
  }

  private ask(command: string, parameters: object): Promise<unknown> {
    const id = ++this.lastId
    const text = JSON.stringify([0, id, command, parameters])
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ([, , error, result]) => {
        if (error) reject(new Error(`${command}: ${error.error}: ${error.message}`))
        else resolve(result)
      })
      this.socket.write(`${Buffer.byteLength(text)}:${text}`)
    })
  }

  private receive(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk])
    for (;;) {
      const colon = this.received.indexOf(0x3a)
      if (colon < 0) return
      const length = Number(this.received.subarray(0, colon).toString())
      if (this.received.length < colon + 1 + length) return
      const message = JSON.parse(this.received.subarray(colon + 1, colon + 1 + length).toString()) as unknown
      this.received = this.received.subarray(colon + 1 + length)
      // The first one says who speaks.
      if (!Array.isArray(message)) continue
      const reply = message as unknown as Reply
      this.waiting.get(reply[1])?.(reply)
      this.waiting.delete(reply[1])
    }
  }
}
