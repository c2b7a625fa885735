/** `npm run fuzz` as a command, its watchdog, and compiling with a difference. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { compile, type CompileRequest } from '../../../jit/compile.ts'
import { ModeBit } from '../../../runtime/state.ts'
import { compileAltered } from '../../../tools/fuzz/altered-compile.ts'
import { assemble, CODE } from '../cpu/bench.ts'

const SECONDS = 1000
const tool = (name: string) => fileURLToPath(new URL(`../../../tools/${name}`, import.meta.url))

function run(program: string, ...args: readonly string[]) {
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, ['--import', 'tsx', ...args], {
    encoding: 'utf8',
    cwd: program,
  })
  return { stdout, stderr, status, signal }
}

const fuzz = (...args: readonly string[]) => run(tool('..'), tool('fuzz.ts'), ...args)

describe('the command', () => {
  it(
    'runs one program',
    () => {
      const { stdout, status } = fuzz('--one', '--seed', '7')
      expect(stdout).toMatch(
        /^1 programs of 1 codes, \d+ instructions, \d+ regions \(\d+ compiled\): no difference \(seeds 7 … 7, \d+ an hour\)\n$/,
      )
      expect(status).toBe(0)
    },
    60 * SECONDS,
  )

  it(
    'says what is wrong with its arguments',
    () => {
      const { stderr, status } = fuzz('--seed', 'seven')
      expect(stderr).toContain("--seed cannot be 'seven'")
      expect(status).toBe(1)
    },
    60 * SECONDS,
  )
})

describe('the watchdog', () => {
  it(
    'names the program that hangs, and ends the process',
    () => {
      const script = `
      import { Watchdog } from ${JSON.stringify(tool('fuzz/watchdog.ts'))}
      const watchdog = new Watchdog(1)
      watchdog.begin(41)
      watchdog.begin(42)
      for (;;);`
      const { stderr, signal } = run(tool('..'), '--input-type=module', '--eval', script)
      expect(stderr).toContain('seed 42 hangs')
      expect(signal).toBe('SIGKILL')
    },
    60 * SECONDS,
  )
})

describe('compiling with a difference', () => {
  const code = assemble('43 ; inc ebx\n41 ; inc ecx\n48 ; dec eax\n75 fb ; jne 0x10000\n46 ; inc esi\nc3 ; ret', CODE)
  const bytes = new Uint8Array(4096)
  bytes.set(code)
  const request: CompileRequest = {
    entry: CODE,
    mode: ModeBit.Flat | ModeBit.Code32 | ModeBit.Stack32 | ModeBit.Protected,
    pages: [{ linear: CODE, physical: CODE, bytes }],
  }

  it('changes nothing when nothing is asked', () => {
    expect(compileAltered(request, {})).toEqual(compile(request))
  })

  it('ends a block at what is left to the interpreter', () => {
    const left = compileAltered(request, {
      leave: ({ mnemonic, operands: [operand] }) =>
        mnemonic === 'inc' && operand.kind === 'register' && operand.index === 1,
    })
    expect(left?.instructions).toBe(1)
    expect(left?.spans).toEqual([[CODE, CODE + 1]])
    expect(bytes[1]).toBe(0x41)
  })

  it('gives nothing when the first instruction is left', () => {
    expect(compileAltered(request, { leave: () => true })).toBeUndefined()
  })

  it('keeps to limits', () => {
    const whole = compile(request)?.instructions ?? 0
    const bounded = compileAltered(request, { limits: { blocks: 1, instructions: 256 } })?.instructions ?? 0
    expect(whole).toBe(6)
    expect(bounded).toBeGreaterThan(0)
    expect(bounded).toBeLessThan(whole)
  })

  it('fills locals with garbage', () => {
    const plain = compileAltered(request, {})?.binary.length ?? 0
    const poisoned = compileAltered(request, { poison: true })
    expect(poisoned?.binary.length).toBeGreaterThan(plain + 50)
    expect(WebAssembly.validate(poisoned?.binary as BufferSource)).toBe(true)
  })
})
