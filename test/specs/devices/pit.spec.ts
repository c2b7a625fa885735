/** The 8254 against a counter stepped pulse by pulse, as the datasheet tells it, and on the board against its times. */
import { describe, expect, it } from 'vitest'
import { PitCounter } from '../../../src/devices/pit-counter.ts'
import { PIT_HERTZ, Pit } from '../../../src/devices/pit.ts'
import { SystemControlPort } from '../../../src/devices/system-control.ts'
import { Probe, randomNumbers, Workbench } from './workbench.ts'

/** One counter, one CLK pulse at a time: the "Mode definitions" of the datasheet in order. */
class SteppedCounter {
  mode = 0
  gate = true
  out = false
  nullCount = true
  element = 0
  private register = 0
  private written = 0
  private load = false
  private active = false
  private fresh = false
  private odd = false

  control(mode: number): void {
    this.mode = mode
    this.out = mode !== 0
    this.nullCount = true
    this.load = false
    this.active = false
    this.written = 0
  }

  /** A complete count (access mode low byte only, so nothing comes between its bytes). */
  count(value: number): void {
    this.written = value
    this.nullCount = true
    if (this.mode === 0) this.out = false
    const waitsForCycle = (this.mode === 2 || this.mode === 3) && this.active
    const waitsForTrigger = this.mode === 1 || this.mode === 5
    if (!waitsForCycle && !waitsForTrigger) this.load = true
  }

  setGate(level: boolean): void {
    const rises = level && !this.gate
    this.gate = level
    if (rises && this.written > 0 && [1, 2, 3, 5].includes(this.mode)) this.load = true
    if (!level && (this.mode === 2 || this.mode === 3)) this.out = true
  }

  pulse(): void {
    if (this.load) {
      this.load = false
      this.transfer()
      this.active = true
      this.fresh = true
      if (this.mode === 1 || this.mode === 0) this.out = false
      else this.out = true
      return
    }
    if (!this.active) return
    if (!this.gate && this.mode !== 1 && this.mode !== 5) return
    if (this.mode === 2) this.rate()
    else if (this.mode === 3) this.square()
    else this.oneShot()
  }

  private transfer(): void {
    this.register = this.written
    this.nullCount = false
    this.odd = (this.register & 1) === 1
    this.element = this.mode === 3 ? this.register & ~1 : this.register
  }

  private rate(): void {
    if (this.element === 1) {
      this.transfer()
      this.out = true
    } else {
      this.element--
      if (this.element === 1) this.out = false
    }
  }

  private square(): void {
    const extraPulse = this.odd && this.out
    if (extraPulse ? this.element === 0 : this.element === 2) {
      this.out = !this.out
      this.transfer()
    } else {
      this.element -= 2
    }
  }

  private oneShot(): void {
    const strobes = this.mode === 4 || this.mode === 5
    this.element = (this.element - 1) & 0xffff
    if (strobes) this.out = !(this.fresh && this.element === 0)
    else if (this.element === 0) this.out = true
    if (this.element === 0) this.fresh = false
  }
}

describe('8254 counter', () => {
  it.each([0, 1, 2, 3, 4, 5])('mode %i agrees with the stepped counter over 30,000 random pulses', (mode) => {
    const random = randomNumbers(1000 + mode)
    const counter = new PitCounter()
    const stepped = new SteppedCounter()
    let t = 0
    counter.writeControl(0x10 | (mode << 1), t)
    stepped.control(mode)
    let counted = false
    for (let step = 0; step < 30_000; step++) {
      counter.sync(t)
      const choice = random() % 60
      if (choice === 0 || step === 0) {
        const count = 2 + (random() % 20)
        counter.writeData(count, t)
        stepped.count(count)
        counted = true
      } else if (choice === 1) {
        const level = random() % 4 > 0
        counter.setGate(level, t)
        stepped.setGate(level)
      } else if (choice === 2 && random() % 20 === 0) {
        counter.writeControl(0x10 | (mode << 1), t)
        stepped.control(mode)
        counted = false
      }
      // Looking is optional: the closed form must give the same after a leap.
      if (random() % 3 > 0) {
        counter.sync(t)
        counter.latchStatus(t)
        const status = counter.readData(t)
        expect([step, status >> 7, (status >> 6) & 1]).toEqual([step, Number(stepped.out), Number(stepped.nullCount)])
        if (counted && !stepped.nullCount) expect([step, counter.readData(t)]).toEqual([step, stepped.element & 0xff])
      }
      stepped.pulse()
      t++
    }
  })
})

/** First ns at which `pulses` CLK pulses have passed. */
const at = (pulses: number) => Math.ceil((pulses * 1e9) / PIT_HERTZ)

function board() {
  const bench = new Workbench()
  const irq0 = new Probe(() => bench.clock.now())
  const tones: number[] = []
  const pit = new Pit({ bus: bench.bus, clock: bench.clock, irq0, onTone: (hertz) => tones.push(hertz) })
  new SystemControlPort({
    bus: bench.bus, clock: bench.clock, setGate2: (on) => pit.setGate2(on), output2: () => pit.output2(),
  })
  return { bench, irq0, tones }
}

describe('PIT on the board', () => {
  it('mode 2 interrupts once a period, for ever exact', () => {
    const { bench, irq0 } = board()
    bench.out8(0x43, 0x34)
    bench.out8(0x40, 11932 & 0xff)
    bench.out8(0x40, 11932 >> 8)
    irq0.rises.length = 0
    bench.pass(10e9)
    expect(irq0.rises.length).toBe(Math.floor((10 * PIT_HERTZ - 1) / 11932))
    irq0.rises.forEach((ns, i) => {
      expect(ns).toBe(at(1 + (i + 1) * 11932))
    })
  })

  it('mode 3 drives IRQ0 as a square wave', () => {
    const { bench, irq0 } = board()
    bench.out8(0x43, 0x36)
    bench.out8(0x40, 0)
    bench.out8(0x40, 0)
    irq0.rises.length = 0
    bench.pass(at(1 + 32768) + 1)
    expect(irq0.level).toBe(false)
    bench.pass(at(32768))
    expect(irq0.level).toBe(true)
    expect(irq0.rises).toEqual([at(1 + 65536)])
  })

  it('mode 0 interrupts once, N + 1 pulses after the write; mode 4 likewise after its strobe', () => {
    const { bench, irq0 } = board()
    bench.out8(0x43, 0x30)
    bench.out8(0x40, 100)
    bench.out8(0x40, 0)
    bench.pass(1e9)
    expect(irq0.rises).toEqual([at(101)])
    bench.out8(0x43, 0x38)
    const start = Math.floor(PIT_HERTZ)
    bench.out8(0x40, 50)
    bench.out8(0x40, 0)
    bench.pass(1e9)
    expect(irq0.rises.slice(1)).toEqual([at(start + 1 + 50 + 1)])
  })

  it('a late look still shows one tick', () => {
    const { bench, irq0 } = board()
    bench.out8(0x43, 0x36)
    bench.out8(0x40, 100)
    bench.out8(0x40, 0)
    irq0.rises.length = 0
    bench.retired += 1e6
    bench.clock.runDue()
    expect(irq0.rises.length).toBe(1)
  })

  it('counts down in BCD and reads back latched status before count', () => {
    const { bench } = board()
    bench.out8(0x43, 0x35)
    bench.out8(0x40, 0x00)
    bench.out8(0x40, 0x10)
    bench.pass(at(1 + 1) + 1)
    bench.out8(0x43, 0xc2)
    bench.pass(1e6)
    expect(bench.in8(0x40)).toBe(0x80 | 0x35)
    expect([bench.in8(0x40), bench.in8(0x40)]).toEqual([0x99, 0x09])
  })

  it('times a delay by counter 2 through port 61h, as calibration loops do', () => {
    const { bench } = board()
    bench.out8(0x61, 1)
    bench.out8(0x43, 0xb0)
    bench.out8(0x42, 0x00)
    bench.out8(0x42, 0x20)
    expect(bench.in8(0x61) & 0x20).toBe(0)
    bench.pass(at(0x2000) - 1)
    expect(bench.in8(0x61) & 0x20).toBe(0)
    bench.pass(at(0x2002) - at(0x2000))
    expect(bench.in8(0x61) & 0x20).toBe(0x20)
  })

  it('toggles the refresh bit every 15 us and reports the tone', () => {
    const { bench, tones } = board()
    let toggles = 0
    let before = bench.in8(0x61) & 0x10
    for (let us = 0; us < 1000; us++) {
      bench.pass(1000)
      const now = bench.in8(0x61) & 0x10
      if (now !== before) toggles++
      before = now
    }
    expect(toggles).toBe(66)
    bench.out8(0x43, 0xb6)
    bench.out8(0x42, 1193 & 0xff)
    bench.out8(0x42, 1193 >> 8)
    bench.out8(0x61, 3)
    expect(tones.at(-1)).toBeCloseTo(1000.15, 2)
    bench.out8(0x61, 0)
    expect(tones.at(-1)).toBe(0)
  })

  it('a count of 1 in modes 2 and 3 makes no events', () => {
    const { bench } = board()
    for (const control of [0x34, 0x36]) {
      bench.out8(0x43, control)
      bench.out8(0x40, 1)
      bench.out8(0x40, 0)
      bench.pass(10_000)
      expect(bench.clock.nextDue()).toBe(Infinity)
    }
  })
})
