import { assert, describe, it } from "@effect/vitest"
import { redacted, settingShown } from "../../src/AuditLog.ts"

const shown = (side: unknown) => redacted({ before: side, after: null }).before

/** A variable as definitions write it. */
const variable = `\${TOKEN}`

describe("what the audit log hides", () => {
  it("the fields of a job that hold secrets, on both sides", () => {
    const job = { name: "a", webhook_headers: { Authorization: "Bearer x" }, agent_pin_jwt: "ey.J.w" }
    const hidden = { name: "a", webhook_headers: "[redacted]", agent_pin_jwt: "[redacted]" }
    assert.deepStrictEqual<unknown>(redacted({ before: job, after: job }), { before: hidden, after: hidden })
  })

  it("no field that is not set, and nothing of other shapes", () => {
    assert.deepStrictEqual(shown({ webhook_headers: null, agent_pin_jwt: undefined }), {
      webhook_headers: null,
      agent_pin_jwt: undefined
    })
    for (const side of [null, "text", 7, ["webhook_url"], {}]) assert.deepStrictEqual(shown(side), side)
    assert.notProperty(redacted({ after: 1 }), "before")
  })

  it("what an address says beyond its host, but no variable", () => {
    const address = (webhook_url: string) => (shown({ webhook_url }) as { readonly webhook_url: string }).webhook_url
    assert.deepStrictEqual(
      [
        "https://ops.example.com",
        "https://ops.example.com/",
        "https://ops.example.com/hooks/abc?key=1#x",
        "https://ops.example.com?key=1",
        "https://user:pass@ops.example.com:8443/x",
        `https://hooks.slack.com/services/${variable}`,
        `https://${variable}@ops.example.com/${variable}`,
        variable,
        `${variable}/literal`,
        "no address"
      ].map(address),
      [
        "https://ops.example.com",
        "https://ops.example.com/",
        "https://ops.example.com/[redacted]",
        "https://ops.example.com[redacted]",
        "https://[redacted]@ops.example.com:8443/[redacted]",
        `https://hooks.slack.com/[redacted]${variable}`,
        `https://${variable}@ops.example.com/${variable}`,
        variable,
        `${variable}[redacted]`,
        "[redacted]"
      ]
    )
  })

  it("settings whose name says that they are secrets", () => {
    assert.strictEqual(settingShown("scheduler.delivery.slack_api_token", "xoxb-1"), "[redacted]")
    assert.strictEqual(settingShown("smtp_password", variable), variable)
    // What comes under this key is safe by itself, and must be seen to change.
    assert.strictEqual(settingShown("server.api_keys", "ops:[redacted]:admin"), "ops:[redacted]:admin")
    assert.strictEqual(settingShown("scheduler.max_retries", 3), 3)
    assert.strictEqual(settingShown("scheduler.timezone", "UTC"), "UTC")
  })
})
