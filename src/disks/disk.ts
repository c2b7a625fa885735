/**
 * A disk image as drives see it: bytes with a fixed size, wherever they come from.
 *
 *   file (src/node/file-disk.ts), memory (memory-disk.ts), copy-on-write (overlay-disk.ts) -> Disk -> IDE, floppy
 *
 * Operations answer at once or by a promise; a drive waits for it while the guest runs on.
 */

export interface Disk {
  /** Size in bytes. */
  readonly bytes: number
  readonly readOnly: boolean
  /** `length` bytes from `offset` on, which lie within the disk. The result may be a view that the next call reuses. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>
  /** Writes within the disk. The bytes may change after the call returns (or its promise is kept). */
  write(offset: number, bytes: Uint8Array): void | Promise<void>
  /** All that was written is as safe as the source can make it. */
  flush(): void | Promise<void>
}

/** `next` of the value: at once when it is there, else by a promise. */
export function chain<T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}
