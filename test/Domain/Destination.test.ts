import { assert, describe, it } from "@effect/vitest"
import { destinationOf } from "../../src/Domain/Destination.ts"

const hook = (webhook_url: string) => destinationOf("webhook", "output", { webhook_url })

describe("destinationOf", () => {
  it("is the host of a webhook, and nothing of its address that may be secret", () => {
    const secret = "/services/T0/B0/token?key=secret#x"
    const variable = (name: string) => `\${${name}}`
    assert.strictEqual(hook(`https://bob:hunter2@hooks.example:8443${secret}`), "webhook hooks.example:8443")
    assert.strictEqual(
      hook(`http://bob:hunter2@10.0.0.1:${variable("PORT")}${secret}`),
      `webhook 10.0.0.1:${variable("PORT")}`
    )
    assert.strictEqual(hook(`${variable("BASE")}${secret}`), `webhook ${variable("BASE")}`)
    assert.strictEqual(hook(`https://${variable("HOST")}${secret}`), `webhook ${variable("HOST")}`)
    assert.strictEqual(
      hook(`http://u:p@w@${variable("H")}:${variable("P")}\\a`),
      `webhook ${variable("H")}:${variable("P")}`
    )
  })

  it("is the channel where there is only one, and for alerts", () => {
    assert.strictEqual(destinationOf("slack", "output", { slack_channel: "#ops" }), "slack #ops")
    assert.strictEqual(destinationOf("slack", "undelivered", { slack_channel: "#ops" }), "slack")
    assert.strictEqual(destinationOf("email", "output", {}), "email")
    assert.strictEqual(destinationOf("webhook", "output", null), "webhook")
  })
})
