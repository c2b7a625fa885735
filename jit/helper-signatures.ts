/**
 * The helpers that definitions call: exports of the AssemblyScript module, with their types.
 * `faults` says that an exception may be pending after the call.
 */
export interface HelperSignature {
  readonly parameters: readonly ('i32' | 'i64' | 'v128')[]
  readonly result: 'i32' | 'i64' | 'v128' | 'none'
  readonly faults: boolean
  /** Touches vector registers and MXCSR alone, so that regions, whose other state is in locals, may call it. */
  readonly vectorOnly: boolean
}

/** Parses 'name(i32,i64):i32!' rows; '!' marks a helper that may raise an exception, '@' `vectorOnly`. */
function parse(rows: string): Map<string, HelperSignature> {
  const table = new Map<string, HelperSignature>()
  for (const row of rows.trim().split(/\s+/)) {
    const match = /^(\w+)\(([\w,]*)\)(?::(i32|i64|v128))?(!?)(@?)$/.exec(row)
    if (!match) throw new Error(`bad helper signature: ${row}`)
    const [, name, parameters, result, faults, vectorOnly] = match
    table.set(name, {
      parameters: parameters === '' ? [] : (parameters.split(',') as HelperSignature['parameters']),
      result: (result as HelperSignature['result'] | undefined) ?? 'none',
      faults: faults === '!',
      vectorOnly: vectorOnly === '@',
    })
  }
  return table
}

/** Memory, flags, strings: called by back ends and integer definitions. */
const core = `
  read8(i32):i32! read16(i32):i32! read32(i32):i32! read64(i32):i64!
  write8(i32,i32)! write16(i32,i32)! write32(i32,i32)! write64(i32,i64)!
  readForModify8(i32):i32! readForModify16(i32):i32! readForModify32(i32):i32! readForModify64(i32):i64!
  read128(i32):v128! read128Aligned(i32):v128! write128(i32,v128)! write128Aligned(i32,v128)!
  sseUnavailable()! mmxUnavailable()!
  probeWrite(i32,i32)! probeRead(i32,i32)!
  condition(i32):i32 getEflags():i32 getArithmeticFlags():i32 setArithmeticFlags(i32)
  segmentRead(i32,i32,i32):i32! segmentWrite(i32,i32,i32):i32!
  startTargetProfile(i32,i32) noteTarget(i32,i32)
  updateMode() bulkMove(i32,i32,i32):i32 bulkStore(i32,i32):i32
`

export const helperSignatures: Map<string, HelperSignature> = parse(core)

/** Adds the rows of a family of helpers; called at module load by the definition file that uses them. */
export function declareHelpers(rows: string): void {
  for (const [name, signature] of parse(rows)) helperSignatures.set(name, signature)
}
