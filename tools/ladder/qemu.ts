/**
 * QEMU (TCG, one thread) as an engine of the ladder. Its screen is looked at through QMP, the machine protocol on a
 * socket: text as the bytes of text memory, pictures as dumps. Source: QEMU QMP reference (pmemsave, screendump).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isReached, LOOK_MS, type Mark, type Shot } from './marks.ts'
import type { Rung } from './rungs.ts'

const TEXT_MEMORY = 0xb8000
const TEXT_BYTES = 0x8000

export class Qemu {
  private readonly folder = mkdtempSync(join(tmpdir(), 'ladder-qemu-'))
  private readonly began = performance.now()
  private readonly child: ChildProcess
  private socket: Socket | undefined
  private answers: ((answer: { error?: unknown }) => void)[] = []
  private serial = ''
  private errors = ''

  constructor({ memoryMiB, media }: Rung) {
    const { fda, hda, vda, cdrom, kernel, initrd, append } = media
    const drive = (path: string | undefined, options: string) =>
      path === undefined ? [] : ['-drive', `file=${path},format=raw,${options}`]
    this.child = spawn('qemu-system-i386', [
      '-accel', 'tcg,thread=single', '-m', `${memoryMiB}`, '-no-reboot', '-display', 'none', '-vga', 'std', '-net', 'none',
      '-serial', 'stdio', '-monitor', 'none', '-snapshot', '-qmp', `unix:${join(this.folder, 'qmp')},server=on,wait=off`,
      '-boot', fda ? 'a' : cdrom ? 'd' : 'c',
      ...drive(fda, 'if=floppy'), ...drive(hda, 'if=ide,index=0'), ...drive(vda, 'if=virtio'),
      ...drive(cdrom, 'if=ide,index=2,media=cdrom,readonly=on'),
      ...(kernel ? ['-kernel', kernel] : []), ...(initrd ? ['-initrd', initrd, '-append', append ?? ''] : []),
    ], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      this.serial += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text
    })
  }

  /** Seconds until the guest has arrived. Throws when it does not within the limit. */
  async climb(mark: Mark, limitSeconds: number): Promise<number> {
    while (performance.now() - this.began < limitSeconds * 1000) {
      if (this.child.exitCode !== null) throw new Error(this.errors.trim().split('\n').at(-1) || 'QEMU has ended')
      if ('text' in mark && new RegExp(mark.text).test(this.serial)) return this.seconds
      const screen = await this.look(mark)
      if (screen && isReached(mark, screen)) return this.seconds
      await sleep(LOOK_MS)
    }
    throw new Error(`not within ${limitSeconds} s`)
  }

  async dispose(): Promise<void> {
    this.socket?.destroy()
    if (this.child.exitCode === null) {
      const ended = new Promise(resolve => this.child.once('close', resolve))
      this.child.kill('SIGKILL')
      await ended
    }
    rmSync(this.folder, { recursive: true })
  }

  private get seconds(): number {
    return (performance.now() - this.began) / 1000
  }

  private async look(mark: Mark): Promise<{ text(): string, shot(): Shot | undefined } | undefined> {
    const file = join(this.folder, 'screen')
    if ('text' in mark) {
      if (!(await this.command('pmemsave', { val: TEXT_MEMORY, size: TEXT_BYTES, filename: file }))) return undefined
      const text = Buffer.from(readFileSync(file).filter((_, i) => i % 2 === 0)).toString('latin1')
      return { text: () => text, shot: () => undefined }
    }
    if (!(await this.command('screendump', { filename: file }))) return undefined
    const shot = portablePixmap(readFileSync(file))
    return { text: () => '', shot: () => shot }
  }

  /** Whether a command was carried out. */
  private async command(name: string, options: object): Promise<boolean> {
    if (!(await this.connected())) return false
    const answer = new Promise<{ error?: unknown }>(resolve => this.answers.push(resolve))
    this.socket?.write(`${JSON.stringify({ execute: name, arguments: options })}\n`)
    return (await answer).error === undefined
  }

  /** Connects once the socket is there; the first command leaves negotiation. */
  private async connected(): Promise<boolean> {
    if (this.socket) return true
    const socket = connect(join(this.folder, 'qmp'))
    const isThere = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    if (!isThere) return false
    this.socket = socket
    let buffered = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      buffered += text
      const lines = buffered.split('\n')
      buffered = lines.pop() ?? ''
      for (const line of lines) {
        const message = JSON.parse(line) as { return?: unknown, error?: unknown }
        if ('return' in message || 'error' in message) this.answers.shift()?.(message)
      }
    })
    // An engine that ends while it is asked has nothing to show.
    socket.on('error', () => undefined).on('close', () => {
      for (const answer of this.answers.splice(0)) answer({ error: 'closed' })
    })
    return this.command('qmp_capabilities', {})
  }
}

/** A picture in the portable pixmap format, binary (P6), of 8 bits a part. */
function portablePixmap(bytes: Buffer): Shot | undefined {
  const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.subarray(0, 64).toString('latin1'))
  if (!header) return undefined
  const [width, height] = [Number(header[1]), Number(header[2])]
  const first = header[0].length
  return {
    width, height,
    rgb: (x, y) => {
      const at = first + 3 * (y * width + x)
      return [bytes[at], bytes[at + 1], bytes[at + 2]]
    },
  }
}
