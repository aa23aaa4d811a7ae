import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Settings, SettingsSchema } from "../../src/Settings.ts"

/** The real file system, and default settings whose data folder is a fresh one that the test's scope removes. */
export const temporaryData = Layer.scoped(
  Settings,
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const data_dir = yield* fs.makeTempDirectoryScoped({ prefix: "symbiont-test-" })
    const defaults = yield* Schema.decodeUnknown(SettingsSchema)({ scheduler: {}, server: {}, agentpin: {} })
    return { ...defaults, data_dir }
  })
).pipe(Layer.provideMerge(NodeContext.layer))
