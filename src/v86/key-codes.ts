/** Keys as v86's methods name them: `KeyboardEvent.keyCode`, and scan codes of set 1. */
import { EXTENDED, keyNames, keyOf, translateToSet1 } from '../devices/scancodes.ts'

/** Keys whose code is not that of their letter or digit. Source: UI Events, legacy key attributes. */
const others: Readonly<Record<number, string>> = {
  8: 'Backspace', 9: 'Tab', 13: 'Enter', 16: 'ShiftLeft', 17: 'ControlLeft', 18: 'AltLeft', 19: 'Pause', 20: 'CapsLock',
  27: 'Escape', 32: 'Space', 33: 'PageUp', 34: 'PageDown', 35: 'End', 36: 'Home', 37: 'ArrowLeft', 38: 'ArrowUp',
  39: 'ArrowRight', 40: 'ArrowDown', 44: 'PrintScreen', 45: 'Insert', 46: 'Delete', 91: 'MetaLeft', 93: 'ContextMenu',
  106: 'NumpadMultiply', 107: 'NumpadAdd', 109: 'NumpadSubtract', 110: 'NumpadDecimal', 111: 'NumpadDivide',
  144: 'NumLock', 145: 'ScrollLock', 186: 'Semicolon', 187: 'Equal', 188: 'Comma', 189: 'Minus', 190: 'Period',
  191: 'Slash', 192: 'Backquote', 219: 'BracketLeft', 220: 'Backslash', 221: 'BracketRight', 222: 'Quote',
}

/** `KeyboardEvent.code` of a `keyCode` on a US keyboard, or undefined. */
export function codeOfKeyCode(keyCode: number): string | undefined {
  if (keyCode >= 65 && keyCode <= 90) return `Key${String.fromCharCode(keyCode)}`
  if (keyCode >= 48 && keyCode <= 57) return `Digit${keyCode - 48}`
  if (keyCode >= 96 && keyCode <= 105) return `Numpad${keyCode - 96}`
  if (keyCode >= 112 && keyCode <= 123) return `F${keyCode - 111}`
  return others[keyCode]
}

const BREAK = 0x80
const PREFIX = 0xe0

function bySet1(): Map<number, string> {
  return new Map(keyNames().flatMap(name => {
    const key = keyOf(name)
    return key ? [[translateToSet1(key.set2 & 0xff) | (key.set2 & EXTENDED), name] as const] : []
  }))
}

let table: Map<number, string> | undefined

/** Presses and releases that a sequence of set 1 scan codes stands for; unknown codes are left out. */
export function keysOfScancodes(codes: readonly number[]): { readonly code: string, readonly down: boolean }[] {
  table ??= bySet1()
  const keys: { code: string, down: boolean }[] = []
  let prefix = 0
  for (const byte of codes) {
    if (byte === PREFIX) {
      prefix = EXTENDED
      continue
    }
    const code = table.get((byte & ~BREAK) | prefix)
    prefix = 0
    if (code) keys.push({ code, down: (byte & BREAK) === 0 })
  }
  return keys
}
