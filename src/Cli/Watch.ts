import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import { shortInstant } from "../Domain/Instant.ts"
import { CliError } from "./Errors.ts"
import { isTerminal, steerTerminal } from "./Terminal.ts"
import { cut } from "./Width.ts"

const every = "5 seconds"

/** A look that takes longer would shift the next. */
const patience = "4 seconds"

const enter = "\u001b[?1049h\u001b[?25l"
const leave = "\u001b[?25h\u001b[?1049l"

/** A whole screen written over the last one, in one go: nothing flickers, nothing of the last one stays. */
const screenOf = (text: string): string => {
  const lines = text.split("\n")
  const columns = process.stdout.columns || 80
  const room = Math.max(2, process.stdout.rows || 24)
  const more = lines.length - room
  const shown = more > 0 ? [...lines.slice(0, room - 1), `… ${more + 1} more lines`] : lines
  return `\u001b[?2026h\u001b[H${shown.map((line) => `${cut(line, columns)}\u001b[K`).join("\r\n")}\u001b[J\u001b[?2026l`
}

const toTheSecond = (millis: number): string => shortInstant(Math.floor(millis / 1_000) * 1_000)

interface Seen<A> {
  readonly value: A
  /** Since when the service has not answered, UTC ms; null when it did. */
  readonly silentSince: number | null
}

/** Draws again when the terminal changes its size. */
const onResize = Effect.fnUntraced(function* <R>(draw: Effect.Effect<void, never, R>) {
  const resized = yield* Queue.sliding<void>(1)
  const heard = () => {
    Queue.unsafeOffer(resized, undefined)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => process.stdout.on("resize", heard)),
    () => Effect.sync(() => process.stdout.off("resize", heard))
  )
  yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Queue.take(resized), draw)))
})

/**
 * Looks every 5 seconds, at a fixed rate, and shows what it sees until it is interrupted: on a terminal on a screen of
 * its own, elsewhere one below the other. A service that stops answering is waited for; one that never did is an error.
 */
export const watching = <A, R, R2>(
  look: Effect.Effect<A, CliError, R>,
  render: (value: A) => Effect.Effect<string, never, R2>
) =>
  Effect.gen(function* () {
    const onTerminal = yield* isTerminal
    const first: Seen<A> = { value: yield* look, silentSince: null }
    let seen = first

    const draw = Effect.gen(function* () {
      const now = toTheSecond(yield* Clock.currentTimeMillis)
      const { silentSince, value } = seen
      const trouble = silentSince === null ? "" : `no service since ${toTheSecond(silentSince)}, trying again\n\n`
      const text = `${trouble}${yield* render(value)}`
      yield* onTerminal
        ? steerTerminal(screenOf(`${now}, every 5 seconds; Ctrl-C ends\n\n${text}`))
        : Console.log(`${now}\n${text}\n`)
    })

    const again = look.pipe(
      Effect.timeoutFail({
        duration: patience,
        onTimeout: () => new CliError({ kind: "unreachable", message: "the service did not answer in time" })
      }),
      Effect.map((value): Seen<A> => ({ value, silentSince: null })),
      Effect.catchIf(
        ({ kind }) => kind === "unreachable" || kind === "failed",
        () => Effect.map(Clock.currentTimeMillis, (now): Seen<A> => ({ ...seen, silentSince: seen.silentSince ?? now }))
      )
    )

    if (onTerminal) {
      yield* Effect.acquireRelease(steerTerminal(enter), () => steerTerminal(leave))
      yield* onResize(draw)
    }
    yield* draw
    const step = Effect.flatMap(again, (next) => {
      seen = next
      return draw
    })
    yield* Effect.schedule(step, Schedule.fixed(every))
  }).pipe(Effect.scoped)
