/**
 * Which keys write which characters, for `keyboard.type`: the guest has a keyboard layout of its own, and sees keys,
 * not characters. Each layout is written as its four rows, without and with Shift, and what AltGr adds.
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
}

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
  },
  fr: {
    plain: ['²&é"\'(-è_çà)=', 'azertyuiop $', 'qsdfghjklmù*', '<wxcvbn,;:!'],
    shift: [' 1234567890°+', 'AZERTYUIOP £', 'QSDFGHJKLM%µ', '>WXCVBN?./§'],
    altGr: {
      '#': 'Digit3', '{': 'Digit4', '[': 'Digit5', '|': 'Digit6', '\\': 'Digit8', '@': 'Digit0', ']': 'Minus', '}': 'Equal',
      '€': 'KeyE',
    },
  },
  es: {
    plain: ["º1234567890'¡", 'qwertyuiop +', 'asdfghjklñ ç', '<zxcvbnm,.-'],
    shift: ['ª!"·$%&/()=?¿', 'QWERTYUIOP *', 'ASDFGHJKLÑ Ç', '>ZXCVBNM;:_'],
    altGr: {
      '\\': 'Backquote', '|': 'Digit1', '@': 'Digit2', '#': 'Digit3', '~': 'Digit4', '€': 'KeyE', '[': 'BracketLeft',
      ']': 'BracketRight', '{': 'Quote', '}': 'Backslash',
    },
  },
}

/** Keys that are the same everywhere. */
const CONTROLS: Readonly<Record<string, string>> = {
  '\n': 'Enter', '\r': 'Enter', '\t': 'Tab', '\b': 'Backspace', '\x7f': 'Backspace', '\x1b': 'Escape', ' ': 'Space',
}

const tables = new Map<LayoutName, Map<string, KeyStroke>>()

function tableOf(name: LayoutName): Map<string, KeyStroke> {
  const known = tables.get(name)
  if (known) return known
  const { plain, shift, altGr } = layouts[name]
  const table = new Map<string, KeyStroke>()
  for (const [character, code] of Object.entries(altGr)) table.set(character, { code, held: ['AltRight'] })
  ROWS.forEach((row, r) => row.forEach((code, column) => {
    table.set(shift[r][column], { code, held: ['ShiftLeft'] })
  }))
  // A character that two keys write comes from the one without Shift.
  ROWS.forEach((row, r) => row.forEach((code, column) => table.set(plain[r][column], { code })))
  for (const [character, code] of Object.entries(CONTROLS)) table.set(character, { code })
  tables.set(name, table)
  return table
}

/** The strokes that write `text`, and the characters that this layout has no key for. */
export function strokesOf(text: string, layout: LayoutName): { readonly strokes: KeyStroke[], readonly missing: string[] } {
  const table = tableOf(layout)
  const strokes: KeyStroke[] = []
  const missing: string[] = []
  // The two characters of a line end in Windows are one key.
  for (const character of text.replace(/\r\n/g, '\n')) {
    const stroke = table.get(character)
    if (stroke) strokes.push(stroke)
    else missing.push(character)
  }
  return { strokes, missing }
}
