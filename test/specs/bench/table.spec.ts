/** The benchmark's text tables. */
import { describe, expect, it } from 'vitest'
import { formatTable } from '../../../bench/table.ts'

describe('formatTable', () => {
  it('aligns the first column left and the others right', () => {
    expect(
      formatTable(
        ['name', 'n'],
        [
          ['a', '1000'],
          ['longer', '7']
        ]
      )
    ).toBe(['name       n', '------  ----', 'a       1000', 'longer     7'].join('\n'))
  })

  it('stands without rows and leaves no blanks at line ends', () => {
    expect(formatTable(['a', 'b'], [])).toBe('a  b\n-  -')
    expect(formatTable(['a', 'b'], [['x', '']])).toBe('a  b\n-  -\nx')
  })
})
