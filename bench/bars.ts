/**
 * The bars that the project sets itself, and whether a run of the benchmark meets them (`--check`). A bar is met only
 * by what was measured: where an engine or a program is missing, the bar is not measured, and says why.
 */
import { GROUPS, type Group } from './groups.ts'
import { SUBJECT, type Summary } from './summary.ts'

/** The peers that bars refer to. */
export const RIVAL = 'v86'
export const TRANSLATOR = 'qemu'

/** Greatest allowed ratios, tabpc / peer, except the last. */
export const LIMITS = {
  integerToRival: 0.45,
  integerToTranslator: 0.75,
  worstRow: 1,
  /** Each program of the group `kernel`. */
  kernelRow: 0.6,
  bootWall: 0.6,
  bootCpu: 0.6,
  bootMemory: 0.9,
  /** On tabpc itself: a stack in the page of the code against a stack elsewhere. */
  stackInCode: 3
}

export interface Bar {
  name: string
  limit: number
  /** Null when not measured. */
  value: number | null
  state: 'met' | 'missed' | 'not measured'
  /** The row that decides, or what is missing; may be empty. */
  detail: string
}

function judge(name: string, limit: number, value: number | null | undefined, detail = ''): Bar {
  if (value === null || value === undefined) return { name, limit, value: null, state: 'not measured', detail }
  return { name, limit, value, state: value <= limit ? 'met' : 'missed', detail }
}

/** Programs of a group without a ratio to the peer, with the reason where it is known. */
function missingRows(summary: Summary, names: readonly string[], peer: string): string {
  const have = new Set(summary.ratios.filter(ratio => ratio.peer === peer).map(ratio => ratio.program))
  const missing = names.filter(name => !have.has(name))
  if (missing.length === 0) return ''
  if (missing.length === names.length) return 'no program was run on both'
  const rows = missing.map(name => {
    const unsupported = summary.unsupported.find(
      entry => entry.program === name && [SUBJECT, peer].includes(entry.engine)
    )
    return unsupported ? `${name} (no ${unsupported.feature} in ${unsupported.engine})` : name
  })
  return `without ${rows.join(', ')}`
}

function groupBar(summary: Summary, group: Group, peer: string, limit: number): Bar {
  const name = `geometric mean of ${group} programs, ${SUBJECT} / ${peer}`
  const missing = missingRows(summary, GROUPS[group], peer)
  if (missing !== '') return judge(name, limit, null, missing)
  return judge(name, limit, summary.means.find(mean => mean.peer === peer && mean.group === group)?.warm)
}

/** A row above the limit decides at once; below it, all rows have to be there. */
function worstRowBar(summary: Summary): Bar {
  const name = `worst program, ${SUBJECT} / ${RIVAL}`
  const rows = summary.ratios.filter(ratio => ratio.peer === RIVAL)
  const worst = rows.reduce<(typeof rows)[number] | null>((a, b) => (a && a.warm >= b.warm ? a : b), null)
  if (worst && worst.warm > LIMITS.worstRow) return judge(name, LIMITS.worstRow, worst.warm, worst.program)
  const missing = missingRows(summary, Object.values(GROUPS).flat(), RIVAL)
  if (missing !== '') return judge(name, LIMITS.worstRow, null, missing)
  return judge(name, LIMITS.worstRow, worst?.warm, worst?.program)
}

/** Every bar, in the order of the README. */
export function judgeBars(summary: Summary): Bar[] {
  const row = (program: string) => summary.ratios.find(ratio => ratio.peer === RIVAL && ratio.program === program)
  const boot = summary.bootRatios.find(ratio => ratio.peer === RIVAL)
  const own = summary.engines.find(entry => entry.engine === SUBJECT)
  const pair = `${SUBJECT} / ${RIVAL}`
  return [
    groupBar(summary, 'integer', RIVAL, LIMITS.integerToRival),
    groupBar(summary, 'integer', TRANSLATOR, LIMITS.integerToTranslator),
    worstRowBar(summary),
    ...GROUPS.kernel.map(program => judge(`${program}, ${pair}`, LIMITS.kernelRow, row(program)?.warm)),
    judge(`boot, wall time, ${pair}`, LIMITS.bootWall, boot?.wall),
    judge(`boot, CPU time of all threads, ${pair}`, LIMITS.bootCpu, boot?.cpu),
    judge(`resident memory after boot, ${pair}`, LIMITS.bootMemory, boot?.memory),
    judge(`stack in the page of the code / elsewhere, ${SUBJECT}`, LIMITS.stackInCode, own?.stackRatio)
  ]
}
