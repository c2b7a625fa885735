/** The terminal: raw while the guest has it, restored however it ends; Ctrl-A is ours, other keys are the guest's. */

import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { EscapeKeys, Terminal, TerminalCommand } from '../../../src/node/terminal.ts'
import { FakeInput } from './fakes.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function open(tty: boolean) {
  const input = new FakeInput(tty)
  const process = new EventEmitter()
  const typed: string[] = []
  const commands: TerminalCommand[] = []
  const hangups: number[] = []
  const terminal = new Terminal(input, process, {
    onInput: bytes => typed.push(decoder.decode(bytes)),
    onCommand: command => commands.push(command),
    onHangup: () => hangups.push(1),
  })
  terminal.open()
  return { input, process, typed, commands, hangups, terminal }
}

describe('the mode', () => {
  it('is raw between open and close', () => {
    const { input, terminal } = open(true)
    expect(input.modes).toEqual([true])
    expect(input.paused).toBe(false)
    terminal.close()
    terminal.close()
    expect(input.modes).toEqual([true, false])
    expect(input.paused).toBe(true)
  })

  it('is restored when the process exits without closing', () => {
    const { input, process } = open(true)
    process.emit('exit')
    expect(input.modes).toEqual([true, false])
  })

  it('leaves no listener behind', () => {
    const { input, process, terminal } = open(true)
    terminal.close()
    expect([input.listenerCount('data'), input.listenerCount('end'), process.listenerCount('exit')]).toEqual([0, 0, 0])
  })

  it('of a pipe is not touched', () => {
    const { input, terminal } = open(false)
    terminal.close()
    expect(input.modes).toEqual([])
  })

  it('survives a terminal that is gone', () => {
    const { input, terminal } = open(true)
    input.setRawMode = () => {
      throw new Error('EIO')
    }
    expect(() => terminal.close()).not.toThrow()
  })
})

describe('input', () => {
  it('of a terminal goes to the guest, Ctrl-C too, but for Ctrl-A', () => {
    const { input, typed, commands } = open(true)
    input.type('ls\r\x03')
    input.type('\x01h')
    input.type('\x01x')
    expect(typed).toEqual(['ls\r\x03'])
    expect(commands).toEqual([TerminalCommand.Help, TerminalCommand.Leave])
  })

  it('of a pipe goes to the guest as it is, and its end is not the end of the run', () => {
    const { input, typed, commands, hangups } = open(false)
    input.type('\x01x')
    input.emit('end')
    expect([typed, commands, hangups]).toEqual([['\x01x'], [], []])
  })

  it('of a terminal that hangs up is told', () => {
    const { input, hangups } = open(true)
    input.emit('end')
    expect(hangups).toHaveLength(1)
  })

  it('can be held back', () => {
    const { input, terminal } = open(false)
    terminal.hold(true)
    expect(input.paused).toBe(true)
    terminal.hold(false)
    expect(input.paused).toBe(false)
  })
})

describe('the escape key', () => {
  function feed(...pieces: string[]) {
    const keys = new EscapeKeys()
    const results = pieces.map(piece => keys.feed(encoder.encode(piece)))
    return {
      bytes: results.map(({ bytes }) => decoder.decode(bytes)).join(''),
      commands: results.flatMap(({ commands }) => commands),
    }
  }

  it.each([
    ['\x01a', '\x01', []],
    ['\x01A', '\x01', []],
    ['\x01\x01', '\x01', []],
    ['\x01\x01x', '\x01x', []],
    ['a\x01xb', 'a', [TerminalCommand.Leave]],
    ['\x01X', '', [TerminalCommand.Leave]],
    ['\x01H', '', [TerminalCommand.Help]],
    ['\x01?y', 'y', [TerminalCommand.Help]],
  ])('%j', (typed, bytes, commands) => {
    expect(feed(typed)).toEqual({ bytes, commands })
    expect(feed(...typed)).toEqual({ bytes, commands })
  })
})
