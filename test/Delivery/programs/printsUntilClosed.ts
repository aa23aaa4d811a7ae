import * as Effect from "effect/Effect"
import { StandardOutput } from "../../../src/Delivery.ts"

// Prints until the reader is gone, then says on stderr how the write failed and ends by itself.
Effect.runFork(
  Effect.gen(function* () {
    const stdout = yield* StandardOutput
    const failure = yield* Effect.flip(Effect.forever(stdout.write("line\n".repeat(1_000))))
    process.stderr.write(`failed: ${failure}, terminal: ${stdout.isTTY}`)
  }).pipe(Effect.provide(StandardOutput.layer))
)
