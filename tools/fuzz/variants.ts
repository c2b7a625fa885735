/**
 * Several programs of one code: most of the time of a program goes into compiling it, so its code is run again with
 * other data, registers and flags, with other functions in the main loop, other stops, interrupts and writes of devices.
 *
 *   seed -> program and plan (variant 0) -> variant 1, 2 …: what the code is compiled to stays, what it meets does not
 */
import { Eflags } from '../../runtime/state.ts'
import { DATA_BYTES } from './layout.ts'
import { type Plan, planOf } from './plan.ts'
import { FUNCTIONS, type Program, randomProgram } from './program.ts'
import { Random } from './random.ts'

/** What is run, and how. */
export interface Trial {
  readonly program: Program
  readonly plan: Plan
}

/** Times a variant's number, added to a seed: its random numbers are no other program's. */
const VARIANT_SEED = 0x2545f491
const STATUS_FLAGS = 0x8d5

/** The program and plan of a seed. */
export function trialOf(seed: number): Trial {
  return { program: randomProgram(new Random(seed), seed), plan: planOf(seed) }
}

/** Another program of the same code; variant 0 is the given one. */
export function variantOf({ program, plan }: Trial, variant: number): Trial {
  if (variant === 0) return { program, plan }
  const seed = (program.seed + Math.imul(variant, VARIANT_SEED)) >>> 0
  const random = new Random(seed)
  const { environment, functions, aliased } = program
  const flags = (environment.eflags & ~STATUS_FLAGS) | (random.word() & STATUS_FLAGS & ~Eflags.DF)
  // In half of the variants the main loop begins elsewhere and leaves others out.
  const turned = random.oneIn(2) ? 0 : random.below(FUNCTIONS)
  const turn = <T>(list: readonly T[]) => [...list.slice(turned), ...list.slice(0, turned)]
  const other = planOf(seed)
  return {
    program: {
      ...program,
      environment: { ...environment, eflags: flags },
      data: random.bytes(DATA_BYTES),
      registers: program.registers.map(() => random.interesting()),
      functions: turn(functions),
      aliased: turn(aliased),
    },
    plan: { ...other, limits: plan.limits, missEvery: plan.missEvery, seldomEvery: plan.seldomEvery, poison: plan.poison, off: plan.off },
  }
}
