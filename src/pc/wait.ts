/** Waits that end: with a value, after a time, or by a signal. */
import { PCError } from '../errors.ts'
import { aborted } from '../fetch-problem.ts'

export interface WaitOptions {
  /** In milliseconds. */
  readonly timeout?: number
  readonly signal?: AbortSignal
}

/**
 * Runs `begin` until it calls `settle` or `fail`; `begin` returns what ends its own work, which runs in any case.
 * Rejects with `PCError` 'timeout' (its message begins with `what`) or 'aborted'.
 */
export function waitFor<T>(
  what: string, { timeout, signal }: WaitOptions,
  begin: (settle: (value: T) => void, fail: (error: PCError) => void) => () => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(aborted(signal))
      return
    }
    let over = false
    let cleanUp: (() => void) | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    const finish = (settle: () => void) => {
      if (over) return
      over = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      cleanUp?.()
      settle()
    }
    const fail = (error: PCError) => finish(() => reject(error))
    const onAbort = () => signal && fail(aborted(signal))
    signal?.addEventListener('abort', onAbort, { once: true })
    if (timeout !== undefined) {
      const late = () => fail(new PCError('timeout', `${what} did not come within ${timeout} ms`, 'give it more time, or look at what the guest shows'))
      timer = setTimeout(late, timeout)
    }
    cleanUp = begin(value => finish(() => resolve(value)), fail)
    // `begin` may have settled before it returned.
    if (over) cleanUp()
  })
}
