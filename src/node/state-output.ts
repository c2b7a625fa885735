/** The file of `--save`: written beside its name and put in its place when it is whole, so that a state is never lost. */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { fileProblem } from './files.ts'

const ROLE = 'the file of --save'

export class StateOutput {
  readonly #path: string
  readonly #part: string
  #descriptor: number | undefined

  /** Opened before the run, so that a wrong name is told at once. Throws `PCError` 'bad-file'. */
  constructor(path: string) {
    this.#path = path
    this.#part = `${path}.part`
    try {
      this.#descriptor = openSync(this.#part, 'w')
    } catch (error) {
      throw fileProblem(error, ROLE, path)
    }
  }

  /** Writes the parts of a state. Throws `PCError` 'bad-file', and then what was there before is there still. */
  write(parts: readonly Uint8Array[]): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    try {
      for (const bytes of parts)
        for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at)
      closeSync(descriptor)
      this.#descriptor = undefined
      renameSync(this.#part, this.#path)
    } catch (error) {
      throw fileProblem(error, ROLE, this.#path)
    }
  }

  /** Takes away what is not whole. */
  close(): void {
    if (this.#descriptor === undefined) return
    closeSync(this.#descriptor)
    this.#descriptor = undefined
    rmSync(this.#part, { force: true })
  }
}
