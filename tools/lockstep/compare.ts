/** Where two machines in lockstep differ, as lines for people; none when they are the same. */
import { PAGE_BYTES } from '../../runtime/memory-map.ts'
import type { CpuImage, SteppedMachine } from './stepped-machine.ts'

const SHOWN_BYTES = 16

export function hex(value: number, digits = 8): string {
  return (value >>> 0).toString(16).padStart(digits, '0')
}

/** Differences of the CPUs. */
export function compareCpu(a: CpuImage, b: CpuImage): string[] {
  return a.flatMap(([name, value], i) => (value === b[i][1] ? [] : [`${name.padEnd(22)} ${hex(value)}  ${hex(b[i][1])}`]))
}

/** Differences of RAM, byte by byte, the first few. */
export function compareRam(a: Uint8Array, b: Uint8Array): string[] {
  if (Buffer.compare(a, b) === 0) return []
  const lines: string[] = []
  for (let page = 0; page < a.length && lines.length < SHOWN_BYTES; page += PAGE_BYTES) {
    if (Buffer.compare(a.subarray(page, page + PAGE_BYTES), b.subarray(page, page + PAGE_BYTES)) === 0) continue
    for (let at = page; at < page + PAGE_BYTES && lines.length < SHOWN_BYTES; at++)
      if (a[at] !== b[at]) lines.push(`${`[physical ${hex(at)}]`.padEnd(22)} ${hex(a[at], 2)}  ${hex(b[at], 2)}`)
  }
  return lines
}

/** All differences of two machines that should have come equally far. */
export function compareMachines(a: SteppedMachine, b: SteppedMachine): string[] {
  const lines: string[] = []
  if (a.instructions !== b.instructions) lines.push(`${'instructions'.padEnd(22)} ${a.instructions}  ${b.instructions}`)
  if (a.stopped !== b.stopped) lines.push(`${'stopped'.padEnd(22)} ${a.stopped ?? 'no'}  ${b.stopped ?? 'no'}`)
  lines.push(...compareCpu(a.cpu(), b.cpu()), ...compareRam(a.ram, b.ram))
  if (a.devices() !== b.devices()) lines.push('devices or output differ')
  return lines
}
