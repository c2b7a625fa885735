/** Arrays of numbers that grow by doubling: the lists of code-watch.ts, the nodes of the compiler's module writer. */
export function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}
