/** What a caller says about a saved PC's machine (saved-pc.ts); only what is given is compared. */
export interface Expected {
  readonly memoryBytes?: number
  readonly cpu?: string
  readonly clock?: 'wall' | 'virtual'
}
