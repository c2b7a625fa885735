/**
 * What each guest program stands for. A bar (bars.ts) that speaks of a kind of program means these.
 *
 *   integer   user code on integers and memory: the rows of the geometric means that bars speak of
 *   float     x87 and SSE2 arithmetic
 *   kernel    mostly the guest's kernel: entries, processes, page tables
 *   code      code that is written, and stores beside code
 */
export type Group = 'integer' | 'float' | 'kernel' | 'code'

export const GROUPS: Readonly<Record<Group, readonly string[]>> = {
  integer: [
    ...['aes', 'bignum', 'bits', 'call-heavy', 'crc32', 'divide64', 'hash-map', 'life', 'lz', 'many-functions', 'matrix'],
    ...['memory-copy', 'pointer-chase', 'queens', 'quicksort', 'sha256', 'sieve', 'strings', 'switch-heavy']
  ],
  float: ['sse2', 'x87'],
  kernel: ['fork-exec', 'page-faults', 'pipes', 'system-calls'],
  code: ['self-modifying', 'stack-apart', 'stack-in-code']
}

/** The same loop with its stack elsewhere and in the page of its code. */
export const STACK_APART = 'stack-apart'
export const STACK_IN_CODE = 'stack-in-code'
/** Times that a round of each runs the loop: some take a hundred times as long for it beside its code. */
export const STACK_APART_LOOPS = 10
export const STACK_IN_CODE_LOOPS = 2

/** The group of a program; undefined for a name that is in none. */
export function groupOf(program: string): Group | undefined {
  return (Object.keys(GROUPS) as Group[]).find(group => GROUPS[group].includes(program))
}
