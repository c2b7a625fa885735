/**
 * Remembers what the regions of one code were compiled to, for its variants (variants.ts). A compile is a function of
 * its request alone, so the same request may have the same answer; now and then it is compiled all the same, and must
 * come out the same.
 */
import type { CompiledCode } from '../../jit/compile.ts'
import type { CompileOutcome, Compiler } from '../../jit/region-manager.ts'
import type { ReadyCode } from '../../jit/worker/messages.ts'

type Request = Parameters<Compiler>[0]

interface Entry {
  readonly request: Request
  /** Profile and segmentation as text. */
  readonly facts: string
  readonly binary: Uint8Array | undefined
  readonly ready: ReadyCode | undefined
}

/** One in so many hits is compiled again. */
const CHECK_EVERY = 64

function isSame(one: Request, other: Request): boolean {
  return (
    one.mode === other.mode && one.fpuControl === other.fpuControl &&
    one.model === other.model && (one.records === 0) === (other.records === 0) && one.pages.length === other.pages.length &&
    one.pages.every(({ linear, bytes }, i) => {
      const page = other.pages[i]
      return page.linear === linear && Buffer.compare(bytes, page.bytes) === 0
    })
  )
}

export class CompileCache {
  private readonly moveRecords: (from: number, to: number) => void
  private readonly entries = new Map<number, Entry[]>()
  private hits = 0

  /** `moveRecords` copies a region's records to where the code that is known for it looks for them. */
  constructor(moveRecords: (from: number, to: number) => void) {
    this.moveRecords = moveRecords
  }

  /** Forgets everything: another code comes, or it is compiled in another way. */
  clear(): void {
    this.entries.clear()
  }

  /** As `compile`, or from memory. Throws when the same request is compiled to something else. */
  compiled(request: Request, compile: (request: Request) => CompiledCode | undefined): CompileOutcome {
    const known = this.entries.get(request.entry) ?? []
    const facts = JSON.stringify([request.profile, request.segmentation])
    const entry = known.find(each => each.facts === facts && isSame(each.request, request))
    if (entry) {
      const { records = 0 } = entry.request
      if (records !== 0) this.moveRecords(request.records ?? 0, records)
      if (++this.hits % CHECK_EVERY === 0) check(entry, compile({ ...request, records }))
      return entry.ready
    }
    const code = compile(request)
    const ready = code && {
      module: new WebAssembly.Module(code.binary as BufferSource),
      name: 'region',
      codeBytes: code.binary.length,
      milliseconds: 0,
      instructions: code.instructions,
      spans: code.spans,
    }
    this.entries.set(request.entry, [...known, { request, facts, binary: code?.binary, ready }])
    return ready
  }
}

function check({ binary }: Entry, code: CompiledCode | undefined): void {
  if (binary === undefined && code === undefined) return
  if (!binary || !code || Buffer.compare(binary, code.binary) !== 0)
    throw new Error('the same request has been compiled to something else')
}
