/** The file of --screenshot, opened before the run so that a wrong name is told at once. */
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Picture } from '../devices/vga/picture.ts'
import type { Screen } from '../machine-options.ts'
import { encodePng } from '../png.ts'
import { fileProblem } from './files.ts'

export class Screenshot {
  readonly #descriptor: number
  #written = false

  /** Throws `PCError` 'bad-file' when the file cannot be written. */
  constructor(path: string) {
    try {
      this.#descriptor = openSync(path, 'w')
    } catch (error) {
      throw fileProblem(error, 'the file of --screenshot', path)
    }
  }

  /** Writes what the screen shows; the first call counts. */
  write(screen: Screen | undefined): void {
    if (this.#written) return
    this.#written = true
    const picture: Picture = { width: 0, height: 0, pixels: new Uint32Array(0) }
    screen?.draw(picture, true)
    const bytes = encodePng(picture)
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at)
    closeSync(this.#descriptor)
  }
}
