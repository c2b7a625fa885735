/**
 * Long comparison of the decoder with iced-x86 (the spec runs a short one).
 *
 *     npx tsx tools/decoder-check.ts [--count 2000000] [--bits 16|32|64] [--seed 1]
 *
 * Without --bits, 16- and 32-bit modes run one after the other. Exits with 1 when anything differs.
 */
import { cac } from 'cac'
import { opcodeRows } from '../jit/decode/opcode-maps.ts'
import { compareWithIced } from '../test/specs/decode/iced-oracle.ts'

type Bits = 16 | 32 | 64

const cli = cac('decoder-check')
cli.option('--count <strings>', 'byte strings per mode', { default: 2_000_000 })
cli.option('--bits <bits>', '16, 32 or 64; default 16 and 32')
cli.option('--seed <seed>', 'seed of the generator', { default: 1 })
cli.option('--exceptions', 'list the accepted differences')
cli.help()
const { options } = cli.parse()

const usable = options.bits === undefined || [16, 32, 64].includes(Number(options.bits))
if (!usable) {
  console.error(`--bits ${options.bits}: use 16, 32 or 64`)
  process.exitCode = 1
} else if (!options.help) {
  const modes: Bits[] = options.bits === undefined ? [16, 32] : [Number(options.bits) as Bits]
  for (const bits of modes) {
    const started = performance.now()
    const report = compareWithIced({ bits, count: Number(options.count), seed: Number(options.seed) })
    const seconds = (performance.now() - started) / 1000
    const excepted = [...report.excepted.values()].reduce((sum, each) => sum + each, 0)
    const rows = opcodeRows.filter((row) => row.modes !== (bits === 64 ? 'legacy' : 'long'))
    const missed = rows.filter((row) => !report.rows.has(row.opcode))
    console.log(
      `${bits}-bit: ${report.strings} byte strings, ${report.agreed} agree, ${report.refused} refused by both, ` +
        `${excepted} listed exceptions, ${report.mismatches} mismatches; ` +
        `rows hit ${rows.length - missed.length} of ${rows.length}; ${seconds.toFixed(1)} s`,
    )
    if (missed.length > 0) console.log(`  rows not hit: ${missed.map((row) => row.opcode).join(', ')}`)
    if (options.exceptions) {
      for (const [reason, count] of [...report.excepted].sort((a, b) => b[1] - a[1]))
        console.log(`  ${count}  ${reason}`)
    }
    for (const example of report.examples) console.log(`  ${example}`)
    if (report.mismatches > 0) process.exitCode = 1
  }
}
