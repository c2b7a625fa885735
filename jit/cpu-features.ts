/**
 * Instructions that a CPU model does not have: they raise #UD there. What a model announces is in
 * runtime/helpers/cpuid.ts; a spec compares the two.
 *
 *   record-writer.ts (interpreter), regions/discovery.ts (compiler) -> isAbsent
 *
 * Source: Intel SDM vol. 2, CPUID; vol. 3, 23.13 (instructions new in each generation).
 */
import { CpuModel } from '../runtime/cpu-models.ts'
import type { Instruction } from './decode/instruction.ts'
import { opcodeRows } from './decode/opcode-maps.ts'
import { type Feature, featureOf } from './decode/row-features.ts'

const pentium: readonly Feature[] = ['base', 'fpu', 'smm', 'tsc', 'msr', 'cx8']

/** Features with instructions that each model has; that of `max` is all. */
const features: Readonly<Record<Exclude<CpuModel, CpuModel.Max>, ReadonlySet<Feature>>> = {
  [CpuModel.I486]: new Set<Feature>(['base', 'fpu', 'smm']),
  [CpuModel.Pentium]: new Set(pentium),
  [CpuModel.I686]: new Set<Feature>([...pentium, 'sep', 'cmov', 'clfsh', 'mmx', 'fxsr', 'sse', 'sse2']),
}

/** What came with the P6 without a bit in CPUID: RDPMC, and the NOPs with ModR/M (0F 18 to 0F 1F). */
function isUnannouncedP6(row: (typeof opcodeRows)[number]): boolean {
  return row.mnemonic === 'rdpmc' || (row.map === 1 && row.byte >= 0x18 && row.byte <= 0x1f)
}

const known = new Map<CpuModel, ReadonlySet<string>>()

/** Opcode rows that `model` does not have. */
export function absentRows(model: CpuModel): ReadonlySet<string> {
  let rows = known.get(model)
  if (rows) return rows
  if (model === CpuModel.Max) rows = new Set()
  else {
    const has = features[model]
    const old = model !== CpuModel.I686
    rows = new Set(opcodeRows.filter(row => !has.has(featureOf(row)) || (old && isUnannouncedP6(row))).map(row => row.opcode))
  }
  known.set(model, rows)
  return rows
}

/** Whether `model` raises #UD for an instruction that others have. */
export function isAbsent({ opcode }: Instruction, model: CpuModel): boolean {
  return model !== CpuModel.Max && absentRows(model).has(opcode)
}
