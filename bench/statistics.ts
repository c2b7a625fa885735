/** Medians, spreads and geometric means of measured times and ratios. */

/** Middle value; the mean of the two middle ones for an even count. NaN for none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Distance from the least to the greatest value as a fraction of the median: 0 when all agree, NaN for none. */
export function spread(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  return (Math.max(...values) - Math.min(...values)) / median(values)
}

/** The n-th root of the product of n positive values. NaN for none or when one is not positive. */
export function geometricMean(values: readonly number[]): number {
  if (values.length === 0 || values.some(value => !(value > 0))) return Number.NaN
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}
