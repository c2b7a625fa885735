/** Coverage of a set of vectors: cases, register and memory forms, faults, by opcode row. */
import type { Vector } from '../../test/vectors/format.ts'

interface Tally {
  cases: number
  faults: Map<number, number>
  sizes: Map<number, number>
  changedMemory: number
}

/** One line per row: opcode, mnemonic, cases by operand size, cases that changed memory, faults by vector. */
export function coverageLines(vectors: Iterable<Vector>): string[] {
  const tallies = new Map<Vector['row'], Tally>()
  const bump = (map: Map<number, number>, key: number) => map.set(key, (map.get(key) ?? 0) + 1)
  for (const v of vectors) {
    let tally = tallies.get(v.row)
    if (!tally) {
      tally = { cases: 0, faults: new Map(), sizes: new Map(), changedMemory: 0 }
      tallies.set(v.row, tally)
    }
    tally.cases++
    bump(tally.sizes, v.size)
    if (v.fault) bump(tally.faults, v.fault.vector)
    if (v.memoryChanges.length > 0) tally.changedMemory++
  }
  const list = (map: Map<number, number>) => [...map].map(([key, n]) => `${key}:${n}`).join(' ')
  return [...tallies].map(([row, t]) => {
    const opcode = row.opcode.toString(16).padStart(2, '0') + (row.modrm >= 0 ? `/${row.modrm}` : '')
    const name = `${row.mnemonic} ${row.form}`.padEnd(20)
    const counts = `${String(t.cases).padStart(6)}  sizes ${list(t.sizes)}  memory ${t.changedMemory}`
    return `  ${opcode.padEnd(9)} ${name} ${counts}  faults ${list(t.faults)}`
  })
}
