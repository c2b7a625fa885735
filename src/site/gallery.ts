/** The cards of the gallery. */
import type { GuestEntry } from './guests.ts'

const MEBIBYTE = 2 ** 20

/** Fills `list`; a click on a card calls `onChoose`. */
export function showGallery(list: HTMLElement, entries: readonly GuestEntry[], onChoose: (entry: GuestEntry) => void): void {
  list.replaceChildren(...entries.map(entry => {
    const item = document.createElement('li')
    item.append(card(entry, onChoose))
    return item
  }))
}

function card(entry: GuestEntry, onChoose: (entry: GuestEntry) => void): HTMLElement {
  const link = document.createElement('a')
  link.className = 'card'
  const screen = document.createElement('pre')
  screen.textContent = (entry.preview ?? [entry.name]).join('\n')
  screen.setAttribute('aria-hidden', 'true')
  screen.classList.toggle('prompt', /[#$>] $/.test(screen.textContent ?? ''))
  if (entry.colors) {
    screen.style.setProperty('--screen', entry.colors[0])
    screen.style.setProperty('--phosphor', entry.colors[1])
  }
  const text = document.createElement('div')
  text.append(line('b', entry.name), line('span', entry.missing ? `Not here yet: ${entry.missing}` : entry.about))
  const facts = [entry.memory, entry.bytes !== undefined && sizeText(entry.bytes)].filter(Boolean)
  if (facts.length > 0) text.append(line('small', facts.join(' · ')))
  link.append(screen, text)
  if (entry.missing) {
    link.setAttribute('aria-disabled', 'true')
    return link
  }
  link.href = `?guest=${encodeURIComponent(entry.id)}`
  link.addEventListener('click', event => {
    // Another tab gets the address, and starts it there.
    if (event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    onChoose(entry)
  })
  return link
}

function sizeText(bytes: number): string {
  return bytes < MEBIBYTE ? `${Math.ceil(bytes / 1024)} KB` : `${Math.round(bytes / MEBIBYTE)} MB`
}

function line(name: 'b' | 'span' | 'small', text: string): HTMLElement {
  const element = document.createElement(name)
  element.textContent = text
  return element
}
