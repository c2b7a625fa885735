/**
 * Which keys write which characters, for `keyboard.type`: the guest has a keyboard layout of its own, and sees keys,
 * not characters. Each layout is written as its four rows, without and with Shift, and what AltGr adds. Keys of dead
 * accents write nothing until the next key: é is ´ and e, and ^ by itself is ^ and the space bar.
 * Source of the layouts: ISO/IEC 9995-3 and the national standards (DIN 2137, BS 4822, NF Z71-300, UNE 71501).
 */
import type { KeyStroke } from '../worker/protocol.ts'

export const layoutNames = ['us', 'uk', 'de', 'fr', 'es'] as const
export type LayoutName = (typeof layoutNames)[number]

/** Keys of the rows from left to right; 102-key boards have IntlBackslash beside the left Shift. */
const ROWS = [
  ['Backquote', 'Digit1', 'Digit2', 'Digit3', 'Digit4', 'Digit5', 'Digit6', 'Digit7', 'Digit8', 'Digit9', 'Digit0', 'Minus', 'Equal'],
  ['KeyQ', 'KeyW', 'KeyE', 'KeyR', 'KeyT', 'KeyY', 'KeyU', 'KeyI', 'KeyO', 'KeyP', 'BracketLeft', 'BracketRight'],
  ['KeyA', 'KeyS', 'KeyD', 'KeyF', 'KeyG', 'KeyH', 'KeyJ', 'KeyK', 'KeyL', 'Semicolon', 'Quote', 'Backslash'],
  ['IntlBackslash', 'KeyZ', 'KeyX', 'KeyC', 'KeyV', 'KeyB', 'KeyN', 'KeyM', 'Comma', 'Period', 'Slash'],
]

interface Layout {
  /** A space stands for a key that writes nothing by itself, such as a dead accent. */
  readonly plain: readonly string[]
  readonly shift: readonly string[]
  /** Character -> key. */
  readonly altGr: Readonly<Record<string, string>>
  readonly dead?: Readonly<Partial<Record<Accent, KeyStroke>>>
}

type Accent = 'acute' | 'grave' | 'circumflex' | 'diaeresis'

/**
 * Accents as Unicode combines them, as they stand alone, and the letters that guests put them on: those of Latin-1, for
 * there all guests agree.
 */
const accents: Readonly<Record<Accent, { readonly mark: string, readonly alone: string, readonly letters: string }>> = {
  acute: { mark: '\u0301', alone: '´', letters: 'aeiouyAEIOUY' },
  grave: { mark: '\u0300', alone: '`', letters: 'aeiouAEIOU' },
  circumflex: { mark: '\u0302', alone: '^', letters: 'aeiouAEIOU' },
  diaeresis: { mark: '\u0308', alone: '¨', letters: 'aeiouyAEIOU' },
}

const SHIFT = ['ShiftLeft']

const layouts: Readonly<Record<LayoutName, Layout>> = {
  us: {
    plain: ['`1234567890-=', 'qwertyuiop[]', "asdfghjkl;'\\", ' zxcvbnm,./'],
    shift: ['~!@#$%^&*()_+', 'QWERTYUIOP{}', 'ASDFGHJKL:"|', ' ZXCVBNM<>?'],
    altGr: {},
  },
  uk: {
    plain: ['`1234567890-=', 'qwertyuiop[]', "asdfghjkl;'#", '\\zxcvbnm,./'],
    shift: ['¬!"£$%^&*()_+', 'QWERTYUIOP{}', 'ASDFGHJKL:@~', '|ZXCVBNM<>?'],
    altGr: { '€': 'Digit4' },
  },
  de: {
    plain: [' 1234567890ß ', 'qwertzuiopü+', 'asdfghjklöä#', '<yxcvbnm,.-'],
    shift: ['°!"§$%&/()=? ', 'QWERTZUIOPÜ*', "ASDFGHJKLÖÄ'", '>YXCVBNM;:_'],
    altGr: {
      '²': 'Digit2', '³': 'Digit3', '{': 'Digit7', '[': 'Digit8', ']': 'Digit9', '}': 'Digit0', '\\': 'Minus', '@': 'KeyQ',
      '€': 'KeyE', '~': 'BracketRight', '|': 'IntlBackslash', µ: 'KeyM',
    },
    dead: { circumflex: { code: 'Backquote' }, acute: { code: 'Equal' }, grave: { code: 'Equal', held: SHIFT } },
  },
  fr: {
    plain: ['²&é"\'(-è_çà)=', 'azertyuiop $', 'qsdfghjklmù*', '<wxcvbn,;:!'],
    shift: [' 1234567890°+', 'AZERTYUIOP £', 'QSDFGHJKLM%µ', '>WXCVBN?./§'],
    // Of Linux; Windows has ~ and ` as dead accents here, which write themselves in front of what takes none.
    altGr: {
      '~': 'Digit2', '#': 'Digit3', '{': 'Digit4', '[': 'Digit5', '|': 'Digit6', '`': 'Digit7', '\\': 'Digit8', '^': 'Digit9', '@': 'Digit0',
      ']': 'Minus', '}': 'Equal', '€': 'KeyE',
    },
    dead: { circumflex: { code: 'BracketLeft' }, diaeresis: { code: 'BracketLeft', held: SHIFT } },
  },
  es: {
    plain: ["º1234567890'¡", 'qwertyuiop +', 'asdfghjklñ ç', '<zxcvbnm,.-'],
    shift: ['ª!"·$%&/()=?¿', 'QWERTYUIOP *', 'ASDFGHJKLÑ Ç', '>ZXCVBNM;:_'],
    altGr: {
      '\\': 'Backquote', '|': 'Digit1', '@': 'Digit2', '#': 'Digit3', '~': 'Digit4', '€': 'KeyE', '[': 'BracketLeft',
      ']': 'BracketRight', '{': 'Quote', '}': 'Backslash',
    },
    dead: {
      grave: { code: 'BracketLeft' }, circumflex: { code: 'BracketLeft', held: SHIFT },
      acute: { code: 'Quote' }, diaeresis: { code: 'Quote', held: SHIFT },
    },
  },
}

/** Keys that are the same everywhere. */
const CONTROLS: Readonly<Record<string, string>> = {
  '\n': 'Enter', '\r': 'Enter', '\t': 'Tab', '\b': 'Backspace', '\x7f': 'Backspace', '\x1b': 'Escape', ' ': 'Space',
}

const tables = new Map<LayoutName, ReadonlyMap<string, readonly KeyStroke[]>>()

function tableOf(name: LayoutName): ReadonlyMap<string, readonly KeyStroke[]> {
  const known = tables.get(name)
  if (known) return known
  const { plain, shift, altGr, dead = {} } = layouts[name]
  const table = new Map<string, KeyStroke>()
  for (const [character, code] of Object.entries(altGr)) table.set(character, { code, held: ['AltRight'] })
  ROWS.forEach((row, r) => row.forEach((code, column) => {
    table.set(shift[r][column], { code, held: SHIFT })
  }))
  // A character that two keys write comes from the one without Shift.
  ROWS.forEach((row, r) => row.forEach((code, column) => table.set(plain[r][column], { code })))
  for (const [character, code] of Object.entries(CONTROLS)) table.set(character, { code })
  const strokes = new Map<string, readonly KeyStroke[]>([...table].map(([character, stroke]) => [character, [stroke]]))
  const add = (character: string, ...sequence: KeyStroke[]) => {
    if (!table.has(character)) strokes.set(character, sequence)
  }
  for (const [accent, key] of Object.entries(dead) as [Accent, KeyStroke][]) {
    const { mark, alone, letters } = accents[accent]
    add(alone, key, { code: CONTROLS[' '] })
    for (const letter of letters) {
      const stroke = table.get(letter)
      if (stroke) add(`${letter}${mark}`.normalize('NFC'), key, stroke)
    }
  }
  tables.set(name, strokes)
  return strokes
}

/** The strokes that write `text`, and the characters that this layout has no key for. */
export function strokesOf(text: string, layout: LayoutName): { readonly strokes: KeyStroke[], readonly missing: string[] } {
  const table = tableOf(layout)
  const strokes: KeyStroke[] = []
  const missing: string[] = []
  // The two characters of a line end in Windows are one key.
  for (const character of text.replace(/\r\n/g, '\n').normalize('NFC')) {
    const sequence = table.get(character)
    if (sequence) strokes.push(...sequence)
    else missing.push(character)
  }
  return { strokes, missing }
}
