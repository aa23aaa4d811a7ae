import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { neutralise } from "../ControlCharacters.ts"
import { DeliveryFailure } from "../Domain/Delivery.ts"
import { formatInstant } from "../Domain/Instant.ts"
import type { Job } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"
import { deliveryNotes, headingOf } from "./CurrentDelivery.ts"
import { makeWrites } from "./Stdout/Writes.ts"

/** Where the `stdout` channel prints. Writes fail with a text when the reader is gone. */
export class StandardOutput extends Context.Tag("symbiont/StandardOutput")<
  StandardOutput,
  {
    readonly isTTY: boolean
    readonly write: (text: string) => Effect.Effect<void, string>
  }
>() {
  /** The standard output of this process. A closed pipe fails the write instead of ending the process. */
  static readonly layer: Layer.Layer<StandardOutput> = Layer.scoped(
    StandardOutput,
    Effect.gen(function* () {
      const ignore = () => {}
      yield* Effect.acquireRelease(
        Effect.sync(() => process.stdout.on("error", ignore)),
        () => Effect.sync(() => process.stdout.off("error", ignore))
      )
      return {
        isTTY: process.stdout.isTTY === true,
        write: (text) =>
          Effect.async<void, string>((resume) => {
            process.stdout.write(text, (error) => resume(error ? Effect.fail(error.message) : Effect.void))
          })
      }
    })
  )
}

/**
 * Prints a header line and each output, one at a time. What was handed over cannot be taken back: where an attempt gives
 * up on a write under way, the next one of that delivery waits for the same write instead of printing again.
 */
export const makeStdout = Effect.fnUntraced(function* (stdout: typeof StandardOutput.Service) {
  const writes = yield* makeWrites(stdout.write)
  return Effect.fnUntraced(function* (job: Job, run: Run, output: string) {
    const notes = yield* deliveryNotes("stdout", run)
    const { time, what } = yield* headingOf(notes, run)
    const text = `── ${job.name} · ${what} · ${formatInstant(time)} ──\n${output}${output.endsWith("\n") ? "" : "\n"}`
    yield* Effect.mapError(
      writes.once(notes.id, stdout.isTTY ? neutralise(text) : text),
      (why) =>
        new DeliveryFailure({
          channel: "stdout",
          message: `standard output cannot be written: ${why}`,
          permanent: false
        })
    )
  })
})
