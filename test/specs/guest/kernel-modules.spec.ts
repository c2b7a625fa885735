/** The choice of kernel modules and their dependencies. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  builtinNames,
  loadOrder,
  type ModuleInfo,
  moduleInfo,
  moduleName,
  modulesAlias,
  modulesDep,
  readModinfo,
} from '../../../tools/guest/kernel-modules.ts'
import { makeModule } from './make-package.ts'

const module = (name: string, depends: string[] = [], rest: Partial<ModuleInfo> = {}): ModuleInfo => ({
  name,
  path: `kernel/${name}.ko`,
  depends,
  softDepends: [],
  aliases: [],
  ...rest,
})
const none = new Set<string>()
const names = (order: ModuleInfo[]): string[] => order.map(({ name }) => name)

describe('what a module says about itself', () => {
  it('is read from its .modinfo section', () => {
    const elf = makeModule([
      'license=GPL',
      'alias=fs-ext4',
      'depends=jbd2,crc-x',
      'softdep=pre: crc32c post: later',
      'empty=',
    ])
    expect(readModinfo(elf, 'm')).toContainEqual(['license', 'GPL'])
    expect(moduleInfo(elf, 'kernel/fs/ext4-x.ko.xz')).toEqual({
      name: 'ext4_x',
      path: 'kernel/fs/ext4-x.ko.xz',
      depends: ['jbd2', 'crc_x'],
      softDepends: ['crc32c'],
      aliases: ['fs-ext4'],
    })
  })

  it('reads a module without dependencies', () => {
    expect(moduleInfo(makeModule(['depends=']), 'a.ko').depends).toEqual([])
  })

  it.each([
    ['a text', new TextEncoder().encode('not a module at all, just some text that is long enough to hold a header')],
    ['an empty file', new Uint8Array()],
    ['a 64-bit module', makeModule([]).map((byte, index) => (index === 4 ? 2 : byte))],
    ['a cut module', makeModule(['depends=a']).subarray(0, 60)],
  ])('refuses %s', (_what, bytes) => {
    expect(() => readModinfo(bytes, 'x.ko')).toThrow(/x\.ko is not a 32-bit kernel module/)
  })

  it('names modules as lsmod does', () => {
    expect(moduleName('kernel/drivers/net/ne2k-pci.ko.xz')).toBe('ne2k_pci')
    expect([...builtinNames('kernel/a-b.ko\nkernel/c/d.ko\n')]).toEqual(['a_b', 'd'])
  })
})

describe('load order', () => {
  it('puts dependencies first and each module once', () => {
    const all = [
      module('ext4', ['jbd2', 'mbcache']),
      module('jbd2', ['crc']),
      module('mbcache'),
      module('crc'),
      module('other'),
    ]
    expect(names(loadOrder(['ext4', 'crc'], all, none))).toEqual(['crc', 'jbd2', 'mbcache', 'ext4'])
  })

  it('leaves out what is linked into the kernel', () => {
    expect(names(loadOrder(['evdev', 'a'], [module('a', ['core'])], new Set(['evdev', 'core'])))).toEqual(['a'])
  })

  it('takes the generic one of several modules that serve an alias', () => {
    const all = [
      module('crc32c_intel', [], { aliases: ['crc32c'] }),
      module('crc32c_generic', [], { aliases: ['crc32c'] }),
      module('crc32c_other', [], { aliases: ['crc32c'] }),
      module('fs', [], { softDepends: ['crc32c', 'not-there'] }),
    ]
    expect(names(loadOrder(['fs'], all, none))).toEqual(['crc32c_generic', 'fs'])
  })

  it('lets soft dependencies point at each other', () => {
    const all = [module('a', [], { softDepends: ['b'] }), module('b', ['a'])]
    expect(names(loadOrder(['b'], all, none))).toEqual(['a', 'b'])
  })

  it('names a missing module and who needs it', () => {
    expect(() => loadOrder(['ghost'], [], none)).toThrow(/the guest wants ghost/)
    expect(() => loadOrder(['a'], [module('a', ['ghost'])], none)).toThrow(/module a needs ghost/)
  })

  it('names a cycle', () => {
    const all = [module('a', ['b']), module('b', ['c']), module('c', ['b'])]
    expect(() => loadOrder(['a'], all, none)).toThrow('kernel modules need each other: b -> c -> b')
  })

  it('holds for any graph without cycles', () => {
    const graph = fc
      .integer({ min: 1, max: 12 })
      .chain(count => fc.tuple(...Array.from({ length: count }, (_, index) => fc.subarray([...Array(index).keys()]))))
    fc.assert(
      fc.property(graph, fc.infiniteStream(fc.boolean()), (edges, coins) => {
        const all = edges.map((depends, index) =>
          module(
            `m${index}`,
            depends.map(each => `m${each}`),
          ),
        )
        const wanted = all.filter(() => coins.next().value).map(({ name }) => name)
        const order = loadOrder(wanted, [...all].reverse(), none)
        const found = names(order)
        expect(new Set(found).size).toBe(found.length)
        expect(found).toEqual(expect.arrayContaining(wanted))
        for (const { name, depends } of order) {
          for (const each of depends) {
            expect(found).toContain(each)
            expect(found.indexOf(each)).toBeLessThan(found.indexOf(name))
          }
        }
      }),
    )
  })
})

describe('files for modprobe', () => {
  const order = loadOrder(
    ['top'],
    [
      module('top', ['middle'], { softDepends: ['soft'] }),
      module('middle', ['base']),
      module('base'),
      module('gen', [], { aliases: ['soft'] }),
    ],
    none,
  )

  it('lists all that comes before, the deepest last', () => {
    const top = modulesDep(order)
      .split('\n')
      .find(line => line.startsWith('kernel/top.ko:'))
    expect(top).toBe('kernel/top.ko: kernel/gen.ko kernel/middle.ko kernel/base.ko')
    expect(modulesDep(order)).toContain('kernel/base.ko:\n')
  })

  it('lists aliases', () => {
    expect(modulesAlias(order)).toBe('alias soft gen\n')
  })
})
