/**
 * `npm run bisect -- --seed 17` or `npm run bisect -- --kernel F --initrd F --append S`: which region of compiled code
 * makes the guest go wrong, and what in it.
 *
 *     --seed N                       a random program of `npm run fuzz`
 *     --kernel F --initrd F --append S --memory 64M     a guest on the virtual clock
 *     --instructions 500M --checkpoint 5M --heat 50     how far it runs, how often it is compared, when code is hot
 *     --quiet                        do not tell of each trial
 *
 *   trial: interpreter beside JIT with a variation -> wrong or right -> halve
 *
 * Exits with 1 when something is found, with 0 when nothing is wrong.
 */
import { parseArgs } from 'node:util'
import { complain } from '../src/cli/complain.ts'
import { PCError } from '../src/errors.ts'
import { loadKernel } from '../src/loaders/kernel.ts'
import { parseMemorySize } from '../src/memory-size.ts'
import { readInputFile } from '../src/node/files.ts'
import { bisect } from './bisect/bisect.ts'
import { fuzzScenario, kernelScenario, type Scenario } from './bisect/scenario.ts'
import { readCount } from './lockstep/counts.ts'

const USAGE = 'write npm run bisect -- --seed N, or --kernel F [--initrd F] [--append S] [--instructions 500M]'

function parse(argv: readonly string[]) {
  const string = { type: 'string' } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        seed: string,
        kernel: string,
        initrd: string,
        append: string,
        memory: string,
        instructions: string,
        checkpoint: string,
        heat: string,
        quiet: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new PCError('usage', error instanceof Error ? error.message.split(/[.\n]/)[0] : String(error), USAGE)
  }
}

/** What the arguments ask for. Throws `PCError` 'usage', 'bad-file', 'bad-kernel'. */
function scenarioOf(values: ReturnType<typeof parse>): Scenario {
  if (values.seed !== undefined) return fuzzScenario(readCount(values.seed, 'seed'))
  if (values.kernel === undefined) throw new PCError('usage', 'neither a seed nor a kernel is given', USAGE)
  const memoryBytes = parseMemorySize(values.memory ?? '64M')
  const boot = loadKernel({
    kernel: readInputFile(values.kernel, 'the kernel', memoryBytes),
    initrd: values.initrd === undefined ? undefined : readInputFile(values.initrd, 'the initrd', memoryBytes),
    cmdline: values.append ?? '',
    memoryBytes,
  })
  return kernelScenario({
    options: { memoryBytes, clock: 'virtual', boot },
    heatThreshold: readCount(values.heat ?? '50', 'heat'),
    checkpoint: readCount(values.checkpoint ?? '5M', 'checkpoint'),
    instructions: readCount(values.instructions ?? '500M', 'instructions'),
  })
}

async function main(argv: readonly string[]): Promise<void> {
  const values = parse(argv)
  const tell = values.quiet ? () => {} : (line: string) => process.stderr.write(`bisect: ${line}\n`)
  const findings = await bisect(scenarioOf(values), tell)
  process.stdout.write(`${findings.lines.join('\n')}\n`)
  if (findings.differences.length > 0) process.exitCode = 1
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const { text, status } = complain(error)
  process.stderr.write(`${text.replace(/^tabpc/, 'bisect')}\n`)
  process.exitCode = status
})
