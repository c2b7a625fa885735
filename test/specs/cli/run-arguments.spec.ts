/** `tabpc run`: what its options mean and how wrong ones are told. */

import { describe, expect, it } from 'vitest'
import { type RunArguments, parseRunArguments } from '../../../src/cli/run-arguments.ts'
import { PCError } from '../../../src/errors.ts'

function parse(...argv: string[]): RunArguments {
  const parsed = parseRunArguments(['--kernel', 'bzImage', ...argv])
  if (parsed === 'help') throw new Error('help was asked for')
  return parsed
}

function failure(argv: readonly string[]): string {
  try {
    parseRunArguments(argv)
  } catch (error) {
    if (error instanceof PCError) return `${error.message}; ${error.hint}`
    throw error
  }
  throw new Error('the arguments were accepted')
}

describe('values', () => {
  it('have defaults', () => {
    expect(parse()).toEqual({
      kernel: 'bzImage',
      load: undefined,
      save: undefined,
      expected: {},
      bios: undefined,
      vgaBios: undefined,
      drives: {},
      bootDrive: undefined,
      snapshot: false,
      screenshot: undefined,
      initrd: undefined,
      append: '',
      memoryBytes: 256 * 1024 ** 2,
      cpu: 'max',
      serial: { kind: 'stdio' },
      debugcon: { kind: 'none' },
      post: { kind: 'none' },
      isaDebugExit: false,
      clock: 'wall',
      jit: true,
      expect: undefined,
      timeout: undefined,
      stats: undefined,
      trace: false,
      traceCount: 20,
    })
  })

  it('are read from --name value and --name=value', () => {
    expect(
      parse(
        '--initrd=a=b',
        '--append',
        'console=ttyS0 quiet',
        '--timeout',
        '1.5',
        '--clock=virtual',
        '--stats',
        's.json',
      ),
    ).toMatchObject({ initrd: 'a=b', append: 'console=ttyS0 quiet', timeout: 1.5, clock: 'virtual', stats: 's.json' })
  })

  it('stay text: no number is guessed, and a dash may begin them', () => {
    expect(parse('--append', '007').append).toBe('007')
    expect(parse('--append', '1e3').append).toBe('1e3')
    expect(parse('--append', '-v --debug').append).toBe('-v --debug')
    expect(parse('--append', '').append).toBe('')
    expect(parse('--append=--kernel').append).toBe('--kernel')
  })

  it.each([
    ['64M', 64],
    ['1G', 1024],
    ['2g', 2048],
    ['65536K', 64],
    ['512', 512],
    ['1M', 1],
    ['128MiB', 128],
  ])('--memory %s is %i MiB', (text, mebibytes) => {
    expect(parse('--memory', text).memoryBytes).toBe(mebibytes * 1024 ** 2)
  })

  it('name the targets of ports', () => {
    expect(parse('--serial', 'file:a:b', '--debugcon', 'stdio')).toMatchObject({
      serial: { kind: 'file', path: 'a:b' },
      debugcon: { kind: 'stdio' },
    })
  })

  it('--trace takes a count only after =', () => {
    expect(parse('--trace')).toMatchObject({ trace: true, traceCount: 20 })
    expect(parse('--trace=200')).toMatchObject({ trace: true, traceCount: 200 })
  })

  it('--expect matches at line starts and ends', () => {
    const expression = parse('--expect', '^login: $').expect
    expect(expression?.test('noise\nlogin: \n')).toBe(true)
    expect(expression?.test('a login: \n')).toBe(false)
  })

  it('flags', () => {
    expect(parse('--isa-debug-exit', '--no-jit').isaDebugExit).toBe(true)
  })

  it('help comes before all checks', () => {
    expect(parseRunArguments(['--help'])).toBe('help')
    expect(parseRunArguments(['-h', '--memory', 'x'])).toBe('help')
  })
})

describe('what is wrong and how to mend it', () => {
  const kernel = ['--kernel', 'bzImage']
  it.each<[string[], RegExp]>([
    [[], /nothing to boot; .*--kernel FILE/],
    [['--append', 'x'], /--append is given without --kernel/],
    [['--initrd', 'x'], /--initrd is given without --kernel/],
    [['--kernal', 'x'], /no option --kernal; did you mean --kernel\?/],
    [['--no-jti'], /did you mean --no-jit\?/],
    [['--jit'], /no option --jit; see tabpc run --help/],
    [['-kernel', 'x'], /two dashes: --kernel/],
    [['-x'], /no option -x/],
    [['--'], /no option --;/],
    [['bzImage'], /'bzImage' belongs to no option/],
    [['--kernel'], /--kernel needs a value; write --kernel FILE/],
    [['--kernel', '--memory', '64M'], /--kernel needs a value/],
    [['--kernel', ''], /file name of --kernel is empty/],
    [[...kernel, '--kernel', 'x'], /given twice/],
    [[...kernel, '--no-jit=1'], /takes no value/],
    [[...kernel, '--memory', '1K'], /too little memory; give from 1M to 2G/],
    [[...kernel, '--memory', '8G'], /too much memory; give from 1M to 2G/],
    [[...kernel, '--memory', '1.5G'], /no memory size/],
    [[...kernel, '--memory', '-1M'], /no memory size/],
    [[...kernel, '--memory', '99999999999999999999G'], /too much memory/],
    [[...kernel, '--memory', '2049K'], /whole number of 4K pages/],
    [[...kernel, '--serial', 'tcp:1'], /write stdio, none, or file:FILE/],
    [[...kernel, '--debugcon', 'file:'], /write stdio, none, or file:FILE/],
    [[...kernel, '--clock', 'fast'], /write wall or virtual/],
    [[...kernel, '--cpu', '386'], /write 486, i686, max, pentium/],
    [[...kernel, '--expect', '('], /no regular expression: Unterminated group/],
    [[...kernel, '--expect', ''], /--expect is empty/],
    [[...kernel, '--timeout', '0'], /--timeout cannot be '0'/],
    [[...kernel, '--timeout', '1m'], /number of seconds/],
    [[...kernel, '--timeout', '1e9'], /number of seconds/],
    [[...kernel, '--timeout', '99999999'], /up to 2000000/],
    [[...kernel, '--trace=0'], /from 1 to 4096/],
    [[...kernel, '--trace', '5'], /'5' belongs to no option/],
  ])('%j', (argv, message) => {
    expect(failure(argv)).toMatch(message)
  })

  it.each(['bios', 'vga-bios'])('--%s is refused beside a kernel, which needs none', name => {
    expect(failure([...kernel, `--${name}`, 'x'])).toMatch(new RegExp(`^--${name} is given with --kernel`))
  })
})

describe('drives', () => {
  it('boot without a kernel', () => {
    const parsed = parseRunArguments(['--fda', 'a.img', '--hda=c.img', '--cdrom', 'd.iso', '--boot', 'd', '--snapshot'])
    expect(parsed).toMatchObject({
      kernel: undefined, drives: { fda: 'a.img', hda: 'c.img', cdrom: 'd.iso' }, bootDrive: 'd', snapshot: true,
    })
  })

  it('are not needed when there is a BIOS', () => {
    expect(parseRunArguments(['--bios', 'b.bin'])).toMatchObject({ bios: 'b.bin', drives: {} })
  })

  it('are booted from by letters', () => {
    expect(failure(['--fda', 'x', '--boot', 'n'])).toMatch(/--boot cannot be 'n'.*floppy/)
  })
})
