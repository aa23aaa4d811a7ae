/** How many deliveries are remembered; the oldest is forgotten first, and then sent to all of its recipients again. */
const maxDeliveries = 1_000

/** Who has taken a delivery that others of its recipients have not; addresses are in the form in which they are compared. */
export const makeTaken = () => {
  const byDelivery = new Map<string, ReadonlySet<string>>()
  const forget = (id: string): void => void byDelivery.delete(id)
  return {
    of: (id: string): ReadonlySet<string> => byDelivery.get(id) ?? new Set(),
    add: (id: string, forms: Iterable<string>): void => {
      const all = new Set([...(byDelivery.get(id) ?? []), ...forms])
      forget(id)
      byDelivery.set(id, all)
      for (const oldest of byDelivery.keys()) {
        if (byDelivery.size <= maxDeliveries) break
        forget(oldest)
      }
    },
    forget
  }
}
