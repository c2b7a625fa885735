/** Where the guest's bytes go on the host: a stream such as stdout, with backpressure, or a file. */

import { closeSync, openSync, writeSync } from 'node:fs'
import { fileProblem } from './files.ts'

/** A sink of bytes. */
export interface Output {
  /** Writes a chunk. A promise means: wait for it before writing more. Throws `PCError` 'bad-file'. */
  write(chunk: Uint8Array): void | Promise<void>
  /** Resolves when everything is written; gives back what the sink holds. */
  close(): Promise<void>
}

/** The parts of `process.stdout` that are needed. */
export interface OutputStream {
  readonly isTTY?: boolean
  write(chunk: Uint8Array | string, callback?: (error?: Error | null) => void): boolean
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  once(event: 'drain', listener: () => void): unknown
}

/** Longest wait for a reader that does not read, when the run is over. In milliseconds. */
const LONGEST_CLOSE = 2000

/** Standard output. When its reader goes away, `onGone` is told once and the rest is dropped. */
export class StreamOutput implements Output {
  readonly #stream: OutputStream
  readonly #onGone: (error: NodeJS.ErrnoException) => void
  #gone = false
  #drained: (() => void) | undefined

  constructor(stream: OutputStream, onGone: (error: NodeJS.ErrnoException) => void) {
    this.#stream = stream
    this.#onGone = onGone
    stream.on('error', error => {
      if (this.#gone) return
      this.#gone = true
      this.#drained?.()
      this.#onGone(error)
    })
  }

  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#gone || this.#stream.write(chunk)) return
    return new Promise(resolve => {
      this.#drained = resolve
      this.#stream.once('drain', resolve)
    })
  }

  close(): Promise<void> {
    if (this.#gone) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(resolve, LONGEST_CLOSE)
      const finish = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#drained = finish
      this.#stream.write('', finish)
    })
  }
}

/** A file, made anew. */
export class FileOutput implements Output {
  readonly #path: string
  readonly #descriptor: number

  /** Throws `PCError` 'bad-file' when the file cannot be written; `option` names who asked for it. */
  constructor(path: string, option: string) {
    this.#path = path
    try {
      this.#descriptor = openSync(path, 'w')
    } catch (error) {
      throw fileProblem(error, `the file of ${option}`, path)
    }
  }

  write(chunk: Uint8Array): void {
    try {
      for (let written = 0; written < chunk.length; ) written += writeSync(this.#descriptor, chunk, written)
    } catch (error) {
      throw fileProblem(error, 'the output file', this.#path)
    }
  }

  close(): Promise<void> {
    closeSync(this.#descriptor)
    return Promise.resolve()
  }
}
