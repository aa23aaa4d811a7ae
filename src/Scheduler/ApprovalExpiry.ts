import * as Either from "effect/Either"
import type { Approval } from "../Domain/Approval.ts"
import { durationMillis } from "../Domain/Duration.ts"
import type { AllowedHours, Policy } from "../Domain/Policy.ts"
import { make } from "../Recurrence.ts"

/** How long an approval waits where the policy does not say, in ms. */
const defaultTimeout = 86_400_000

/** The end of the window that `now` lies in, UTC ms. */
const endOf = (hours: AllowedHours, now: number): number | null => {
  const [hour, minute] = hours.end.split(":").map(Number)
  const daily = make(
    { cron_expr: `${minute} ${hour} * * *`, timezone: hours.timezone ?? "UTC" },
    { name: "", anchor: now, timezone: "UTC" }
  )
  return Either.match(daily, { onLeft: () => null, onRight: (recurrence) => recurrence.next(now) })
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
  const ends = policies.flatMap(({ allowed_hours: hours }) => (hours === undefined ? [] : (endOf(hours, now) ?? [])))
  const end = Math.min(...ends)
  const asking = policies.filter((policy) => policy.require_approval === true)
  const approval_default =
    asking.length > 0 && asking.every((policy) => policy.approval_default === "allow") ? "allow" : "deny"
  return end < timeout
    ? { expires_at: end, expires_by: "allowed_hours", approval_default }
    : { expires_at: timeout, expires_by: "approval_timeout", approval_default }
}
