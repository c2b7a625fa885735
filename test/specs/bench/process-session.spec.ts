/** The process of an engine under test: its serial port, its end, and the end of what it started. */
import { afterEach, describe, expect, it } from 'vitest'
import { Session, SessionFailure } from '../../../bench/process-session.ts'

/** An "engine" that is a shell script: the session cannot tell. */
function start(script: string): Session {
  session = new Session({ command: 'sh', args: ['-c', script], programs: '/nowhere' })
  return session
}

let session: Session | null = null
afterEach(async () => {
  await session?.stop()
  session = null
})

describe('Session', () => {
  it('stamps markers in order with rising times', async () => {
    const s = start('echo GUEST-READY; sleep 0.05; echo BENCH a begin; echo noise; echo BENCH a end 00000001; sleep 9')
    const events = [await s.next(5000), await s.next(5000), await s.next(5000)]
    expect(events.map(({ event }) => event.kind)).toEqual(['ready', 'begin', 'end'])
    expect(events[1].wallMs - events[0].wallMs).toBeGreaterThan(30)
  })

  it('carries input to the engine', async () => {
    const s = start('read line; echo BENCH $line begin; sleep 9')
    s.send('typed\n')
    expect((await s.next(5000)).event).toEqual({ kind: 'begin', program: 'typed' })
  })

  it('fails with the last output when the engine ends', async () => {
    const s = start('echo last words; echo complaint >&2; exit 3')
    const failure = await s.next(5000).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(SessionFailure)
    expect((failure as Error).message).toMatch(/status 3.*last words.*complaint/s)
  })

  it('fails when no marker comes in time', async () => {
    await expect(start('sleep 9').next(50)).rejects.toThrow('no marker within')
  })

  it('fails on a kernel panic at once', async () => {
    await expect(start('echo Kernel panic - not syncing; sleep 9').next(5000)).rejects.toThrow('Kernel panic')
  })

  it('fails when the command does not exist', async () => {
    session = new Session({ command: '/nowhere/engine', args: [], programs: '' })
    await expect(session.next(5000)).rejects.toThrow('cannot start /nowhere/engine')
  })

  it('ends what the engine started, too', async () => {
    const s = start('trap "" TERM; sleep 30 & echo BENCH $! begin; wait; wait')
    const { event } = await s.next(5000)
    const sleeper = Number(event.kind === 'begin' ? event.program : Number.NaN)
    await s.stop()
    const deadline = Date.now() + 3000
    const alive = () => {
      try {
        return process.kill(sleeper, 0)
      } catch {
        return false
      }
    }
    while (alive() && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20))
    expect(alive()).toBe(false)
  })
})
