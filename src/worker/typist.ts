/**
 * Types strokes on the PC's keyboard no faster than the guest takes them, as a person would wait for the machine:
 * the keyboard's own buffer holds 16 bytes, and a guest that is busy drops what overflows it.
 */
import type { KeyStroke } from './protocol.ts'

/** The part of the keyboard that is needed. */
export interface TypedKeyboard {
  keyDown(code: string): void
  keyUp(code: string): void
  readonly pending: number
}

interface Text {
  readonly strokes: readonly KeyStroke[]
  next: number
  readonly done: () => void
}

export class Typist {
  private readonly keyboard: TypedKeyboard
  private readonly texts: Text[] = []

  constructor(keyboard: TypedKeyboard) {
    this.keyboard = keyboard
  }

  get busy(): boolean {
    return this.texts.length > 0
  }

  /** Resolves when the guest's controller has taken the last stroke. */
  type(strokes: readonly KeyStroke[]): Promise<void> {
    return new Promise(done => {
      this.texts.push({ strokes, next: 0, done })
      this.feed()
    })
  }

  /** Goes on where the keyboard is empty; call it between slices. */
  feed(): void {
    while (this.texts.length > 0 && this.keyboard.pending === 0) {
      const [text] = this.texts
      const stroke = text.strokes[text.next++]
      if (!stroke) {
        this.texts.shift()
        text.done()
        continue
      }
      const held = stroke.held ?? []
      for (const code of held) this.keyboard.keyDown(code)
      this.keyboard.keyDown(stroke.code)
      this.keyboard.keyUp(stroke.code)
      for (const code of [...held].reverse()) this.keyboard.keyUp(code)
    }
  }

  /** Forgets what is left; the promises are kept, for a machine that starts anew has nothing to type into. */
  clear(): void {
    for (const text of this.texts.splice(0)) text.done()
  }
}
