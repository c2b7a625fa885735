/**
 * The demo site: a gallery of guests, images that are dropped, and a PC with its screen and its terminal side by side.
 *
 *   address of the page, card, files, form -> Guest -> <tabpc-screen> + terminal + speed meter
 */
import '../element.ts'
import type { TabpcScreen } from '../element.ts'
import type { PC } from '../web/index.ts'
import { guestOfFiles } from './dropped-files.ts'
import { showGallery, showSaved } from './gallery.ts'
import { fetchGuests, type Guest, guestOf, guestOfAddress, savedGuest } from './guests.ts'
import { forgetSaved, keepSaved, listSaved, type SavedGuest, stateOf } from './saved-guests.ts'
import { followSpeed } from './speed-meter.ts'
import { makeTerminal, type TerminalPane } from './terminal-pane.ts'

const TOAST_MILLISECONDS = 4000
/** Some screens of the terminal. */
const SAID_CHARACTERS = 20_000
const DOWNLOAD_MILLISECONDS = 60_000

function find<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id)
  if (!element) throw new Error(`the page has no #${id}`)
  return element as T
}

const gallery = find('gallery')
const machine = find('machine')
const veil = find('veil')
let terminal: TerminalPane | undefined
let element: TabpcScreen | undefined
let guest: Guest | undefined
let endSpeed: (() => void) | undefined
let toastTimer: ReturnType<typeof setTimeout> | undefined

function toast(text: string): void {
  const bar = find('toast')
  bar.textContent = text
  bar.hidden = false
  clearTimeout(toastTimer)
  toastTimer = setTimeout(() => {
    bar.hidden = true
  }, TOAST_MILLISECONDS)
}

/** On narrow pages one pane is seen at a time. */
function choosePane(name: 'screen' | 'serial'): void {
  for (const other of ['screen', 'serial'] as const) {
    find(`pane-${other}`).toggleAttribute('data-away', other !== name)
    find(`tab-${other}`).setAttribute('aria-selected', String(other === name))
  }
  terminal?.fit()
}

function showState(pc: PC): void {
  const texts: Partial<Record<PC['state'], string>> = { paused: 'paused', stopped: 'off', failed: 'failed' }
  find('now-state').textContent = texts[pc.state] ?? pc.description
}

/** A guest that has its screen gets a terminal once it says something there. */
async function showTerminalWhenUsed(pc: PC): Promise<void> {
  const hasSpoken = await pc.waitForText(/\S/, { source: 'serial' }).then(() => true, () => false)
  if (!hasSpoken || pc !== element?.pc) return
  machine.removeAttribute('data-quiet')
  terminal?.fit()
}

function boot(next: Guest, address: 'push' | 'keep'): void {
  end()
  guest = next
  const parameters = next.parameters ?? next.local
  if (address === 'push') history.pushState(null, '', parameters ? `?${new URLSearchParams(parameters)}` : '?')
  document.title = `${next.name} · tabpc`
  document.body.classList.add('busy')
  gallery.hidden = true
  machine.hidden = false
  machine.dataset.main = next.shows
  machine.toggleAttribute('data-quiet', next.shows === 'screen')
  for (const id of ['now', 'meter', 'leave']) find(id).hidden = false
  find('share').hidden = next.parameters === undefined
  find('now-name').textContent = next.name
  find('now-state').textContent = ''
  terminal ??= makeTerminal(find('terminal'))
  terminal.clear()
  const made = document.createElement('tabpc-screen')
  made.setAttribute('autostart', '')
  made.setAttribute('label', `Screen of ${next.name}`)
  made.options = next.options
  made.addEventListener('save', event => {
    const { pc } = made
    // The browser keeps it; when it cannot, it is downloaded as everywhere else.
    event.preventDefault()
    if (pc) void keep(next, pc, (event as CustomEvent<{ state: Blob }>).detail.state)
  })
  made.addEventListener('ready', () => {
    const { pc } = made
    if (!pc) return
    terminal?.show(pc)
    if (next.resumed) terminal?.resume(next.resumed.said)
    endSpeed?.()
    endSpeed = followSpeed(pc, find<HTMLCanvasElement>('meter-graph'), find('meter-text'))
    void showTerminalWhenUsed(pc)
    showState(pc)
    pc.addEventListener('statechange', () => showState(pc))
    pc.addEventListener('triplefault', ({ detail }) => console.info(detail.report))
    // On phones the focus would bring the keyboard up over what there is to see.
    if (matchMedia('(pointer: coarse)').matches) return
    if (next.shows === 'serial') terminal?.focus()
    else made.focus({ preventScroll: true })
  })
  element = made
  find('pane-screen').replaceChildren(made)
  choosePane(next.shows)
}

function end(): void {
  endSpeed?.()
  endSpeed = undefined
  element?.remove()
  element = undefined
  guest = undefined
}

async function keep(saved: Guest, pc: PC, state: Blob): Promise<void> {
  const entry: SavedGuest = {
    id: crypto.randomUUID?.() ?? String(Date.now()), name: saved.name, shows: saved.shows, savedAt: Date.now(), bytes: state.size,
    said: pc.serial[0].text().slice(-SAID_CHARACTERS),
    picture: await pc.screen.screenshot(),
  }
  try {
    await keepSaved(entry, state)
    toast('Saved in this browser: it is in the gallery.')
  } catch {
    download(saved.name, state)
    toast('The browser has no room for it: it is downloaded. Drop the file here to go on.')
  }
}

function download(name: string, state: Blob): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(state)
  link.download = `${name.replace(/[^\w.-]+/g, '-').toLowerCase()}.tabpc`
  link.click()
  // Browsers read it a moment later.
  setTimeout(() => URL.revokeObjectURL(link.href), DOWNLOAD_MILLISECONDS)
}

/** Starts a saved PC of this browser; tells when it is not there any more. */
async function resume(id: string, address: 'push' | 'keep'): Promise<void> {
  const entry = (await listSaved()).find(saved => saved.id === id)
  const state = entry && (await stateOf(id))
  if (entry && state) boot({ ...savedGuest(entry.name, entry.shows, state, entry.said), local: { saved: id } }, address)
  else {
    showHome()
    toast('That saved PC is not in this browser any more.')
  }
}

let letPicturesGo = () => {}

async function showSavedGuests(): Promise<void> {
  const guests = await listSaved()
  letPicturesGo()
  find('saved').hidden = guests.length === 0
  letPicturesGo = showSaved(find('saved-cards'), guests, {
    resume: ({ id }) => void resume(id, 'push'),
    download: ({ id, name }) => void stateOf(id).then(state => state && download(name, state)),
    forget: ({ id }) => void forgetSaved(id).then(showSavedGuests),
  })
}

function showHome(): void {
  void showSavedGuests()
  end()
  terminal?.clear()
  document.title = 'tabpc: a PC in a tab'
  document.body.classList.remove('busy')
  machine.hidden = true
  gallery.hidden = false
  for (const id of ['now', 'meter', 'leave', 'share']) find(id).hidden = true
}

async function bootFiles(files: readonly File[]): Promise<void> {
  if (files.length === 0) return
  try {
    boot(await guestOfFiles(files), 'push')
  } catch (error) {
    toast(error instanceof Error ? error.message : String(error))
  }
}

function hearDrops(): void {
  const { body } = document
  let depth = 0
  const isFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false
  body.addEventListener('dragenter', event => {
    if (!isFiles(event)) return
    depth++
    veil.hidden = false
  })
  body.addEventListener('dragleave', event => {
    if (isFiles(event) && --depth === 0) veil.hidden = true
  })
  body.addEventListener('dragover', event => {
    if (isFiles(event)) event.preventDefault()
  })
  body.addEventListener('drop', event => {
    if (!isFiles(event)) return
    event.preventDefault()
    depth = 0
    veil.hidden = true
    void bootFiles([...(event.dataTransfer?.files ?? [])])
  })
  const input = find<HTMLInputElement>('files')
  input.addEventListener('change', () => {
    void bootFiles([...(input.files ?? [])])
    input.value = ''
  })
}

function hearForm(): void {
  const form = find<HTMLFormElement>('address')
  const kind = form.elements.namedItem('kind') as HTMLSelectElement
  kind.addEventListener('change', () => {
    for (const field of form.querySelectorAll<HTMLElement>('.kernel')) field.hidden = kind.value !== 'kernel'
  })
  form.addEventListener('submit', event => {
    event.preventDefault()
    const data = new FormData(form)
    const text = (name: string) => String(data.get(name) ?? '')
    const parameters = new URLSearchParams({ [text('kind')]: text('url'), memory: text('memory') })
    if (text('kind') === 'kernel') {
      if (text('initrd')) parameters.set('initrd', text('initrd'))
      parameters.set('cmdline', text('cmdline'))
    }
    const next = guestOfAddress(parameters, [])
    if (next) boot(next, 'push')
  })
}

async function share(): Promise<void> {
  if (!guest?.parameters) return
  const url = new URL(`?${new URLSearchParams(guest.parameters)}`, location.href).href
  if (navigator.share && matchMedia('(pointer: coarse)').matches) await navigator.share({ title: document.title, url }).catch(() => {})
  else {
    await navigator.clipboard.writeText(url).then(() => toast('The link is copied: it boots this guest.'), () => toast(url))
  }
}

async function start(): Promise<void> {
  const entries = await fetchGuests()
  showGallery(find('cards'), entries, entry => boot(guestOf(entry), 'push'))
  const follow = () => {
    const saved = new URLSearchParams(location.search).get('saved')
    if (saved !== null) {
      void resume(saved, 'keep')
      return
    }
    const wanted = guestOfAddress(new URLSearchParams(location.search), entries)
    if (wanted) boot(wanted, 'keep')
    else showHome()
  }
  addEventListener('popstate', follow)
  for (const name of ['screen', 'serial'] as const) find(`tab-${name}`).addEventListener('click', () => choosePane(name))
  find('share').addEventListener('click', () => void share())
  find('leave').addEventListener('click', () => {
    history.pushState(null, '', location.pathname)
    showHome()
  })
  find('isolation').textContent = crossOriginIsolated
    ? 'Cross-origin isolated: memory is shared between threads.'
    : 'Not cross-origin isolated: everything works, by messages.'
  hearDrops()
  hearForm()
  follow()
}

void start()
