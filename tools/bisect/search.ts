/** The two searches of bisect: the first of many that matters, and the few of many that matter. Both by halving. */

/** Whether something goes wrong under a choice. */
export type Fails<Choice> = (choice: Choice) => Promise<boolean>

/** The smallest count up to `most` that fails; `most` is known to fail, and what fails goes on to fail with more. */
export async function smallestFailing(most: number, fails: Fails<number>): Promise<number> {
  let low = 0
  let high = most
  // Fails at high, and not below low.
  while (low < high) {
    const middle = (low + high) >> 1
    if (await fails(middle)) high = middle
    else low = middle + 1
  }
  return high
}

function chunks<Element>(elements: readonly Element[], count: number): Element[][] {
  const size = Math.ceil(elements.length / count)
  return Array.from({ length: Math.ceil(elements.length / size) }, (_, i) => elements.slice(i * size, (i + 1) * size))
}

/**
 * The fewest elements without which nothing fails: `fails` is asked about the elements that are taken away, and is
 * known to say no to all of them. No element of the result can be spared; another result may be as small.
 */
export async function fewestToRemove<Element>(
  elements: readonly Element[],
  fails: Fails<readonly Element[]>,
): Promise<readonly Element[]> {
  let removed = elements
  for (let pieces = 2; removed.length > 1; ) {
    const parts = chunks(removed, Math.min(pieces, removed.length))
    let smaller: readonly Element[] | undefined
    for (const part of parts) if (!smaller && part.length < removed.length && !(await fails(part))) smaller = part
    if (smaller) {
      removed = smaller
      pieces = 2
      continue
    }
    // No part is enough: what is left without one of them may be.
    for (const part of parts) {
      if (smaller || parts.length === 2) break
      const rest = removed.filter(element => !part.includes(element))
      if (!(await fails(rest))) smaller = rest
    }
    if (smaller) {
      removed = smaller
      pieces = Math.max(2, pieces - 1)
    } else if (pieces >= removed.length) break
    else pieces = Math.min(removed.length, 2 * pieces)
  }
  return removed
}
