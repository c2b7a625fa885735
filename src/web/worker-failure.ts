/** Why a worker did not start: browsers do not say, so its script is fetched once more and looked at. */
import { PCError } from '../errors.ts'
import { ownFileHint, request } from '../fetch-problem.ts'

const LONGEST_LOOK_MILLISECONDS = 4000
/** Statuses that say that a file is not there; others are known of servers that do not like the question. */
const GONE = [404, 410]

/** The error for a worker whose `error` event came before or after it has started. */
export async function explainWorkerFailure(url: string, { message }: Pick<ErrorEvent, 'message'>): Promise<PCError> {
  // A script that runs has a message of its own.
  if (message) return new PCError('worker', `the machine's worker has crashed: ${message}`, 'please report it')
  try {
    const response = await request(url, { hint: ownFileHint, signal: AbortSignal.timeout(LONGEST_LOOK_MILLISECONDS) })
    await response.body?.cancel()
    const type = response.headers.get('content-type') ?? ''
    if (!/javascript|ecmascript/i.test(type)) {
      return new PCError(
        'asset-type', `the worker's script '${url}' comes as '${type}' and not as JavaScript`,
        `the server answers unknown addresses with a page: ${ownFileHint}`,
      )
    }
  } catch (error) {
    if (error instanceof PCError && error.code !== 'aborted') return error
  }
  return new PCError(
    'worker', `the browser does not start the worker '${url}'`,
    "a Content Security Policy needs worker-src 'self'; on a cross-origin isolated page the script needs Cross-Origin-Embedder-Policy too",
  )
}

/**
 * Asks whether a worker's script is there, long before it is needed: a PC whose compiler is missing would run, but slowly.
 * Breaks its promise with `PCError` when it is not; a server that does not answer in time, or not to this question, is
 * left alone.
 */
export async function checkWorkerScript(url: string, signal: AbortSignal): Promise<void> {
  let response: Response
  try {
    response = await fetch(url, { method: 'HEAD', signal: AbortSignal.any([signal, AbortSignal.timeout(LONGEST_LOOK_MILLISECONDS)]) })
  } catch {
    return
  }
  if (GONE.includes(response.status))
    throw new PCError('asset-missing', `'${url}' cannot be fetched: status ${response.status}`, ownFileHint)
  const type = response.headers.get('content-type') ?? ''
  if (response.ok && /text\/html/i.test(type)) {
    throw new PCError(
      'asset-type', `the worker's script '${url}' comes as '${type}' and not as JavaScript`,
      `the server answers unknown addresses with a page: ${ownFileHint}`,
    )
  }
}
