/** What a text-mode screen says, as lines of Unicode: for people, tests and `--expect`. */
import type { Planes } from './planes.ts'
import { Crtc, type VgaRegisters } from './registers.ts'

/** Code page 437, which the card's font has: characters 00h..1Fh and 7Fh..FFh. */
const CONTROLS = ' ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼'
const UPPER =
  '⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ '

/** The character of a code. */
function character(code: number): string {
  if (code < CONTROLS.length) return CONTROLS[code]
  return code < 0x7f ? String.fromCharCode(code) : UPPER[code - 0x7f]
}

/** The lines on a text screen without trailing spaces; undefined in graphics modes. */
export function screenText(registers: VgaRegisters, planes: Planes): string[] | undefined {
  if (registers.isGraphics) return undefined
  if (registers.isBlank) return []
  const doubled = registers.crtc[Crtc.MaximumScanLine] & 0x80 ? 2 : 1
  const rowLines = ((registers.crtc[Crtc.MaximumScanLine] & 0x1f) + 1) * doubled
  const rows = Math.ceil(registers.lines / rowLines)
  const lines: string[] = []
  for (let row = 0; row < rows; row++) {
    let line = ''
    for (let column = 0; column < registers.columns; column++) {
      const counter = registers.startAddress + row * registers.rowOffset + column
      line += character(planes.fetch(registers.displayAddress(counter, 0)) & 0xff)
    }
    lines.push(line.trimEnd())
  }
  return lines
}
