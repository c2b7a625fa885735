/** The cards of the gallery: guests that boot, and saved PCs that go on. */
import type { GuestEntry } from './guests.ts'
import type { SavedGuest } from './saved-guests.ts'

const MEBIBYTE = 2 ** 20

/** Puts the cards in front of what `list` holds; a click on one calls `onChoose`. */
export function showGallery(list: HTMLElement, entries: readonly GuestEntry[], onChoose: (entry: GuestEntry) => void): void {
  list.prepend(...entries.map(entry => {
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

/** What can be done with a saved PC. */
export interface SavedActions {
  resume(guest: SavedGuest): void
  download(guest: SavedGuest): void
  forget(guest: SavedGuest): void
}

/** Fills `list` with saved PCs. Gives a function that lets go of their pictures. */
export function showSaved(list: HTMLElement, guests: readonly SavedGuest[], actions: SavedActions): () => void {
  const pictures = guests.map(({ picture }) => URL.createObjectURL(picture))
  list.replaceChildren(...guests.map((guest, i) => {
    const item = document.createElement('li')
    item.className = 'saved'
    const resume = document.createElement('a')
    resume.className = 'card'
    resume.href = `?saved=${encodeURIComponent(guest.id)}`
    resume.addEventListener('click', event => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return
      event.preventDefault()
      actions.resume(guest)
    })
    const picture = new Image()
    picture.src = pictures[i]
    picture.alt = ''
    const text = document.createElement('div')
    text.append(line('b', guest.name), line('span', `Goes on where it was, ${ago(guest.savedAt)}`), line('small', sizeText(guest.bytes)))
    resume.append(picture, text)
    const buttons = document.createElement('div')
    buttons.className = 'card-actions'
    buttons.append(
      button('Download', `Download the saved ${guest.name}`, () => actions.download(guest)),
      button('Delete', `Delete the saved ${guest.name}`, () => actions.forget(guest)),
    )
    item.append(resume, buttons)
    return item
  }))
  return () => {
    for (const url of pictures) URL.revokeObjectURL(url)
  }
}

function button(text: string, label: string, onClick: () => void): HTMLElement {
  const element = document.createElement('button')
  element.type = 'button'
  element.textContent = text
  element.setAttribute('aria-label', label)
  element.addEventListener('click', onClick)
  return element
}

const units = [['day', 86_400], ['hour', 3600], ['minute', 60]] as const

function ago(time: number): string {
  const seconds = (Date.now() - time) / 1000
  const unit = units.find(([, length]) => seconds >= length)
  if (!unit) return 'a moment ago'
  return new Intl.RelativeTimeFormat('en', { numeric: 'always' }).format(-Math.floor(seconds / unit[1]), unit[0])
}

function sizeText(bytes: number): string {
  return bytes < MEBIBYTE ? `${Math.ceil(bytes / 1024)} KB` : `${Math.round(bytes / MEBIBYTE)} MB`
}

function line(name: 'b' | 'span' | 'small', text: string): HTMLElement {
  const element = document.createElement(name)
  element.textContent = text
  return element
}
