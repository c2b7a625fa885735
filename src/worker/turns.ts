/** Asks the event loop for another turn, after what waits: without the 4 ms to which browsers hold timers back. */

export interface Turns {
  /** Calls the listener once in the next turn. */
  next(): void
  dispose(): void
}

/**
 * A MessageChannel, or in Node `setImmediate`: its message ports take up to a thousand messages at once, and one that
 * sends to itself would let nobody else be heard.
 */
export function makeTurns(listener: () => void): Turns {
  const { setImmediate: immediately } = globalThis as { setImmediate?: (callback: () => void) => unknown }
  if (immediately) return { next: () => void immediately(listener), dispose: () => {} }
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = listener
  return {
    next: () => port2.postMessage(null),
    dispose: () => {
      port1.close()
      port2.close()
    },
  }
}

/** One turn at a time, as a promise. */
export function makeTurn(): { readonly turn: () => Promise<void>, dispose(): void } {
  let resume = () => {}
  const turns = makeTurns(() => resume())
  return {
    turn: () => new Promise(resolve => {
      resume = resolve
      turns.next()
    }),
    dispose: () => turns.dispose(),
  }
}
