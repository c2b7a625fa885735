/** Images with some bytes wrong are refused by name or work; `npm run fuzz:images` does the same with more of them. */
import { describe, expect, it } from 'vitest'
import { randomNumbers } from '../devices/workbench.ts'
import { formats, mutate, useImage } from './mutated-images.ts'

const IMAGES = 400

describe('mutated images', () => {
  it.each(Object.keys(formats))('%s: refused by a PCError, or readable', async name => {
    const random = randomNumbers(0x5eed)
    const format = formats[name]
    const whole = format.build()
    expect(await useImage(whole, random)).toBe(false)
    let refused = 0
    for (let i = 0; i < IMAGES; i++) if (await useImage(mutate(format, whole, random), random)) refused++
    // Raw images have nothing that could be refused.
    if (name.startsWith('qcow2') || name === 'VHD') expect(refused).toBeGreaterThan(IMAGES / 20)
    else expect(refused).toBeLessThan(IMAGES / 10)
  })
})
