/** What the driver said, below what wraps it. */
export const detailOf = (cause: unknown): string =>
  cause instanceof Error ? (cause.cause instanceof Error ? detailOf(cause.cause) : cause.message) : String(cause)
