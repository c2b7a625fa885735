/** The serial terminal: xterm.js, as large as its pane. */
import { FitAddon } from '@xterm/addon-fit'
import { Terminal } from '@xterm/xterm'
import type { PC } from '../web/index.ts'

const theme = {
  background: '#0b0c0f', foreground: '#dfe1e6', cursor: '#f0a13a', selectionBackground: '#3b4252',
  black: '#30343c', red: '#e06c75', green: '#98c379', yellow: '#d9b36c', blue: '#61afef', magenta: '#c678dd', cyan: '#56b6c2', white: '#d6d8de',
  brightBlack: '#6b7280', brightRed: '#ef8b93', brightGreen: '#b3dd95', brightYellow: '#ecca88', brightBlue: '#82c4ff', brightMagenta: '#dc9bef',
  brightCyan: '#78d3df', brightWhite: '#ffffff',
}
const SMALL_FONT = 12
const FONT = 14
const NARROW = 820

/** Sequences that a terminal answers: an answer now would be typed into the guest. */
const questions = /\x1b\[[>?=]?[\d;]*[cn]|\x1b\[[\d;]*t|\x05/g

export interface TerminalPane {
  /** Shows COM1 of a PC in place of the one before. */
  show(pc: PC): void
  /** The PC goes on where it was: shows what it has said before, or how to make it speak when nobody knows. */
  resume(said: string | undefined): void
  focus(): void
  /** The pane has another size, or is seen again. */
  fit(): void
  clear(): void
}

export function makeTerminal(container: HTMLElement): TerminalPane {
  const terminal = new Terminal({
    theme, fontFamily: getComputedStyle(container).getPropertyValue('--mono'), fontSize: innerWidth < NARROW ? SMALL_FONT : FONT,
    cursorBlink: true, scrollback: 5000, screenReaderMode: false,
  })
  const fitter = new FitAddon()
  terminal.loadAddon(fitter)
  terminal.open(container)
  const fit = () => {
    if (container.clientWidth > 0 && container.clientHeight > 0) fitter.fit()
  }
  new ResizeObserver(fit).observe(container)
  let detach: (() => void) | undefined
  return {
    show(pc) {
      detach?.()
      detach = pc.serial[0].attach(terminal)
    },
    resume: said => {
      if (said) terminal.write(said.replace(questions, ''))
      else terminal.writeln('\x1b[2mIt goes on where it was. Enter brings a prompt.\x1b[0m')
    },
    focus: () => terminal.focus(),
    fit,
    clear() {
      detach?.()
      detach = undefined
      terminal.reset()
    },
  }
}
