/** Saved PCs that this browser keeps (IndexedDB), with a picture of their screens, for the gallery. */

const DATABASE = 'tabpc'
/** What the gallery shows, and the states apart: a state may have hundreds of megabytes. */
const STORES = ['entries', 'states'] as const

export interface SavedGuest {
  readonly id: string
  readonly name: string
  readonly shows: 'serial' | 'screen'
  /** Milliseconds since 1970. */
  readonly savedAt: number
  readonly bytes: number
  /** The last of what COM1 has said. */
  readonly said: string
  /** A PNG file of the screen. */
  readonly picture: Blob
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1)
  request.onupgradeneeded = () => {
    for (const store of STORES) request.result.createObjectStore(store)
  }
  return await settled(request)
}

/** Runs `action` in one transaction over both stores; resolves when it is on the disk. */
async function within(
  mode: IDBTransactionMode, action: (entries: IDBObjectStore, states: IDBObjectStore) => void,
): Promise<void> {
  const database = await open()
  try {
    const transaction = database.transaction(STORES, mode)
    action(transaction.objectStore(STORES[0]), transaction.objectStore(STORES[1]))
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(transaction.error ?? new Error('the browser has no room'))
    })
  } finally {
    database.close()
  }
}

/** The last one first; none where the browser keeps nothing (private windows). */
export async function listSaved(): Promise<readonly SavedGuest[]> {
  let found: SavedGuest[] = []
  try {
    await within('readonly', entries => {
      const request = entries.getAll() as IDBRequest<SavedGuest[]>
      request.onsuccess = () => {
        found = request.result
      }
    })
  } catch {
    return []
  }
  return found.sort((a, b) => b.savedAt - a.savedAt)
}

/** Keeps a state. Rejects when the browser has no room. */
export async function keepSaved(guest: SavedGuest, state: Blob): Promise<void> {
  await within('readwrite', (entries, states) => {
    entries.put(guest, guest.id)
    states.put(state, guest.id)
  })
}

export async function stateOf(id: string): Promise<Blob | undefined> {
  let state: Blob | undefined
  await within('readonly', (_, states) => {
    const request = states.get(id) as IDBRequest<Blob | undefined>
    request.onsuccess = () => {
      state = request.result
    }
  })
  return state
}

export async function forgetSaved(id: string): Promise<void> {
  await within('readwrite', (entries, states) => {
    entries.delete(id)
    states.delete(id)
  })
}
