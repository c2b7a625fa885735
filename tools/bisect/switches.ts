/**
 * What bisect can turn off within one region, as data: each switch has elements, and says how a region is compiled
 * without some of them. A new optimisation of the JIT is a new element, a new kind of choice a new switch.
 */
import { allOptimisations } from '../../jit/optimisations.ts'
import type { Region } from '../../jit/regions/region.ts'
import type { DiscoveryLimits } from '../../jit/regions/discovery.ts'
import type { Alteration } from '../fuzz/altered-compile.ts'

/** Things that can be taken away from a region, by name. */
export interface SetSwitch {
  readonly name: string
  readonly elements: (region: Region) => readonly string[]
  readonly without: (elements: readonly string[]) => Alteration
}

/** How much of something a region may have. */
export interface LimitSwitch {
  readonly name: string
  readonly most: (region: Region) => number
  readonly limits: (limit: number) => DiscoveryLimits
}

const PLENTY = 1_000_000

function mnemonicsOf(region: Region): readonly string[] {
  const names = [...region.blocks.values()].flatMap(block =>
    block.instructions.map(({ instruction }) => instruction.mnemonic),
  )
  return [...new Set(names)].sort()
}

export const setSwitches: readonly SetSwitch[] = [
  {
    name: 'left to the interpreter',
    elements: mnemonicsOf,
    without: names => ({ leave: instruction => names.includes(instruction.mnemonic) }),
  },
  {
    name: 'optimisations',
    elements: () => Object.keys(allOptimisations),
    without: names => ({ optimisations: Object.fromEntries(names.map(name => [name, false])) }),
  },
]

export const limitSwitches: readonly LimitSwitch[] = [
  { name: 'blocks', most: region => region.blocks.size, limits: blocks => ({ blocks, instructions: PLENTY }) },
  {
    name: 'instructions',
    most: region => region.instructions,
    limits: instructions => ({ blocks: PLENTY, instructions }),
  },
]
