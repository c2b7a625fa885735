/** All definitions by mnemonic. What the decoder knows and this table lacks raises #UD (`npm run coverage`). */
import { arithmetic } from './arithmetic.ts'
import { bcd } from './bcd.ts'
import { bits } from './bits.ts'
import { branches } from './branch.ts'
import type { Definition } from './builder.ts'
import { logic } from './logic.ts'
import { moves } from './move.ts'
import { multiplication } from './multiply.ts'
import { segments } from './segment.ts'
import { shifts } from './shift.ts'
import { stack } from './stack.ts'
import { strings } from './string.ts'
import { system } from './system.ts'
import { farTransfers } from './transfer-far.ts'
import { vectorDefinitions } from './vector-families.ts'
import { x87 } from './x87.ts'

export const definitions: ReadonlyMap<string, Definition> = new Map(
  Object.entries({
    ...arithmetic, ...logic, ...shifts, ...multiplication, ...bits, ...bcd, ...moves, ...stack, ...branches, ...strings,
    ...segments, ...system, ...farTransfers, ...x87,
    ...vectorDefinitions,
  }),
)
