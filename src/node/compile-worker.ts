/** The compile worker as a Node thread (build/compile-worker.js); started by compiler.ts. */
import { parentPort } from 'node:worker_threads'
import { answer } from '../../jit/worker/compile-service.ts'
import type { WorkerRequest } from '../../jit/worker/messages.ts'

parentPort?.on('message', (message: WorkerRequest) => parentPort?.postMessage(answer(message)))
