/** Wrong usage and bad files, in a real process: one line on stderr, how to mend it, status 1, no stack trace. */
import { afterAll, describe, expect, it } from 'vitest'
import { CODE, makeBzImage, makeElf, MEBIBYTE } from '../loaders/fixtures.ts'
import { Folder, tabpc } from './command-line.ts'
import { multibootKernel, powerOff } from './kernels.ts'

const folder = new Folder()
afterAll(() => folder.remove())

const kernel = folder.file(multibootKernel(powerOff))
const bzImage = makeBzImage()
const linux = folder.file(bzImage)
const elf = (...segments: { physical: number; bytes: Uint8Array; memoryBytes?: number }[]) =>
  folder.file(makeElf({ segments }))

const cases: readonly (readonly [what: string, argv: readonly string[], message: RegExp])[] = [
  ['no command', [], /^tabpc: no command is given; /],
  ['an unknown command', ['runn'], /there is no command 'runn'; did you mean run\?$/],
  ['nothing to boot', ['run'], /nothing to boot; .*--kernel/],
  ['an unknown option', ['run', '--kernel', kernel, '--frobnicate'], /no option --frobnicate; see tabpc run --help$/],
  ['a misspelt option', ['run', '--kernel', kernel, '--memry', '64M'], /no option --memry; did you mean --memory\?$/],
  ['one dash', ['run', '-kernel', kernel], /options take two dashes: --kernel$/],
  ['a missing kernel', ['run', '--kernel', '/no/such/file'], /the kernel '\/no\/such\/file' does not exist; check/],
  ['a folder for a kernel', ['run', '--kernel', folder.path], /is a folder; give a file$/],
  ['an empty kernel', ['run', '--kernel', folder.file('')], /is empty; give a file with something in it$/],
  ['a text for a kernel', ['run', '--kernel', folder.file('hello\n')], /neither a Linux bzImage nor a Multiboot kernel; /],
  [
    'a truncated bzImage', ['run', '--kernel', folder.file(bzImage.subarray(0, bzImage.length - 3000))],
    /cut off: it has \d+ bytes and needs \d+; copy or download it again$/,
  ],
  [
    'a truncated ELF file', ['run', '--kernel', folder.file(makeElf().subarray(0, 600))],
    /segment 0 of the kernel ends behind the end of the file; the file is damaged/,
  ],
  [
    'an ELF segment that wraps round', ['run', '--kernel', elf({ physical: 0xfffff000, bytes: CODE, memoryBytes: 0xffffffff })],
    /segment 0 of the kernel lies at 0xfffff000\.\.0x1ffffeffe, but memory ends at 0x10000000; the file is damaged/,
  ],
  [
    'an ELF segment beyond RAM', ['run', '--kernel', elf({ physical: 0x100000, bytes: CODE, memoryBytes: 0x20000000 })],
    /memory ends at 0x10000000; give the machine at least 513M of memory$/,
  ],
  ['an ELF segment in video memory', ['run', '--kernel', elf({ physical: 0xb8000, bytes: CODE })], /video memory and BIOS; link/],
  [
    'overlapping ELF segments', ['run', '--kernel', elf({ physical: 0x100000, bytes: CODE }, { physical: 0x100800, bytes: CODE })],
    /segment 1 of the kernel lies at .*, over segment 0/,
  ],
  [
    'an initrd larger than RAM',
    ['run', '--kernel', linux, '--memory', '32M', '--initrd', folder.file(new Uint8Array(33 * MEBIBYTE))],
    /the initrd .* is larger than the machine's memory of 32M; give the machine more with --memory/,
  ],
  [
    'an initrd that does not fit beside the kernel',
    ['run', '--kernel', linux, '--memory', '32M', '--initrd', folder.file(new Uint8Array(30 * MEBIBYTE))],
    /the initrd of 30M does not fit .*; give the machine at least 48M of memory$/,
  ],
  ['1 KiB of memory', ['run', '--kernel', kernel, '--memory', '1K'], /--memory: 1K is too little memory; give from 1M to 2G$/],
  ['8 GiB of memory', ['run', '--kernel', kernel, '--memory', '8G'], /--memory: 8G is too much memory; give from 1M to 2G$/],
  ['a statistics file in no folder', ['run', '--kernel', kernel, '--stats', '/no/such/folder/f'], /--stats .* does not exist/],
  ['a bad expression', ['run', '--kernel', kernel, '--expect', '('], /--expect is no regular expression: /],
]

describe.concurrent('one line and status 1 for', () => {
  it.each(cases)('%s', async (_what, argv, message) => {
    const { status, stdout, stderr } = await tabpc(argv)
    expect(stderr).toMatch(/^tabpc: [^\n]+; [^\n]+\n$/)
    expect(stderr.trimEnd()).toMatch(message)
    expect(stdout).toBe('')
    expect(status).toBe(1)
  })
})
