import { createServer } from "node:http"
import * as HttpServer from "@effect/platform/HttpServer"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { NodeServer } from "../../src/Http.ts"

/** A plain HTTP server on a free port, and a client whose requests go there. */
export const TestServer = Layer.unwrapEffect(
  Effect.sync(() => {
    const server = createServer()
    return HttpServer.layerTestClient.pipe(
      Layer.provide(NodeHttpClient.layerWithoutAgent),
      Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: false })),
      Layer.provideMerge(
        Layer.merge(
          Layer.succeed(NodeServer, server),
          NodeHttpServer.layer(() => server, { port: 0 })
        )
      )
    )
  })
)
