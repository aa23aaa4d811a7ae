import { type Checked, passed, quote, refuse } from "./Refusal.ts"

const parts = (capability: string): readonly [action: string, resource: string] | undefined => {
  const colon = capability.indexOf(":")
  return colon < 1 || colon === capability.length - 1
    ? undefined
    : [capability.slice(0, colon), capability.slice(colon + 1)]
}

/**
 * Whether a held capability `action:resource` covers an asked one: the same, or `*` for the resource, or a resource
 * that goes on after a dot. `admin` is never covered by a wildcard (specification, 10.3); no colon covers nothing.
 */
export const covers = (held: string, asked: string): boolean => {
  const [action, resource] = parts(held) ?? []
  const [askedAction, askedResource] = parts(asked) ?? []
  if (action === undefined || resource === undefined || askedResource === undefined) return false
  if (action !== askedAction) return false
  if (action === "admin" && (resource === "*" || askedResource === "*")) return false
  return resource === "*" || resource === askedResource || askedResource.startsWith(`${resource}.`)
}

/** The first asked capability that no held one covers. */
export const firstUncovered = (held: ReadonlyArray<string>, asked: ReadonlyArray<string>): string | undefined =>
  asked.find((one) => !held.some((other) => covers(other, one)))

/** Whether the credential claims no more than its agent is declared with, and as much as the job asks for. */
export const checkCapabilities = (
  claimed: ReadonlyArray<string>,
  declared: ReadonlyArray<string>,
  demanded: ReadonlyArray<string>
): Checked<void> => {
  const exceeding = firstUncovered(declared, claimed)
  if (exceeding !== undefined) {
    return refuse("CAPABILITY_EXCEEDED", `the domain declares no capability that covers ${quote(exceeding)}`)
  }
  // Names without a colon are capabilities of the scheduler's own agents; no credential can hold them.
  const lacking = firstUncovered(
    claimed,
    demanded.filter((name) => name.includes(":"))
  )
  return lacking === undefined
    ? passed
    : refuse("CAPABILITY_EXCEEDED", `the job needs ${quote(lacking)}, which the credential does not hold`)
}
