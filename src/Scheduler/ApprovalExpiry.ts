import type { Approval } from "../Domain/Approval.ts"
import { durationMillis } from "../Domain/Duration.ts"
import type { AllowedHours, Policy } from "../Domain/Policy.ts"
import { withinHours } from "../PolicyGate.ts"

/** How long an approval waits where the policy does not say, in ms. */
const defaultTimeout = 86_400_000

/** The longest window, on the longest day of any zone, in ms. */
const longestWindow = 26 * 3_600_000

const minute = 60_000

/**
 * The end of the window that `now` lies in, UTC ms; null for none before `limit`. A walk, minute by minute: where the
 * clock is set back, a window can end in its midst, or go on in the repeated hour.
 */
const endOf = (hours: AllowedHours, now: number, limit: number): number | null => {
  const last = Math.min(limit, now + longestWindow)
  for (let at = now - (now % minute) + minute; at <= last; at += minute) {
    if (!withinHours(hours, at)) return at
  }
  return null
}

/** When a wait that begins now is over: after the time-out, or with the hours in which the run is allowed. */
export const expiryUnder = (
  policies: ReadonlyArray<Policy>,
  now: number
): Pick<Approval, "expires_at" | "expires_by" | "approval_default"> => {
  const timeouts = policies.flatMap(({ approval_timeout: asked }) =>
    asked === undefined ? [] : [durationMillis(asked)]
  )
  const timeout = now + (timeouts.length === 0 ? defaultTimeout : Math.min(...timeouts))
  const ends = policies.flatMap(({ allowed_hours: hours }) =>
    hours === undefined ? [] : (endOf(hours, now, timeout) ?? [])
  )
  const end = Math.min(...ends)
  const asking = policies.filter((policy) => policy.require_approval === true)
  const approval_default =
    asking.length > 0 && asking.every((policy) => policy.approval_default === "allow") ? "allow" : "deny"
  return end < timeout
    ? { expires_at: end, expires_by: "allowed_hours", approval_default }
    : { expires_at: timeout, expires_by: "approval_timeout", approval_default }
}
