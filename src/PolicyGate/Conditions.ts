import type { Job } from "../Domain/Job.ts"
import type { AllowedHours, DenialCode, Policy, PolicyDecision } from "../Domain/Policy.ts"
import type { PolicyContext } from "../PolicyGate.ts"

const allow: PolicyDecision = { _tag: "Allow" }
const deny = (code: DenialCode, reason: string): PolicyDecision => ({ _tag: "Deny", code, reason })

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))

const clockFormats = new Map<string, Intl.DateTimeFormat>()

const localClock = (now: number, timezone: string): string => {
  let format = clockFormats.get(timezone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: timezone,
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23"
    })
    clockFormats.set(timezone, format)
  }
  return format.format(now)
}

/** Whether an instant (UTC ms) lies in the window: start inclusive, end exclusive, across midnight if end is before start. */
export const withinHours = (hours: AllowedHours, now: number): boolean => {
  const minute = minutesOf(localClock(now, hours.timezone ?? "UTC"))
  const start = minutesOf(hours.start)
  const end = minutesOf(hours.end)
  return start < end ? start <= minute && minute < end : minute >= start || minute < end
}

/** The decision on whatever one policy holds for; pure. */
export const conditions = (policy: Policy, context: PolicyContext): PolicyDecision => {
  const environments = policy.allowed_environments
  if (environments !== undefined && !environments.includes(context.environment)) {
    return deny(
      "allowed_environments",
      `the environment is ${context.environment}; allowed: ${environments.join(", ") || "none"}`
    )
  }
  const hours = policy.allowed_hours
  if (hours !== undefined && !withinHours(hours, context.now)) {
    const zone = hours.timezone ?? "UTC"
    const now = localClock(context.now, zone)
    return deny("allowed_hours", `it is ${now} ${zone}; allowed from ${hours.start} until before ${hours.end} ${zone}`)
  }
  const held = context.agent?.capabilities ?? []
  const missing = policy.require_capabilities?.find((capability) => !held.includes(capability))
  if (missing !== undefined) {
    return deny("require_capabilities", `agent "${context.agent?.id}" lacks the capability "${missing}"`)
  }
  const identity = context.identity
  if (policy.require_agent_pin === true && identity?.result !== "verified") {
    return deny("agent_pin", identity === null ? "no credential was verified" : `${identity.code}: ${identity.detail}`)
  }
  if (policy.require_approval === true && context.approval === null) {
    return { _tag: "RequireApproval", approvers: policy.approvers ?? [] }
  }
  return allow
}

const none: ReadonlyArray<Policy> = []

/** The policies that hold for a job: the one it names, if that is provided, and its own. */
export const policiesOf = (job: Job, policies: ReadonlyMap<string, Policy>): ReadonlyArray<Policy> => {
  if (job.policy === undefined && job.policy_ref === undefined) return none
  const named = job.policy_ref === undefined ? undefined : policies.get(job.policy_ref)
  return [named, job.policy].filter((policy) => policy !== undefined)
}

/** The decision on a job, by its own policy and the one it names; pure. */
export const decide = (job: Job, context: PolicyContext, policies: ReadonlyMap<string, Policy>): PolicyDecision => {
  if (context.agent === null) return deny("unknown_agent", `no agent named "${job.agent_id}" is loaded`)
  if (job.policy_ref !== undefined && !policies.has(job.policy_ref)) {
    return deny("unknown_policy", `no policy named "${job.policy_ref}" is provided`)
  }
  const held = policiesOf(job, policies)
  if (held.length === 0) return allow
  const decisions = held.map((policy) => conditions(policy, context))
  const asking = decisions.filter((decision) => decision._tag === "RequireApproval")
  return decisions.find((decision) => decision._tag === "Deny") ?? bothApprove(asking)
}

/** One person must satisfy all that ask: where several name approvers, those whom each of them names. */
const bothApprove = (
  asking: ReadonlyArray<Extract<PolicyDecision, { readonly _tag: "RequireApproval" }>>
): PolicyDecision => {
  const [first, ...rest] = asking.filter(({ approvers }) => approvers.length > 0)
  if (asking.length === 0) return allow
  if (first === undefined) return { _tag: "RequireApproval", approvers: [] }
  const approvers = first.approvers.filter((name) => rest.every((other) => other.approvers.includes(name)))
  return approvers.length === 0
    ? deny("approval", "the policies that hold for the job name no approver in common")
    : { _tag: "RequireApproval", approvers }
}
