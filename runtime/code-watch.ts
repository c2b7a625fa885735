/**
 * Which runs and regions have bytes in which granule of memory: a list of numbers for each granule that has code.
 *
 *     watch.add(page, granule, item)   watch.find(page, granule, item => ...)   watch.remove(page, granule, item)
 *
 * There are tens of thousands of runs, most in one or two granules, so the lists are links in one array of numbers:
 * lists of objects took 20 MB of the host's memory after a boot of Linux.
 */
import { grown } from './growing-array.ts'
import { GRANULE_SHIFT, PAGE_BYTES } from './memory-map.ts'

/** Granules of a page. */
export const GRANULES = PAGE_BYTES >> GRANULE_SHIFT

const FIRST_CELLS = 4096
/** A list's cell: an item, and the number of the next cell. */
const CELL_WORDS = 2
/** No cell, at the end of a list. */
const END = 0

export class CodeWatch {
  /** Pages with code -> where their lists begin in `heads`. */
  private readonly pages = new Map<number, number>()
  private heads = new Int32Array(FIRST_CELLS)
  private usedHeads = 0
  private cells = new Int32Array(FIRST_CELLS * CELL_WORDS)
  /** Cells that were used once, and the list of those that are free again. Cell 0 is the end of all lists. */
  private usedCells = 1
  private free = END

  /** Puts an item, any number but 0, into the list of a granule, unless it is there. */
  add(page: number, granule: number, item: number): void {
    if (this.find(page, granule, other => other === item) !== 0) return
    const head = this.headOf(page) + granule
    const cell = this.newCell()
    this.cells[cell * CELL_WORDS] = item
    this.cells[cell * CELL_WORDS + 1] = this.heads[head]
    this.heads[head] = cell
  }

  remove(page: number, granule: number, item: number): void {
    const first = this.pages.get(page)
    if (first === undefined) return
    const { cells, heads } = this
    let before = END
    for (let cell = heads[first + granule]; cell !== END; cell = cells[cell * CELL_WORDS + 1]) {
      if (cells[cell * CELL_WORDS] !== item) {
        before = cell
        continue
      }
      const next = cells[cell * CELL_WORDS + 1]
      if (before === END) heads[first + granule] = next
      else cells[before * CELL_WORDS + 1] = next
      cells[cell * CELL_WORDS + 1] = this.free
      this.free = cell
      return
    }
  }

  /** An item of a granule's list for which `test` holds; 0 when there is none. */
  find(page: number, granule: number, test: (item: number) => boolean): number {
    const first = this.pages.get(page)
    if (first === undefined) return 0
    const { cells } = this
    for (let cell = this.heads[first + granule]; cell !== END; cell = cells[cell * CELL_WORDS + 1])
      if (test(cells[cell * CELL_WORDS])) return cells[cell * CELL_WORDS]
    return 0
  }

  isEmpty(page: number, granule: number): boolean {
    const first = this.pages.get(page)
    return first === undefined || this.heads[first + granule] === END
  }

  /** The items of a granule. */
  itemsOf(page: number, granule: number): number[] {
    const items: number[] = []
    this.find(page, granule, item => {
      items.push(item)
      return false
    })
    return items
  }

  /** Whether any granule of a page has an item. */
  has(page: number): boolean {
    for (let granule = 0; granule < GRANULES; granule++) if (!this.isEmpty(page, granule)) return true
    return false
  }

  /** The pages that have, or once had, an item. */
  known(): Iterable<number> {
    return this.pages.keys()
  }

  clear(): void {
    this.pages.clear()
    this.usedHeads = 0
    this.usedCells = 1
    this.free = END
  }

  private headOf(page: number): number {
    const known = this.pages.get(page)
    if (known !== undefined) return known
    const first = this.usedHeads
    this.usedHeads += GRANULES
    if (this.usedHeads > this.heads.length) this.heads = grown(this.heads)
    this.heads.fill(END, first, this.usedHeads)
    this.pages.set(page, first)
    return first
  }

  private newCell(): number {
    const cell = this.free
    if (cell !== END) {
      this.free = this.cells[cell * CELL_WORDS + 1]
      return cell
    }
    if ((this.usedCells + 1) * CELL_WORDS > this.cells.length) this.cells = grown(this.cells)
    return this.usedCells++
  }
}
