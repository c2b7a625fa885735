/** Starts a module worker, from another origin too, where its script may be read. */

/** An address on another origin cannot be a worker's script, but a script of this origin may import it. */
export function startWorker(url: string, name: string): Worker {
  const here = globalThis.location?.origin
  if (here === undefined || here === 'null' || new URL(url).origin === here) return new Worker(url, { type: 'module', name })
  const loader = URL.createObjectURL(new Blob([`import ${JSON.stringify(url)}`], { type: 'text/javascript' }))
  const worker = new Worker(loader, { type: 'module', name })
  // The worker has its script once it says something or fails.
  const release = () => URL.revokeObjectURL(loader)
  worker.addEventListener('message', release, { once: true })
  worker.addEventListener('error', release, { once: true })
  return worker
}
