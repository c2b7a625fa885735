/**
 * Runs random programs one after another until time or their number is up, or one fails.
 *
 *   seed -> trialOf -> variantOf 0, 1 … -> Comparer (two CPUs, used again and again) -> a difference -> shrink
 */
import { Comparer } from './compare.ts'
import { describe, shrink } from './shrink.ts'
import { trialOf, variantOf } from './variants.ts'
import { Watchdog } from './watchdog.ts'

const SHRINK_MILLISECONDS = 60_000
const TELL_MILLISECONDS = 60_000

export interface SessionOptions {
  readonly milliseconds: number
  /** The first seed, and how far it is from one to the next. */
  readonly seed: number
  readonly step: number
  /** Most seeds. */
  readonly seeds: number
  /** Programs of each seed's code; a single one of them. */
  readonly variants: number
  readonly variant?: number
  /** Makes a program that fails smaller. */
  readonly shrinks: boolean
}

/** What has been run. */
export interface Figures {
  /** Programs, and the codes that they are variants of. */
  programs: number
  codes: number
  instructions: number
  /** Regions put in place, and how many of them were compiled for it. */
  regions: number
  compiles: number
}

export interface SessionResult extends Figures {
  /** Lines about a program that failed; none when none has. */
  readonly failure: readonly string[]
}

/** Runs programs; `tell` gets a line of progress once a minute. Ends the process when one hangs. */
export async function runSession(options: SessionOptions, tell: (line: string) => void): Promise<SessionResult> {
  const { milliseconds, seed: first, step, seeds, variants } = options
  const started = performance.now()
  const figures: Figures = { programs: 0, codes: 0, instructions: 0, regions: 0, compiles: 0 }
  const comparer = new Comparer()
  const watchdog = new Watchdog()
  const only = options.variant
  let told = started
  for (let seed = first; figures.codes < seeds && performance.now() < started + milliseconds; seed += step) {
    const code = trialOf(seed)
    for (let variant = only ?? 0; variant < (only === undefined ? variants : only + 1); variant++) {
      const { program, plan } = variantOf(code, variant)
      watchdog.begin(seed)
      const result = await comparer.compare(program, plan, variants > 1).catch((error: unknown) => {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
        throw new Error(`seed ${seed} variant ${variant}: ${text}`)
      })
      figures.programs++
      figures.instructions += result.instructions
      figures.regions += result.regions
      figures.compiles = comparer.compiles
      if (result.differences.length === 0) continue
      tell(`seed ${seed} variant ${variant} differs behind piece ${result.piece}`)
      if (!options.shrinks) return { ...figures, failure: result.differences }
      const small = await shrink(new Comparer(), program, plan, performance.now() + SHRINK_MILLISECONDS, () =>
        watchdog.begin(seed),
      )
      // A CPU that has run other programs before may differ where a new one does not.
      const behind = `seed ${seed} variant ${variant} differs only behind the programs before it, from seed ${first}:`
      const failure = small.failure.differences.length > 0 ? describe(small) : [behind, ...result.differences]
      return { ...figures, failure }
    }
    figures.codes++
    if (performance.now() - told < TELL_MILLISECONDS) continue
    told = performance.now()
    tell(`${figures.programs} programs, at seed ${seed}`)
  }
  return { ...figures, failure: [] }
}
