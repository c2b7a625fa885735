/** A file that an option names for what is written at the end of a run (--stats, --screenshot). */
import { closeSync, openSync, writeSync } from 'node:fs'
import { fileProblem } from './files.ts'

export class OutputFile {
  readonly #descriptor: number
  #written = false

  /**
   * Opens the file before the run, so that a wrong name is told at once; `role` says what it is for. Throws `PCError`
   * 'bad-file' when it cannot be written.
   */
  constructor(path: string, role: string) {
    try {
      this.#descriptor = openSync(path, 'w')
    } catch (error) {
      throw fileProblem(error, role, path)
    }
  }

  /** Writes what `content` gives and closes the file; the first call counts. */
  write(content: () => Uint8Array): void {
    if (this.#written) return
    this.#written = true
    const bytes = content()
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at)
    closeSync(this.#descriptor)
  }
}
