/** The compile worker of a page (build/web/compile-worker.js); started by the machine's worker. */
import { answer } from '../../jit/worker/compile-service.ts'
import type { WorkerRequest } from '../../jit/worker/messages.ts'

self.onmessage = ({ data }: MessageEvent<WorkerRequest>) => self.postMessage(answer(data))
