/** Where v86's options let a page show COM1: a textarea, or an element for xterm.js, whose class the page brings. */
import { PCError } from '../errors.ts'
import type { PCSerialPort } from '../pc/serial.ts'
import type { V86Console, V86Options, XtermConstructor } from './options.ts'

const ENTER = 13

/** What the options ask for, in the order in which v86 looks. */
export function consoleOf(options: V86Options): V86Console {
  if (options.serial_console) return options.serial_console
  if (options.serial_container_xtermjs) return { type: 'xtermjs', container: options.serial_container_xtermjs }
  if (options.serial_container) return { type: 'textarea', container: options.serial_container }
  return { type: 'none' }
}

/** Shows the port there; returns a function that ends it. Throws `PCError` 'usage' without xterm.js. */
export function attachConsole(port: PCSerialPort, { type, container, xterm_lib }: V86Console): () => void {
  if (type === 'none' || !container) return () => {}
  if (type === 'textarea') return attachTextarea(port, container as HTMLTextAreaElement)
  const Terminal = (xterm_lib ?? (globalThis as { Terminal?: unknown }).Terminal) as XtermConstructor | undefined
  if (!Terminal) throw new PCError('usage', 'xterm.js is not there', 'give its class: serial_console: { xterm_lib: Terminal }')
  const terminal = new Terminal({ convertEol: false })
  terminal.open(container)
  return port.attach(terminal)
}

function attachTextarea(port: PCSerialPort, area: HTMLTextAreaElement): () => void {
  const listeners = new AbortController()
  const { signal } = listeners
  const send = (text: string) => void port.write(text).catch(() => {})
  area.addEventListener('keypress', event => {
    event.preventDefault()
    send(String.fromCharCode(event.keyCode || event.charCode))
  }, { signal })
  area.addEventListener('keydown', event => {
    const sent = { Backspace: '\x7f', Tab: '\t', Escape: '\x1b' }[event.key]
    if (sent === undefined || event.keyCode === ENTER) return
    event.preventDefault()
    send(sent)
  }, { signal })
  area.addEventListener('paste', event => {
    event.preventDefault()
    send(event.clipboardData?.getData('text') ?? '')
  }, { signal })
  const detach = port.attach({
    write: data => {
      let text = area.value
      for (const character of typeof data === 'string' ? data : new TextDecoder('latin1').decode(data)) {
        if (character === '\b') text = text.slice(0, -1)
        else if (character !== '\r') text += character
      }
      area.value = text
      area.scrollTop = area.scrollHeight
    },
    onData: () => ({ dispose: () => {} }),
  })
  return () => {
    detach()
    listeners.abort()
  }
}
