import type * as Stream from "effect/Stream"
import { securityHeaders } from "./SecurityHeaders.ts"

type Headers = Readonly<Record<string, string>>

/** An answer as it is sent. A text goes out together with its head; of a stream, each piece as it comes. */
export class Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string | Uint8Array | Stream.Stream<Uint8Array> | null

  constructor(status: number, headers: Headers, body: Answer["body"]) {
    this.status = status
    this.headers = { ...securityHeaders, ...headers }
    this.body = body
  }
}

/** An answer of some length. */
export const whole = (status: number, contentType: string, body: string | Uint8Array, headers?: Headers): Answer =>
  new Answer(
    status,
    { "content-type": contentType, "content-length": String(Buffer.byteLength(body)), ...headers },
    body
  )

/** A value that is JSON already. */
export const json = (status: number, value: unknown, headers?: Headers): Answer =>
  whole(status, "application/json", JSON.stringify(value), headers)

/** An answer whose length is not known. */
export const streamed = (contentType: string, body: Stream.Stream<Uint8Array>, headers?: Headers): Answer =>
  new Answer(200, { "content-type": contentType, ...headers }, body)

/** What a handler gives, and headers of its answer. */
export class WithHeaders<out A> {
  readonly value: A
  readonly headers: Headers

  constructor(value: A, headers: Headers) {
    this.value = value
    this.headers = headers
  }
}
