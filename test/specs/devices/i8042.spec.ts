/** The keyboard controller, its keyboard and its mouse, as drivers use them. */
import { describe, expect, it } from 'vitest'
import { I8042 } from '../../../src/devices/i8042.ts'
import { Ps2Keyboard } from '../../../src/devices/ps2-keyboard.ts'
import { Ps2Mouse } from '../../../src/devices/ps2-mouse.ts'
import { Probe, Workbench } from './workbench.ts'

const DATA = 0x60
const COMMAND = 0x64

function board() {
  const bench = new Workbench()
  const [irq1, irq12] = [new Probe(), new Probe()]
  const events: string[] = []
  const keyboard = new Ps2Keyboard({ clock: bench.clock, onLeds: (leds) => events.push(`leds ${leds}`) })
  const mouse = new Ps2Mouse({ clock: bench.clock })
  const controller = new I8042({
    bus: bench.bus, clock: bench.clock, keyboard, mouse, irq1, irq12,
    onA20: (on) => events.push(`a20 ${on}`), onReset: () => events.push('reset'),
  })
  /** Everything that arrives in the next `ms`: `[byte, from the mouse]`. */
  const drain = (ms = 20): number[] => {
    const got: number[] = []
    for (let step = 0; step < ms * 4; step++) {
      if (bench.in8(COMMAND) & 1) got.push(bench.in8(DATA))
      bench.pass(250_000)
    }
    return got
  }
  const toKeyboard = (...bytes: number[]) => bytes.flatMap((byte) => {
    bench.out8(DATA, byte)
    return drain(3)
  })
  const toMouse = (...bytes: number[]) => bytes.flatMap((byte) => {
    bench.out8(COMMAND, 0xd4)
    bench.out8(DATA, byte)
    return drain(4)
  })
  const configure = (value: number) => {
    bench.out8(COMMAND, 0x60)
    bench.out8(DATA, value)
  }
  const ask = (command: number) => {
    bench.out8(COMMAND, command)
    return bench.in8(DATA)
  }
  return { bench, irq1, irq12, events, keyboard, mouse, controller, drain, toKeyboard, toMouse, configure, ask }
}

const hex = (bytes: number[]) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')

describe('8042 commands', () => {
  it('tests itself and its interfaces', () => {
    const { ask, bench } = board()
    expect([0xaa, 0xab, 0xa9, 0xa4, 0xc0].map(ask)).toEqual([0x55, 0, 0, 0xf1, 0xa0])
    expect(bench.in8(COMMAND) & 0x1d).toBe(0x1c)
  })

  it('reads and writes its configuration and RAM, and switches ports on and off', () => {
    const { ask, configure, bench } = board()
    configure(0x47)
    expect(ask(0x20)).toBe(0x47)
    bench.out8(COMMAND, 0xa7)
    expect(ask(0x20)).toBe(0x67)
    bench.out8(COMMAND, 0xad)
    expect(ask(0x20)).toBe(0x77)
    bench.out8(COMMAND, 0xa8)
    bench.out8(COMMAND, 0xae)
    expect(ask(0x20)).toBe(0x47)
    bench.out8(COMMAND, 0x7f)
    bench.out8(DATA, 0x12)
    expect(ask(0x3f)).toBe(0x12)
  })

  it('drives A20 and reset', () => {
    const { bench, events, ask } = board()
    bench.out8(COMMAND, 0xd1)
    bench.out8(DATA, 0xdd)
    expect(ask(0xd0) & 0x02).toBe(0)
    bench.out8(COMMAND, 0xd1)
    bench.out8(DATA, 0xdf)
    expect(ask(0xd0) & 0x02).toBe(2)
    bench.out8(COMMAND, 0xdd)
    bench.out8(COMMAND, 0xdf)
    bench.out8(COMMAND, 0xfe)
    bench.out8(COMMAND, 0xff)
    bench.out8(COMMAND, 0xd1)
    bench.out8(DATA, 0x02)
    expect(events).toEqual(['a20 false', 'a20 true', 'a20 false', 'a20 true', 'reset', 'a20 true', 'reset'])
  })

  it('loops bytes back as if from the keyboard or the mouse, with their interrupts', () => {
    const { bench, irq1, irq12, configure } = board()
    configure(0x47)
    bench.out8(COMMAND, 0xd3)
    bench.out8(DATA, 0xa5)
    expect([irq1.level, irq12.level, bench.in8(COMMAND) & 0x21]).toEqual([false, true, 0x21])
    expect([bench.in8(DATA), irq12.level]).toEqual([0xa5, false])
    bench.out8(COMMAND, 0xd2)
    bench.out8(DATA, 0x5a)
    expect([irq1.level, irq12.level, bench.in8(COMMAND) & 0x21]).toEqual([true, false, 0x01])
    configure(0x46)
    expect(irq1.level).toBe(false)
  })
})

describe('PS/2 keyboard', () => {
  it('answers its commands', () => {
    const { toKeyboard, configure, events } = board()
    configure(0x05)
    expect(hex(toKeyboard(0xff))).toBe('fa aa')
    expect(hex(toKeyboard(0xf2))).toBe('fa ab 83')
    expect(hex(toKeyboard(0xee))).toBe('ee')
    expect(hex(toKeyboard(0xed, 0x07))).toBe('fa fa')
    expect(hex(toKeyboard(0xf0, 0x00))).toBe('fa fa 02')
    expect(hex(toKeyboard(0xf0, 0x01, 0xf0, 0x00))).toBe('fa fa fa fa 01')
    expect(hex(toKeyboard(0xf0, 0x04))).toBe('fa fe')
    expect(hex(toKeyboard(0xf3, 0x00, 0xf4, 0xf5, 0xf6))).toBe('fa fa fa fa fa')
    expect(hex(toKeyboard(0x42))).toBe('fe')
    expect(hex(toKeyboard(0xf4, 0xfe))).toBe('fa fa')
    expect(events).toEqual(['leds 7'])
  })

  it('sends set 2, which the controller translates to set 1', () => {
    const { keyboard, drain, irq1, configure } = board()
    const press = (code: string) => {
      keyboard.keyDown(code)
      keyboard.keyUp(code)
      return hex(drain())
    }
    expect(press('KeyA')).toBe('1e 9e')
    expect(irq1.rises.length).toBe(2)
    expect(press('ArrowUp')).toBe('e0 48 e0 c8')
    expect(press('F7')).toBe('41 c1')
    expect(press('Pause')).toBe('e1 1d 45 e1 9d c5')
    expect(press('PrintScreen')).toBe('e0 2a e0 37 e0 b7 e0 aa')
    expect(press('NoSuchKey')).toBe('')
    configure(0x05)
    expect(press('KeyA')).toBe('1c f0 1c')
    expect(press('ControlRight')).toBe('e0 14 e0 f0 14')
    expect(press('Pause')).toBe('e1 14 77 e1 f0 14 f0 77')
  })

  it('sends sets 1 and 3 when told to', () => {
    const { keyboard, drain, toKeyboard, configure } = board()
    configure(0x05)
    toKeyboard(0xf0, 1)
    keyboard.keyDown('Enter')
    keyboard.keyUp('Enter')
    expect(hex(drain())).toBe('1c 9c')
    toKeyboard(0xf0, 3)
    keyboard.keyDown('ControlLeft')
    keyboard.keyDown('KeyA')
    keyboard.keyUp('KeyA')
    keyboard.keyUp('ControlLeft')
    expect(hex(drain())).toBe('11 1c f0 11')
    toKeyboard(0xfa)
    keyboard.keyDown('F1')
    keyboard.keyUp('F1')
    expect(hex(drain())).toBe('07 f0 07')
  })

  it('repeats the last key at the typematic rate, and ignores the repeats of the host', () => {
    const { keyboard, drain, toKeyboard } = board()
    toKeyboard(0xf3, 0x00)
    keyboard.keyDown('KeyB')
    keyboard.keyDown('KeyB')
    expect(hex(drain(240))).toBe('30')
    const repeats = drain(1000)
    expect(repeats.length).toBeGreaterThanOrEqual(29)
    expect(repeats.length).toBeLessThanOrEqual(30)
    keyboard.keyUp('KeyB')
    expect(hex(drain(1000))).toBe('b0')
  })

  it('loses no typed key, however fast it comes', () => {
    const { keyboard, drain } = board()
    const codes = 'THEQUICKBROWNFOXJUMPSOVERTHELAZYDOG'.split('').map((letter) => `Key${letter}`)
    for (const code of codes) {
      keyboard.keyDown(code)
      keyboard.keyUp(code)
    }
    expect(keyboard.pending).toBeGreaterThan(40)
    const got = drain(200)
    expect(got.length).toBe(codes.length * 2)
    expect(keyboard.pending).toBe(0)
    expect(got.filter((_, i) => i % 2 === 1)).toEqual(got.filter((_, i) => i % 2 === 0).map((code) => code | 0x80))
  })

  it('keeps the byte readable until the next one arrives', () => {
    const { bench, keyboard } = board()
    keyboard.keyDown('KeyA')
    keyboard.keyUp('KeyA')
    expect([bench.in8(DATA), bench.in8(DATA), bench.in8(COMMAND) & 1]).toEqual([0x1e, 0x1e, 0])
    bench.pass(500_000)
    expect([bench.in8(COMMAND) & 1, bench.in8(DATA)]).toEqual([1, 0x9e])
  })

  it('holds its bytes while the interface is off, and sends nothing while disabled', () => {
    const { bench, keyboard, drain, toKeyboard } = board()
    bench.out8(COMMAND, 0xad)
    keyboard.keyDown('KeyA')
    expect(drain()).toEqual([])
    bench.out8(COMMAND, 0xae)
    expect(hex(drain())).toBe('1e')
    toKeyboard(0xf5)
    keyboard.keyUp('KeyA')
    expect(drain()).toEqual([])
  })

  it('lifts held keys when asked', () => {
    const { keyboard, drain } = board()
    keyboard.keyDown('ShiftLeft')
    keyboard.keyDown('KeyA')
    keyboard.releaseAll()
    expect(hex(drain())).toBe('2a 1e aa 9e')
  })
})

describe('PS/2 mouse', () => {
  it('answers its commands', () => {
    const { toMouse } = board()
    expect(hex(toMouse(0xff))).toBe('fa aa 00')
    expect(hex(toMouse(0xf2))).toBe('fa 00')
    expect(hex(toMouse(0xe8, 0x03, 0xf3, 0x28, 0xe7, 0xe9))).toBe('fa fa fa fa fa fa 10 03 28')
    expect(hex(toMouse(0xee, 0x12, 0xf4, 0xec))).toBe('fa 12 f4 fa')
    expect(hex(toMouse(0x11))).toBe('fe')
  })

  it('becomes an IntelliMouse after the knocks', () => {
    const { toMouse } = board()
    toMouse(0xf3, 200, 0xf3, 100, 0xf3, 80)
    expect(hex(toMouse(0xf2))).toBe('fa 03')
    toMouse(0xf3, 200, 0xf3, 200, 0xf3, 80)
    expect(hex(toMouse(0xf2))).toBe('fa 04')
    expect(hex(toMouse(0xff))).toBe('fa aa 00')
  })

  it('streams movement, buttons and wheel with IRQ12', () => {
    const { mouse, toMouse, drain, configure, irq12, bench } = board()
    configure(0x47)
    mouse.move(5, 5)
    expect(drain()).toEqual([])
    toMouse(0xf4)
    mouse.move(3, -2)
    expect(bench.in8(COMMAND) & 0x21).toBe(0x21)
    expect(irq12.level).toBe(true)
    expect(hex(drain())).toBe('08 03 02')
    mouse.move(-300, 0)
    expect(hex(drain())).toBe('18 01 00 18 d3 00')
    mouse.buttons(5)
    expect(hex(drain())).toBe('0d 00 00')
    toMouse(0xf3, 200, 0xf3, 100, 0xf3, 80)
    mouse.move(0, 0, -1)
    expect(hex(drain())).toBe('0d 00 00 ff')
  })

  it('reports at most at the sample rate, and on request in remote mode', () => {
    const { mouse, toMouse, drain } = board()
    toMouse(0xf3, 10, 0xf4)
    for (let i = 0; i < 5; i++) mouse.move(1, 0)
    expect(hex(drain(90))).toBe('08 01 00')
    expect(hex(drain(90))).toBe('08 04 00')
    toMouse(0xf0)
    mouse.move(7, 0)
    expect(drain(200)).toEqual([])
    expect(hex(toMouse(0xeb))).toBe('fa 08 07 00')
  })
})
