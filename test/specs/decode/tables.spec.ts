/** The opcode tables: notation, no two rows for one encoding, and errors for rows that break the rules. */
import { describe, expect, it } from 'vitest'
import { compileMaps, opcodeRows } from '../../../jit/decode/opcode-maps.ts'
import { parseRow, parseTable } from '../../../jit/decode/opcode-rows.ts'

describe('opcode rows', () => {
  it('reads every part of a row', () => {
    expect(parseRow('01 ADD Ev_Gv lock')).toMatchObject({ opcode: '01', map: 0, byte: 1, lock: true, hasModrm: true })
    expect(parseRow('0F BA /5 BTS Ev_Ib lock')).toMatchObject({ opcode: '0F BA /5', map: 1, byte: 0xba, reg: 5 })
    expect(parseRow('66 0F 3A 0F PALIGNR Vdq_Wdq_Ib')).toMatchObject({ opcode: '66 0F 3A 0F', map: 3, prefix: '66' })
    expect(parseRow('D8 C0+i FADD ST0_STi')).toMatchObject({ modrm: 0xc0, modrmSpan: 8, mod: 'register' })
    expect(parseRow('0F 80+cc JCC Jz f64')).toMatchObject({ span: 16, hasCondition: true, longSize: 'f64' })
    expect(parseRow('F3 90 PAUSE')).toMatchObject({ opcode: 'F3 90', prefix: 'F3', byte: 0x90, hasModrm: false })
    expect(parseRow('00 ADD Eb_Gb').sizing).toBe('o8')
    expect(parseRow('NP 0F 12 reg MOVHLPS Vq_Uq')).toMatchObject({ opcode: 'NP 0F 12 reg', mod: 'register' })
  })

  it('refuses rows that break the notation', () => {
    expect(() => parseRow('01 ADD Ev_Xx')).toThrow('unknown operand "Xx"')
    expect(() => parseRow('01 ADD Ev_Gv fast')).toThrow('unknown attribute "fast"')
    expect(() => parseRow('ADD Ev_Gv')).toThrow('no opcode byte')
    expect(() => parseRow('01')).toThrow('ends too early')
    expect(() => parseRow('D8 40 FADD ST0_STi')).toThrow('below C0')
    expect(() => parseRow('0F 2B reg MOVNTPS Mps_Vps')).toThrow('contradicts')
  })

  it('refuses two rows for one encoding, but lets a more specific row win', () => {
    const rows = (table: string) => () => compileMaps(parseTable(table), false)
    expect(rows('01 ADD Ev_Gv\n01 OR Ev_Gv')).toThrow('claim one encoding')
    expect(rows('FF /0 INC Ev\nFF /0 DEC Ev')).toThrow('claim one encoding')
    expect(rows('01 ADD Ev_Gv\nF3 01 PAUSE')).toThrow('disagree about ModR/M')
    const maps = compileMaps(parseTable('90 NOP\n90+r XCHG rAX_Zv\nF3 90 PAUSE'), false)
    expect(maps[0][0x90]?.cells.map((entry) => entry?.mnemonic)).toEqual(['nop', 'nop', 'pause', 'nop'])
    expect(maps[0][0x91]?.cells[0]?.mnemonic).toBe('xchg')
  })

  it('names every row of a mode once', () => {
    for (const dropped of ['long', 'legacy']) {
      const names = opcodeRows.filter((row) => row.modes !== dropped).map((row) => row.opcode)
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    }
  })

  it('gives every row at least one encoding of its own', () => {
    for (const long of [false, true]) {
      const reachable = new Set<string>()
      for (const map of compileMaps(opcodeRows, long)) {
        for (const slot of map) for (const entry of slot?.cells ?? []) if (entry) reachable.add(entry.opcode)
      }
      const rows = opcodeRows.filter((row) => row.modes !== (long ? 'legacy' : 'long'))
      expect(rows.filter((row) => !reachable.has(row.opcode)).map((row) => row.opcode)).toEqual([])
    }
  })
})
