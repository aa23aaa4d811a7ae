import type { IncomingMessage, ServerResponse } from "node:http"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as Runtime from "effect/Runtime"
import { Access } from "../Access.ts"
import { isHttpError } from "../Api.ts"
import { debugging } from "../Debugging.ts"
import type { Principal } from "../Domain/Key.ts"
import { countRequest, Metrics, MetricsEnabled } from "../Observability.ts"
import { admitted, Refusal } from "./Admission.ts"
import type { Answer } from "./Answer.ts"
import { readJson } from "./Body.ts"
import { answerOf, errorOf, noRoute, undecodable } from "./Failures.ts"
import { objection } from "./Guard.ts"
import { NodeServer } from "./Listener.ts"
import { clientGone, withRequestSpan } from "./RequestSpan.ts"
import { makeRouter, originForm } from "./Router.ts"
import type { Parts, Route } from "./Routes.ts"
import { sendStream } from "./SendStream.ts"

const countedMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])

/** A request that its route answers. */
interface Asked {
  readonly path: string
  readonly route: Route
  readonly params: Parts["params"]
  readonly principal: Principal
}

type Judged = Asked | { readonly path: string; readonly refusal: Refusal }

/**
 * Answers the requests of the server by these routes, until the scope ends. All but what a handler does is plain code,
 * as each request costs its share of it; only the handler is a fiber, which ends when the client goes away.
 */
export const serve = Effect.fnUntraced(function* (routes: ReadonlyArray<Route>) {
  const server = yield* NodeServer
  const access = yield* Access
  const clock = yield* Effect.clock
  const runtime = yield* Effect.runtime<never>()
  const metrics = (yield* MetricsEnabled) ? yield* Metrics : null
  const isTraced = yield* FiberRef.get(FiberRef.currentTracerEnabled)
  const debug = yield* debugging
  const run = Runtime.runFork(runtime)
  const router = makeRouter(routes.map((route) => ({ method: route.method, path: route.path, value: route })))

  /** Runs something whose result is sent; it is interrupted when the client is gone. */
  const runFor = <A, E>(
    response: ServerResponse,
    effect: Effect.Effect<A, E>,
    then: (exit: Exit.Exit<A, E>) => void
  ): void => {
    const fiber = run(effect)
    if (fiber.unsafePoll() === null) {
      response.once("close", () => {
        if (!response.writableEnded) fiber.unsafeInterruptAsFork(FiberId.none)
      })
    }
    fiber.addObserver(then)
  }

  const send = (request: IncomingMessage, response: ServerResponse, { body, headers, status }: Answer) => {
    if (response.destroyed || response.writableEnded) return
    response.writeHead(status, headers)
    if (body === null || request.method === "HEAD") response.end()
    else if (typeof body === "string" || body instanceof Uint8Array) response.end(body)
    else runFor(response, sendStream(response, body), () => undefined)
  }

  const failed = (cause: Cause.Cause<unknown>): Answer => {
    const { error, log } = errorOf(cause)
    if (log !== Effect.void) run(log)
    return answerOf(error)
  }

  const answered = (route: Route, exit: Exit.Exit<unknown, unknown>): Answer => {
    if (Exit.isFailure(exit)) {
      const { cause } = exit
      return Cause.isFailType(cause) && isHttpError(cause.error) ? answerOf(cause.error) : failed(cause)
    }
    try {
      return route.answer(exit.value)
    } catch (defect) {
      return failed(Cause.die(defect))
    }
  }

  /** Which route answers a request and who asks, or why none does. */
  const judged = (request: IncomingMessage, method: string, url: string): Judged => {
    const refused = objection(request, access.isOpen())
    if (refused !== undefined) return { path: "none", refusal: new Refusal(refused) }
    const found = router.find(method, url)
    if (found === undefined) return { path: "none", refusal: noRoute(method, url, router.methods(url)) }
    const { params, value: route } = found
    const principal = admitted(access, request, route.scope, clock.unsafeCurrentTimeMillis())
    return principal instanceof Refusal
      ? { path: route.path, refusal: principal }
      : { path: route.path, route, params, principal }
  }

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { headers, method = "" } = request
    const url = originForm(request.url ?? "/")
    const path = url.split("?", 1)[0] ?? ""
    const begun = metrics === null ? 0n : clock.unsafeCurrentTimeNanos()
    let route = "none"

    const count = (status: number): void => {
      if (metrics !== null) {
        const seconds = Number(clock.unsafeCurrentTimeNanos() - begun) / 1e9
        const counted = countedMethods.has(method) ? method : "other"
        countRequest(metrics, { method: counted, route, status, seconds })
      }
      // Not what was only read; and the path without its query, which may hold what is nobody's business.
      if (method !== "GET" || status >= 400) debug?.("request", { method, path, status })
    }

    const end = (answer: Answer): void => {
      const isGone = response.destroyed && !response.writableEnded
      send(request, response, answer)
      count(isGone ? clientGone : answer.status)
    }

    /** Gives an answer that is known, or comes of an effect; in a span where somebody gets those. */
    const finish = (effect: Effect.Effect<Answer>): void => {
      const spanned = isTraced ? withRequestSpan(request, { path, route }, effect) : effect
      runFor(response, spanned, (exit) => end(Exit.isSuccess(exit) ? exit.value : failed(exit.cause)))
    }
    const refuse = (answer: Answer): void => (isTraced ? finish(Effect.succeed(answer)) : end(answer))

    /** What nobody foresaw ends this request, and nothing else. */
    const guarded = (run: () => void): void => {
      try {
        run()
      } catch (defect) {
        if (response.headersSent) response.destroy()
        else end(failed(Cause.die(defect)))
      }
    }

    const respond = (asked: Asked, payload: unknown): void => {
      const { params, principal } = asked
      const handled = asked.route.handle({ params, payload, headers, url, principal })
      if (Either.isLeft(handled)) refuse(answerOf(undecodable(handled.left)))
      else if (isTraced) finish(Effect.map(Effect.exit(handled.right), (exit) => answered(asked.route, exit)))
      else runFor(response, handled.right, (exit) => guarded(() => end(answered(asked.route, exit))))
    }

    guarded(() => {
      const asked = judged(request, method, url)
      route = asked.path
      if ("refusal" in asked) refuse(answerOf(asked.refusal.error, asked.refusal.headers))
      else if (asked.route.readsBody) {
        readJson(
          request,
          url,
          (json) => guarded(() => ("value" in json ? respond(asked, json.value) : refuse(answerOf(json)))),
          () => count(clientGone)
        )
      } else respond(asked, undefined)
    })
  }

  yield* Effect.acquireRelease(
    Effect.sync(() => server.on("request", handle)),
    () => Effect.sync(() => server.off("request", handle))
  )
})
