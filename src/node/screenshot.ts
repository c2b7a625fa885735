/** What --screenshot writes. */
import type { Picture } from '../devices/vga/picture.ts'
import type { Screen } from '../machine-options.ts'
import { encodePng } from '../png.ts'

/** What the screen shows, as a PNG file; a picture of no pixels when there is no screen. */
export function screenshot(screen: Screen | undefined): Uint8Array {
  const picture: Picture = { width: 0, height: 0, pixels: new Uint32Array(0) }
  screen?.draw(picture, true)
  return encodePng(picture)
}
