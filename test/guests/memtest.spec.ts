/** memtest86+ on 16 MiB, up to its last test (which only waits): it drives every way to write and read memory. */
import { afterEach, expect, it } from 'vitest'
import { cacheDirectory } from '../../tools/guest/cache.ts'
import { fetchGuestPackages } from '../../tools/guest/fetch.ts'
import { GuestSession } from './guest-session.ts'

const COLUMNS = 80
const ROWS = 25

let session: GuestSession | undefined
afterEach(async () => {
  await session?.dispose()
})

/** What a terminal shows: text and cursor positions; other escape sequences do not matter here. */
function screen(output: string): string {
  const rows = Array.from({ length: ROWS }, () => new Array<string>(COLUMNS).fill(' '))
  let row = 0
  let column = 0
  for (const [sequence, parameters, final] of output.matchAll(/\x1b\[([\d;?]*)([A-Za-z])|[\s\S]/g)) {
    if (final === 'H') {
      const [y, x] = parameters.split(';')
      row = Number(y || 1) - 1
      column = Number(x || 1) - 1
    } else if (final === undefined && sequence >= ' ') {
      if (row < ROWS && column < COLUMNS) rows[row][column] = sequence
      column++
    }
  }
  return rows.map(cells => cells.join('').trimEnd()).join('\n')
}

it('finds no error', async () => {
  const packages = await fetchGuestPackages(['memtest86+'], { cache: cacheDirectory() })
  const directory = packages.get('memtest86+')?.directory
  session = new GuestSession([
    '--kernel', `${directory}/boot/memtest86+ia32.bin`, '--append', 'console=ttyS0,115200', '--memory', '16M',
  ])
  await session.waitFor(/#10/, 500)
  const shown = screen(session.output)
  expect(shown).toMatch(/Memtest86\+ v/)
  expect(shown).toMatch(/Errors: 0$/m)
})
