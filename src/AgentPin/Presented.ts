import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { interpolate, ServiceEnvironment } from "../ServiceEnvironment.ts"
import { Refusal } from "./Refusal.ts"
import { maxTokenLength } from "./Token.ts"

const filePrefix = "file:"

const missing = (detail: string) => new Refusal({ code: "CREDENTIAL_MISSING", detail })

/** A credential without the one line break that editors and `echo` put at its end. */
export const withoutLineBreak = (text: string): string => (text.endsWith("\n") ? text.slice(0, -1) : text)

/**
 * Resolves what a job presents: the credential itself, `${VAR}`, or `file:PATH` relative to the service's folder. Files
 * are read at each call, so that what keeps a credential fresh has only to write it there.
 */
export const makePresented = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { directory, variables } = yield* ServiceEnvironment

  // One character more than a credential may have shows that it is too long; the file may be any size.
  const readStart = Effect.fnUntraced(
    function* (file: string) {
      const { type } = yield* fs.stat(file)
      if (type !== "File") return ""
      const opened = yield* fs.open(file)
      const bytes = yield* opened.readAlloc(maxTokenLength + 2)
      return Option.match(bytes, { onNone: () => "", onSome: (read) => Buffer.from(read).toString("utf8") })
    },
    Effect.scoped,
    Effect.orElseSucceed(() => "")
  )

  return Effect.fnUntraced(function* (written: string | undefined) {
    if (written === undefined) return yield* missing("the job presents no credential; set agent_pin_jwt")
    const resolved = interpolate(written, variables)
    if (Either.isLeft(resolved)) {
      return yield* missing(`the environment variable ${resolved.left} is not set; agent_pin_jwt refers to it`)
    }
    if (resolved.right === "") return yield* missing("agent_pin_jwt is empty")
    if (!written.startsWith(filePrefix)) return resolved.right
    const file = path.resolve(directory, resolved.right.slice(filePrefix.length))
    const token = withoutLineBreak(yield* readStart(file))
    return token === "" ? yield* missing(`${file} is missing, empty or no file; write the credential there`) : token
  })
})
