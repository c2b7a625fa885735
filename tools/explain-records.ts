/** The decoded records that the record writer makes of some bytes, in words: for `npm run explain`. */
import { stateFieldAt } from '../jit/explain-module.ts'
import { RECORD_BYTES, RAM_BASE } from '../runtime/memory-map.ts'
import { RecordField, RecordFlag, RunHeader } from '../runtime/records.ts'
import { ModeBit } from '../runtime/state.ts'
import { createMachine, loadAssets } from '../src/node/machine.ts'
import { CodeCache } from '../runtime/code-cache.ts'
import { RecordWriter } from '../jit/record-writer.ts'

/** Where the bytes go: the start of a page, so that offsets in the page are offsets in the bytes. */
const PLACE = 0x1000
const RAM_BYTES = 1 << 20
const HLT = 0xf4
/** Behind the bytes: enough that no instruction seems cut off. */
const FILLER_BYTES = 16

/** Handler names by number. */
function handlerNames(): Map<number, string> {
  const { hot, general, special } = loadAssets().handlers
  const names = new Map<number, string>()
  for (const [signature, number] of general) names.set(number, `${signature} (general)`)
  for (const [signature, plain, indexed] of hot) {
    names.set(indexed, `${signature} (hot, indexed)`)
    names.set(plain, `${signature} (hot)`)
  }
  for (const [name, number] of Object.entries(special)) names.set(number, name)
  return names
}

/** One record as fields with their meaning. */
function recordText(record: DataView, names: ReadonlyMap<number, string>): string {
  const word = (field: RecordField): number => record.getUint16(field, true)
  const parts = [
    `handler ${word(RecordField.Handler)} ${names.get(word(RecordField.Handler))}`,
    `offset ${word(RecordField.Offset)}`,
    `length ${record.getUint8(RecordField.Length)}`,
    `ordinal ${record.getUint8(RecordField.Ordinal)}`,
  ]
  const slots = [
    ['destination', RecordField.Destination], ['source', RecordField.Source], ['base', RecordField.Base],
    ['index', RecordField.Index],
  ] as const
  for (const [name, field] of slots) {
    const address = word(field)
    const slot = stateFieldAt(address)
    if (address !== 0 && slot !== 'zero') parts.push(`${name} ${slot ?? address}`)
  }
  const scale = record.getUint8(RecordField.Scale)
  if (scale > 0) parts.push(`scale ${scale}`)
  const displacement = record.getInt32(RecordField.Displacement, true)
  if (displacement !== 0) parts.push(`displacement ${displacement}`)
  const immediate = record.getInt32(RecordField.Immediate, true)
  if (immediate !== 0) parts.push(`immediate ${immediate}`)
  const flags = record.getUint8(RecordField.Flags)
  if ((flags & RecordFlag.Address16) !== 0) parts.push('address16')
  if ((flags & RecordFlag.Linkable) !== 0) parts.push('linkable')
  return parts.join(', ')
}

/**
 * A line for the record of each of the first `count` instructions in `bytes`, decoded as flat protected-mode code, or
 * as 16-bit real-mode code. Behind an instruction that ends a run, the next run begins.
 */
export function recordsText(bytes: Uint8Array, bits: 16 | 32, count: number): string[] {
  const { core } = createMachine({ memoryBytes: RAM_BYTES, clock: 'virtual' })
  const { handlers } = loadAssets()
  const cache = new CodeCache(core, handlers.special)
  const writer = new RecordWriter(core, cache, handlers)
  core.bytes.fill(HLT, RAM_BASE + PLACE, RAM_BASE + PLACE + bytes.length + FILLER_BYTES)
  core.bytes.set(bytes, RAM_BASE + PLACE)
  core.set('mode', bits === 32 ? ModeBit.Code32 | ModeBit.Stack32 | ModeBit.Flat | ModeBit.Protected : 0)
  const names = handlerNames()
  const lines: string[] = []
  for (let place = PLACE; lines.length < count; ) {
    const first = cache.reserve(0)
    writer.translate(place)
    const header = new DataView(core.memory.buffer, first - RECORD_BYTES, RECORD_BYTES)
    place += header.getUint32(RunHeader.Bytes, true)
    for (let i = 0; i < header.getUint32(RunHeader.Instructions, true); i++)
      lines.push(recordText(new DataView(core.memory.buffer, first + i * RECORD_BYTES, RECORD_BYTES), names))
  }
  return lines
}
