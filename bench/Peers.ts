import { spawn } from "node:child_process"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const folder = process.env["BENCH_FOLDER"] ?? "bench"

const decodeFigures = Schema.decodeUnknownSync(
  Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Number }))
)

class PeerFailed extends Data.TaggedError("PeerFailed")<{ readonly message: string }> {}

/** What a peer measured of itself in a process of its own: the object of numbers that it prints. */
export const peer = (script: string, ...args: ReadonlyArray<string | number>) =>
  Effect.async<Readonly<Record<string, number>>, PeerFailed>((resume) => {
    const child = spawn(process.execPath, [`${folder}/peers/${script}.mjs`, ...args.map(String)], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let said = ""
    child.stdout.on("data", (text) => {
      said += String(text)
    })
    child.once("close", (code) =>
      resume(
        code === 0
          ? Effect.try({
              try: () => decodeFigures(said),
              catch: (cause) => new PeerFailed({ message: `${script}: ${cause}` })
            })
          : new PeerFailed({ message: `${script} ended with ${code}` })
      )
    )
  })
