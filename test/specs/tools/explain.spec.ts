/** `npm run explain`: its text for instructions of every kind, and its one-line answers to what is no instruction. */
import { describe, expect, it } from 'vitest'
import { definitionText } from '../../../jit/definition-text.ts'
import { definedStatements, generalHandlerText, hotHandlerText, stateFieldAt } from '../../../jit/explain-module.ts'
import { isHot } from '../../../jit/handlers.ts'
import { collectSamples } from '../../../jit/samples.ts'
import { stateAddress } from '../../../runtime/state.ts'
import { explain } from '../../../tools/explain.ts'

describe('explain', () => {
  it('shows an instruction from bytes to handlers', () => {
    const stdout = explain(['01', 'd8'])
    expect(stdout).toMatch(/^01 d8 {3}add eax, ebx\n/)
    expect(stdout).toMatch(/\nrecord\n {2}handler \d+ add o32 r32,r32 \(hot\), .*destination gpr\.eax, source gpr\.ebx\n/)
    expect(stdout).toContain('setFlags Add size 32: result %3, left %2, carry %4')
    expect(stdout).toContain('(;record.Source;)')
    expect(stdout).toContain('(;state.flagCarry;)')
    expect(stdout.match(/\nhot handler/g)).toHaveLength(1)
    expect(stdout.match(/\ngeneral handler/g)).toHaveLength(1)
    expect(stdout).toMatch(/\nregion form of all 1 instructions, entered at 0\n[\s\S]*\(;state\.gpr\.eax;\)[\s\S]*\(local\.get \$outcome\)\n$/)
  })

  it('keeps the records of one run together, and goes on behind its end', () => {
    const stdout = explain(['--short', '4149', 'eb,fe', '0x90'])
    expect([...stdout.matchAll(/offset (\d+), length \d+, ordinal (\d+)/g)].map(([, ...numbers]) => numbers)).toEqual([
      ['0', '1'], ['1', '2'], ['2', '3'], ['4', '1'],
    ])
  })

  it('says why there is no region', () => {
    expect(explain(['cd', '80'])).toMatch(/\nregion form: none, regions leave the first instruction to the interpreter\n$/)
    expect(explain(['--bits', '16', '90'])).toMatch(/\nregion form: none, regions exist for flat 32-bit code only\n$/)
  })

  it('decodes 16-bit code', () => {
    expect(explain(['--bits', '16', '8b', '07'])).toMatch(/^8b 07 {3}mov ax, word \[bx\]\n[\s\S]*\(general\)[\s\S]*address16/)
  })

  it.each([
    [['01', 'zz'], "'zz' is no byte in base 16"],
    [['0f', '04'], '0f 04 is undefined in 32-bit code: executing it raises #UD'],
    [['81', 'c0'], 'the instruction goes on behind 81 c0'],
    [[], 'there are no bytes to explain'],
    [['--bits', '64', '90'], "--bits cannot be '64'"],
    [['--nonsense', '90'], "Unknown option '--nonsense'"],
  ])('refuses %j', (args, message) => {
    expect(() => explain(args)).toThrow(expect.objectContaining({ name: 'PCError', message, hint: expect.stringMatching(/./) }))
  })

  it('names state fields by address', () => {
    expect(stateFieldAt(stateAddress('gpr', 3) + 1)).toBe('gpr.ebx+1')
    expect(stateFieldAt(stateAddress('segmentBase', 4))).toBe('segmentBase.fs')
    expect(stateFieldAt(stateAddress('eip'))).toBe('eip')
    expect(stateFieldAt(0)).toBeUndefined()
  })

  it('writes every kind of definition and handler', () => {
    // One signature of each mnemonic: the text of all would take a minute.
    const byMnemonic = new Map(collectSamples().map(facts => [facts.mnemonic, facts]))
    expect(byMnemonic.size).toBeGreaterThan(200)
    for (const facts of byMnemonic.values()) {
      const text = definitionText(definedStatements(facts)).join('\n')
      expect(text, facts.mnemonic).not.toMatch(/undefined|NaN/)
      expect(generalHandlerText(facts).length, facts.mnemonic).toBeGreaterThan(0)
      if (isHot(facts)) expect(hotHandlerText(facts, true).at(-1), facts.mnemonic).toMatch(/^\(br |^\)$/)
    }
  })
})
