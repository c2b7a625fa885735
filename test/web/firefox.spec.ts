/** The demo site in Firefox: Debian boots from its card, its shell answers what is typed, and it is saved and goes on. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startDemoSite } from '../../src/node/demo-site.ts'
import { hasFirmware, hasGuest, guestFolder, root } from './browser.ts'
import { Firefox, firefoxPath } from './firefox.ts'

const pictures = join(root, 'build/pictures')
const patience = 240_000

const absent = firefoxPath ? undefined : 'Firefox is not installed (apt-get install firefox-esr)'
if (absent) console.warn(`specs in Firefox are skipped: ${absent}`)

describe.skipIf(absent ?? !(hasFirmware && hasGuest))('Firefox', () => {
  it.each([['with isolation', true], ['without isolation', false]] as const)('boots Debian %s, answers, saves and goes on', async (name, isolated) => {
    const site = await startDemoSite({
      isolated,
      guests: [{
        id: 'debian', name: 'Debian', about: '', shows: 'serial', cmdline: 'console=tty0 console=ttyS0 mitigations=off cryptomgr.notests nokaslr',
        files: { kernel: join(guestFolder, 'vmlinuz'), initrd: join(guestFolder, 'initrd.gz') },
      }],
    })
    const firefox = await Firefox.launch(1280, 800)
    try {
      await firefox.open(`${site.origin}/?guest=debian`)
      await firefox.evaluate(`
        window.complaints = []
        addEventListener('error', event => complaints.push(event.message))
        addEventListener('unhandledrejection', event => complaints.push(String(event.reason)))
        const until = async (look) => { for (let i = 0; i < 4000; i++) { const found = look(); if (found) return found; await new Promise(done => setTimeout(done, 50)) } throw new Error('it does not come') }
        window.until = until
        window.serial = () => document.querySelector('tabpc-screen')?.pc?.serial[0].text() ?? ''
        await until(() => serial().includes('GUEST-READY'))
        await until(() => /~# /.test(serial()))`)
      const state = await firefox.evaluate<{ isolated: boolean, mips: number }>(`
        const { pc } = document.querySelector('tabpc-screen')
        return { isolated: crossOriginIsolated, mips: (await pc.stats()).mips }`)
      expect(state.isolated).toBe(isolated)
      await firefox.evaluate("document.querySelector('#terminal textarea').focus()")
      await firefox.type('echo $((6 * 7)) answers, "$(uname -m)"\n')
      await firefox.evaluate("await until(() => serial().includes('42 answers, i686'))")
      const { exec } = await firefox.evaluate<{ exec: { output: string, status: number } }>(`
        const { pc } = document.querySelector('tabpc-screen')
        return { exec: await pc.exec('KEPT=yes; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo $i; false', { timeout: ${patience} }) }`)
      expect(exec).toEqual({ output: '20000\n', status: 1 })
      mkdirSync(pictures, { recursive: true })
      writeFileSync(join(pictures, `firefox ${name}.png`), await firefox.screenshot())
      const resumed = await firefox.evaluate<{ output: string, complaints: string[] }>(`
        const element = document.querySelector('tabpc-screen')
        element.shadowRoot.querySelector('[part~=save]').click()
        await until(() => !document.getElementById('toast').hidden)
        document.getElementById('leave').click()
        const card = await until(() => document.querySelector('#saved-cards .card'))
        card.click()
        const pc = await until(() => document.querySelector('tabpc-screen')?.pc)
        await until(() => pc.state === 'running')
        const { output } = await pc.exec('echo $KEPT', { timeout: ${patience} })
        return { output, complaints }`)
      expect(resumed).toEqual({ output: 'yes\n', complaints: [] })
    } finally {
      await firefox.close()
      await site.close()
    }
  })
})
