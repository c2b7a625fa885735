/**
 * The process of the micro-benchmarks; its only argument is the list of families, if not all. bundle.ts bundles and
 * starts it: under a TypeScript loader, which wraps each closure to keep its name, compiling takes several times as long.
 */
import { runMicroBenchmarks } from './suite.ts'

try {
  runMicroBenchmarks(process.argv[2])
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
