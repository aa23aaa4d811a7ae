import type { AgentRuntime } from "../Agents.ts"
import type { Apply } from "../Apply.ts"
import type { Approvals } from "../Approvals.ts"
import type { DeliveryDesk } from "../Delivery.ts"
import type { runByHand } from "../RunByHand.ts"
import { errorsOf } from "./Failures.ts"
import type { Operations } from "./Operation.ts"
import * as samples from "./Samples.ts"

const weekly = `schedule {
  name: "weekly"
  agent: "reporter"
  cron: "0 9 * * MON"
}
`

/** Runs that wait for a person. */
export const approvals: Operations = {
  list: {
    description:
      "Approvals, newest first: those that wait, unless `state` names another state or `all`. The next page is in the `Link` header.",
    errors: errorsOf<Approvals["Type"]["list"]>({}),
    answer: [samples.approval]
  },
  get: {
    description: "An approval: what would run, with which input, who may decide and until when.",
    errors: errorsOf<Approvals["Type"]["get"]>({ ApprovalNotFound: true }),
    answer: samples.approval
  },
  approve: {
    description:
      "Lets the run go on. The body may be left out. It is bound to the job's definition and the run's input: a change of either voids it. Only the approvers may decide where the policy names some.",
    errors: errorsOf<Approvals["Type"]["approve"]>({
      ApprovalNotFound: true,
      ApprovalClosed: true,
      NotAnApprover: true
    }),
    body: { schema: "Verdict", example: { reason: "Checked the change log" } },
    answer: samples.decided("approved", "Checked the change log")
  },
  deny: {
    description: "Ends the run as `denied` without waking its agent. The body may be left out.",
    errors: errorsOf<Approvals["Type"]["deny"]>({ ApprovalNotFound: true, ApprovalClosed: true, NotAnApprover: true }),
    body: { schema: "Verdict", example: { reason: "Not during the sale" } },
    answer: samples.decided("denied", "Not during the sale")
  }
}

/** What goes to channels. */
export const deliveries: Operations = {
  list: {
    description: "Deliveries, newest first; the filters combine, and the next page is in the `Link` header.",
    errors: errorsOf<DeliveryDesk["list"]>({ JobNotFound: true, JobUnreadable: true }),
    answer: [samples.listedDelivery]
  },
  get: {
    description: "A delivery: where it goes, how often it was tried and what went wrong last.",
    errors: errorsOf<DeliveryDesk["find"]>({ DeliveryNotFound: true }),
    answer: samples.listedDelivery
  },
  redeliver: {
    description:
      "Makes a delivery due now, whatever its state, with all its attempts before it. Its id stays, so a receiver can tell that it has it already.",
    errors: errorsOf<DeliveryDesk["redeliver"]>({ DeliveryNotFound: true }),
    answer: {
      ...samples.listedDelivery,
      state: "pending",
      attempts: 0,
      next_attempt_at: "2026-02-15T13:30:00.000Z",
      delivered_at: null
    }
  },
  redeliverAll: {
    description:
      "The same for all deliveries that were refused (`failed`) or ran out of attempts (`dead`), of one channel or one job if the body names them.",
    errors: errorsOf<DeliveryDesk["redeliverAll"]>({ JobNotFound: true, JobUnreadable: true }),
    body: { schema: "RedeliverRequest", example: { state: "dead", channel: "webhook" } },
    answer: { count: 2 }
  }
}

/** What may be spent. */
export const budgets: Operations = {
  list: {
    description:
      "How far each budget is spent in its present day or month; jobs that spent nothing lately are left out.",
    answer: [samples.budgetLine]
  }
}

/** Agents. */
export const agents: Operations = {
  list: {
    description:
      "The agents that this service knows, from its `agents` folder or from code. Values of `env` are redacted.",
    answer: [samples.agent]
  },
  get: {
    description: "One agent's definition.",
    errors: errorsOf<AgentRuntime["Type"]["find"]>({ AgentNotFound: true }),
    answer: samples.agent
  },
  run: {
    description:
      "Runs an agent by hand and waits for its answer, at most `[scheduler] default_max_runtime`: no job, no run is stored, but the audit log tells of it and the agent's budget counts it.",
    errors: [
      ...errorsOf<AgentRuntime["Type"]["find"]>({ AgentNotFound: true }),
      ...errorsOf<typeof runByHand>({ AgentFailure: true })
    ],
    own: ["SHUTTING_DOWN"],
    body: { schema: "RunRequest", example: { input: "Check production database" } },
    answer: samples.agentAnswer
  }
}

/** Jobs as files. */
export const files: Operations = {
  apply: {
    description: `Brings jobs in line with the schedules of \`.symbi\` files, all of them or, with any error, none: new blocks create, changed ones update, and jobs whose blocks are gone are paused (with \`prune\` deleted). Up to 64 MiB.

With \`dry_run\` nothing is stored; the answer says what would change, with slots before and after.`,
    errors: errorsOf<Apply["apply"]>({ FilesRefused: true, JobUnreadable: true }),
    body: {
      schema: "ApplyRequest",
      example: { files: [{ path: "/srv/team/reports.symbi", text: weekly }], dry_run: true }
    },
    answer: samples.applied
  },
  export: {
    description:
      "All jobs as the text of one `.symbi` file, or with `format=json` as an array of definitions. What refers to variables stays as written.",
    answer: `schedule {
  name: "daily-report"
  agent: "reporter"
  cron: "0 9 * * *"
  timezone: "Europe/Berlin"
}
`
  }
}
