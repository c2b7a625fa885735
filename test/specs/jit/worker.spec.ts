/** The compile worker: requests and replies, its failures, sharing, and that it neither leaks nor holds the process. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { CompileRequest } from '../../../jit/compile.ts'
import { answer } from '../../../jit/worker/compile-service.ts'
import type { ReadyCode, WorkerReply, WorkerRequest } from '../../../jit/worker/messages.ts'
import {
  type CompileWorkerEvents, CompilerGone, type StartWorker, WorkerCompiler,
} from '../../../jit/worker/worker-compiler.ts'
import { ModeBit } from '../../../runtime/state.ts'
import { createMachine } from '../../../src/node/machine.ts'
import { SharedCompiler, threadStarter } from '../../../src/node/compiler.ts'

const PAGE = 0x1000
const root = fileURLToPath(new URL('../../../', import.meta.url))
const script = new URL('../../../build/compile-worker.js', import.meta.url)

/** A request for `bytes` at the start of page 0x1000. */
function request(bytes: readonly number[]): CompileRequest {
  const page = new Uint8Array(PAGE).fill(0xf4)
  page.set(bytes)
  const mode = ModeBit.Code32 | ModeBit.Stack32 | ModeBit.Flat
  return { entry: PAGE, mode, pages: [{ linear: PAGE, physical: PAGE, bytes: page }] }
}

/** inc eax; jmp to itself: a region of two instructions. */
const COUNT = [0x40, 0xeb, 0xfd]
const HLT = [0xf4]

/** A worker that does nothing by itself. */
class IdleWorker {
  readonly posted: WorkerRequest[] = []
  events: CompileWorkerEvents | undefined
  starts = 0
  terminations = 0
  readonly start: StartWorker = events => {
    this.starts++
    this.events = events
    return { post: message => this.posted.push(message), terminate: () => this.terminations++ }
  }

  reply(reply: WorkerReply): void {
    this.events?.onReply(reply)
  }
}

const code: ReadyCode = {
  module: new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)), codeBytes: 8, instructions: 1, spans: [],
  milliseconds: 1, name: 'region0',
}

describe('the compile service', () => {
  it('gives a module and what must be watched', () => {
    const reply = answer({ id: 3, requests: [request(COUNT)] })
    const ready = reply.regions[0] as ReadyCode
    expect(reply.id).toBe(3)
    expect(ready.instructions).toBe(2)
    expect(ready.spans.at(0)?.[0]).toBe(PAGE)
    expect(ready.spans.at(-1)?.[1]).toBe(PAGE + COUNT.length)
    expect(ready.codeBytes).toBeGreaterThan(0)
    expect(WebAssembly.Module.exports(ready.module)).toEqual([{ name: ready.name, kind: 'function' }])
  })

  it('gives nothing for an instruction that is left to the interpreter', () => {
    expect(answer({ id: 1, requests: [request(HLT)] })).toEqual({ id: 1, regions: [undefined] })
  })

  it('tells of a fault instead of throwing it', () => {
    const broken = { ...request(COUNT), pages: undefined } as unknown as CompileRequest
    expect(answer({ id: 4, requests: [broken] })).toEqual({ id: 4, regions: [{ failure: expect.stringMatching(/.+/) }] })
  })

  it('compiles several into one module, whatever becomes of each', () => {
    const broken = { ...request(COUNT), pages: undefined } as unknown as CompileRequest
    const { regions } = answer({ id: 5, requests: [request(COUNT), broken, request(HLT), request(COUNT)] })
    const [first, second, third, fourth] = regions as [ReadyCode, { failure: string }, undefined, ReadyCode]
    expect([second.failure, third]).toEqual([expect.stringMatching(/.+/), undefined])
    expect(fourth.module).toBe(first.module)
    expect(WebAssembly.Module.exports(first.module).map(({ name }) => name)).toEqual([first.name, fourth.name])
    expect(first.codeBytes).toBe(fourth.codeBytes)
  })
})

describe('WorkerCompiler', () => {
  it('starts no worker before the first request, and only one', () => {
    const idle = new IdleWorker()
    const compiler = new WorkerCompiler(idle.start)
    expect(idle.starts).toBe(0)
    void compiler.compile(request(COUNT))
    void compiler.compile(request(COUNT))
    expect(idle.starts).toBe(1)
    expect(idle.posted.map(({ id }) => id)).toEqual([1, 2])
  })

  it('gathers requests while two messages are under way, and settles each by its place in a reply, in any order', async () => {
    const idle = new IdleWorker()
    const compiler = new WorkerCompiler(idle.start)
    const outcomes = Array.from({ length: 5 }, () => compiler.compile(request(COUNT)))
    expect(idle.posted.map(({ requests }) => requests.length)).toEqual([1, 1])
    idle.reply({ id: 2, regions: [code] })
    expect(idle.posted.map(({ requests }) => requests.length)).toEqual([1, 1, 3])
    idle.reply({ id: 3, regions: [undefined, { failure: 'no such thing' }, code] })
    idle.reply({ id: 1, regions: [undefined] })
    idle.reply({ id: 99, regions: [code] })
    expect(await outcomes[0]).toBeUndefined()
    expect(await outcomes[1]).toBe(code)
    expect(await outcomes[2]).toBeUndefined()
    await expect(outcomes[3]).rejects.toThrow('no such thing')
    await expect(outcomes[3]).rejects.not.toBeInstanceOf(CompilerGone)
    expect(await outcomes[4]).toBe(code)
    expect(compiler.running).toBe(true)
  })

  it('rejects all that is under way and all that comes when the worker is gone', async () => {
    const idle = new IdleWorker()
    const compiler = new WorkerCompiler(idle.start)
    const first = compiler.compile(request(COUNT))
    idle.events?.onGone(new Error('out of memory'))
    await expect(first).rejects.toBeInstanceOf(CompilerGone)
    await expect(compiler.compile(request(COUNT))).rejects.toThrow('out of memory')
    expect(idle.starts).toBe(1)
    expect(compiler.running).toBe(false)
  })

  it('rejects when no worker can be started', async () => {
    const compiler = new WorkerCompiler(() => {
      throw new Error('no threads here')
    })
    await expect(compiler.compile(request(COUNT))).rejects.toBeInstanceOf(CompilerGone)
  })

  it('ends the worker once when it is disposed of', async () => {
    const idle = new IdleWorker()
    const compiler = new WorkerCompiler(idle.start)
    const first = compiler.compile(request(COUNT))
    compiler.dispose()
    compiler.dispose()
    expect(idle.terminations).toBe(1)
    await expect(first).rejects.toBeInstanceOf(CompilerGone)
  })
})

describe('the thread', () => {
  it('compiles, several requests at once', async () => {
    const compiler = new WorkerCompiler(threadStarter(script))
    try {
      const outcomes = await Promise.all([COUNT, HLT, COUNT].map(bytes => compiler.compile(request(bytes))))
      expect(outcomes.map(outcome => outcome?.instructions)).toEqual([2, undefined, 2])
      expect(outcomes[0]?.module).toBeInstanceOf(WebAssembly.Module)
    } finally {
      compiler.dispose()
    }
  })

  it('is gone when its script is missing', async () => {
    const compiler = new WorkerCompiler(threadStarter(new URL('nowhere.js', script)))
    await expect(compiler.compile(request(COUNT))).rejects.toBeInstanceOf(CompilerGone)
  })

  it('does not keep the process alive', () => {
    const compiler = pathToFileURL(`${root}src/node/compiler.ts`).href
    const program = `
      const { SharedCompiler, threadStarter } = await import(${JSON.stringify(compiler)})
      const share = new SharedCompiler(threadStarter(new URL(${JSON.stringify(script.href)}))).share()
      const pages = [{ linear: 4096, physical: 4096, bytes: new Uint8Array(4096).fill(0x40) }]
      const patience = setTimeout(() => console.log('no reply'), 30_000)
      const code = await share.compile({ entry: 4096, mode: ${ModeBit.Code32 | ModeBit.Stack32 | ModeBit.Flat}, pages })
      clearTimeout(patience)
      console.log(code.instructions > 0)`
    const options = { cwd: root, encoding: 'utf8', timeout: 50_000 } as const
    const { stdout, status } = spawnSync(
      process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], options,
    )
    expect({ stdout, status }).toEqual({ stdout: 'true\n', status: 0 })
  })
})

describe('SharedCompiler', () => {
  it('hands one worker to all, and ends it with the last share', async () => {
    const idle = new IdleWorker()
    const shared = new SharedCompiler(idle.start)
    const shares = Array.from({ length: 100 }, () => shared.share())
    for (const share of shares) (share.compile(request(COUNT)) as Promise<unknown>).catch(() => undefined)
    expect(idle.starts).toBe(1)
    for (const share of shares.slice(1)) share.release()
    shares[1].release()
    expect(shared.running).toBe(true)
    shares[0].release()
    expect(shared.running).toBe(false)
    expect(idle.terminations).toBe(1)
    const late = shared.share()
    const lost = late.compile(request(COUNT)) as Promise<unknown>
    expect(idle.starts).toBe(2)
    late.release()
    await expect(lost).rejects.toBeInstanceOf(CompilerGone)
  })

  it('ends its thread, and starts none for machines that never get hot', async () => {
    const held = () => process.getActiveResourcesInfo().filter(name => name === 'MessagePort').length
    const before = held()
    for (let i = 0; i < 100; i++) createMachine({ memoryBytes: 1 << 20, clock: 'virtual', jit: true }).dispose()
    expect(held()).toBe(before)
    const shared = new SharedCompiler(threadStarter(script))
    const shares = Array.from({ length: 10 }, () => shared.share())
    await Promise.all(shares.map(share => share.compile(request(COUNT))))
    expect(shared.running).toBe(true)
    for (const share of shares) share.release()
    expect(shared.running).toBe(false)
    await expect.poll(held).toBe(before)
  })
})
