import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { CliError } from "./Errors.ts"
import type { Reached } from "./Root.ts"

/** A server-sent event. */
export interface ServerEvent {
  readonly name: string
  readonly id: string | undefined
  readonly data: string
}

/** The events in the lines of an answer (html.spec.whatwg.org, "Server-sent events"). */
export const eventsIn = <E, R>(lines: Stream.Stream<string, E, R>): Stream.Stream<ServerEvent, E, R> => {
  let name = ""
  let id: string | undefined
  let data: Array<string> = []
  return Stream.filterMap(lines, (line) => {
    const [, field, value = ""] = /^(event|id|data): ?(.*)$/.exec(line) ?? []
    if (field === "event") name = value
    else if (field === "id") id = value
    else if (field === "data") data.push(value)
    if (line !== "" || name === "") return Option.none()
    const event = { name, id, data: data.join("\n") }
    name = ""
    id = undefined
    data = []
    return Option.some(event)
  })
}

const pause = "1 second"

const refused = (status: number, body: string): CliError => {
  const message = /"error":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1] ?? `the service answered ${status}`
  const kind =
    status === 401 || status === 403 ? "auth" : status === 404 ? "notFound" : status === 400 ? "usage" : "failed"
  return new CliError({ kind, message })
}

/**
 * Hears the events of a route until `isEnd`. When the service goes away it waits for it, and goes on after the last
 * event that had an id; `connected` hears of each beginning. Only a service that is not there at the start is an error.
 */
export const followEvents = (
  { apiKey, server }: Reached,
  path: string,
  hear: (event: ServerEvent) => Effect.Effect<void>,
  isEnd: (event: ServerEvent) => boolean,
  connected: () => void = () => undefined
) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const last = yield* Ref.make<string | undefined>(undefined)
    const lost = yield* Ref.make(false)
    const known = yield* Ref.make(false)

    const connect = Effect.gen(function* () {
      const after = yield* Ref.get(last)
      const request = HttpClientRequest.get(`${server.replace(/\/+$/, "")}${path}`, {
        headers: {
          accept: "text/event-stream",
          ...(after === undefined ? {} : { "last-event-id": after }),
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${Redacted.value(apiKey)}` })
        }
      })
      const response = yield* client.execute(request)
      if (response.status >= 500) return false
      if (response.status !== 200) return yield* refused(response.status, yield* response.text)
      connected()
      yield* Ref.set(known, true)
      if (yield* Ref.getAndSet(lost, false)) yield* Console.error("the service is back")
      const ended = yield* Ref.make(false)
      yield* eventsIn(response.stream.pipe(Stream.decodeText(), Stream.splitLines)).pipe(
        Stream.tap((event) =>
          isEnd(event)
            ? Ref.set(ended, true)
            : Effect.zipRight(hear(event), event.id === undefined ? Effect.void : Ref.set(last, event.id))
        ),
        Stream.takeUntil(isEnd),
        Stream.runDrain
      )
      return yield* Ref.get(ended)
    }).pipe(
      Effect.catchTags({
        RequestError: () =>
          Effect.flatMap(Ref.get(known), (wasThere) =>
            wasThere
              ? Effect.succeed(false)
              : new CliError({
                  kind: "unreachable",
                  message: `no service answers at ${server}; start one with \`symbi up\`, name another with --server, or read its files with --data`
                })
          ),
        ResponseError: () => Effect.succeed(false)
      })
    )

    const waiting = Effect.gen(function* () {
      if (!(yield* Ref.getAndSet(lost, true))) yield* Console.error("the service is gone; waiting for it")
      yield* Effect.sleep(pause)
    })

    yield* Effect.iterate(false, {
      while: (ended) => !ended,
      body: () => Effect.tap(connect, (ended) => (ended ? Effect.void : waiting))
    })
  })
