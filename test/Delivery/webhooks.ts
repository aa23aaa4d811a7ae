import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import {
  CurrentDelivery,
  DeliveryNetwork,
  type DeliveryNotes,
  DeliveryRouter,
  StandardOutput
} from "../../src/Delivery.ts"
import { StoredJob } from "../../src/Domain/Job.ts"
import type { Run } from "../../src/Domain/Run.ts"
import type { ClientRules } from "../../src/Network/GuardedRequest.ts"
import { isPublicAddress } from "../../src/Network/PublicAddress.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"
import { Settings, SettingsSchema } from "../../src/Settings.ts"
import { type Behaviour, httpReceiver } from "../support/HttpReceiver.ts"
import { finishedRun, jobNamed } from "./fixtures.ts"

/** The real rules on a resolver that knows no name. */
export const noNames: ClientRules = {
  permits: isPublicAddress,
  resolve: () => Promise.reject(new Error("no name is resolved here"))
}

/** The settings of `[scheduler.delivery]`, as they are written. */
export type DeliveryTable = NonNullable<NonNullable<(typeof SettingsSchema.Encoded)["scheduler"]>["delivery"]>

/** What a router is made of. Loopback may be delivered to unless `delivery` says otherwise. */
export interface Setting {
  readonly delivery?: DeliveryTable
  /** Keys of `[scheduler.delivery]` whose variable, `UNSET`, is not set. */
  readonly unset?: ReadonlyArray<string>
  readonly variables?: Readonly<Record<string, string>>
  readonly withheld?: ReadonlySet<string>
  readonly network?: ClientRules
}

/** The real router, with nothing but the network as it is told. */
export const routerWith = ({
  delivery = {},
  network = noNames,
  unset = [],
  variables = {},
  withheld = new Set()
}: Setting) =>
  DeliveryRouter.layer.pipe(
    Layer.provide(
      Layer.succeed(Settings, {
        ...Schema.decodeUnknownSync(SettingsSchema)({
          scheduler: { delivery: { allow_hosts: ["127.0.0.1"], ...delivery } },
          server: {},
          agentpin: {}
        }),
        data_dir: "/nowhere",
        unset: unset.map((key) => ({ key: `scheduler.delivery.${key}`, variable: "UNSET" }))
      })
    ),
    Layer.provide(ServiceEnvironment.layer({ variables, withheld, directory: "/nowhere" })),
    Layer.provide(Layer.succeed(DeliveryNetwork, network)),
    Layer.provide(Layer.succeed(StandardOutput, { isTTY: false, write: () => Effect.void })),
    Layer.provide(NodeContext.layer)
  )

/** A job with a webhook, and further fields as they are written. */
export const jobWith = (fields: Readonly<Record<string, unknown>>): StoredJob =>
  Schema.decodeUnknownSync(StoredJob)({
    ...Schema.encodeSync(StoredJob)(jobNamed("nightly")),
    delivery: ["webhook"],
    ...fields
  })

/** The delivery under way. */
export const notes: DeliveryNotes = {
  id: "dlv_01jq0000000000000000000000",
  kind: "output",
  subject: "[symbi] nightly succeeded"
}

/** Sends one output of a job by webhook. */
export const toWebhook = (
  job: StoredJob,
  options: { readonly run?: Run; readonly output?: string; readonly notes?: DeliveryNotes } = {}
) =>
  Effect.flatMap(DeliveryRouter, (router) =>
    router.route("webhook", job, options.run ?? finishedRun(), options.output ?? "fine")
  ).pipe(Effect.provideService(CurrentDelivery, options.notes ?? notes))

/** A receiver, and how a job with these fields delivers to it. */
export const setUp = (script: ReadonlyArray<Behaviour>, setting: Setting = {}) =>
  Effect.map(httpReceiver(script), (receiver) => {
    const deliver = (fields: Readonly<Record<string, unknown>> = {}, options: Parameters<typeof toWebhook>[1] = {}) =>
      Effect.provide(
        toWebhook(jobWith({ webhook_url: `${receiver.url}/hook`, ...fields }), options),
        routerWith(setting)
      )
    const first = () => receiver.received[0] ?? assert.fail("nothing was received")
    return { receiver, deliver, first }
  })
